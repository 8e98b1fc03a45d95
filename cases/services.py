"""What a person, a program or a task can ask of floor 1: take a request in, add a message to a case.

Anything that must also touch agents' runs or approvals (take-over, sorting, closing) is a service of the roof.
"""

import re
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from cases import rows, transitions
from cases.actors import Actor
from cases.clock import database_now
from cases.errors import Incorrect
from cases.ledger import Entry
from cases.models import Case, Message, RequestType
from cases.plainly import plain
from cases.texts import language_of

MOST_TEXT = 100_000  # characters of one message; longer ones are documents, not messages
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Sender:
    """Who wrote. `customer` counts only from a trusted identity or a staff form."""

    name: str = ""
    contact: str = ""
    customer: str = ""


def take_in(
    *,
    actor: Actor,
    source: str,
    channel: str,
    sender: Sender,
    text: str,
    subject: str = "",
    type_name: str = "",
    of_type: RequestType | None = None,
    form: dict[str, Any] | None = None,
    operations: Sequence[str] | None = None,
    external_id: str = "",
) -> tuple[Case, bool]:
    """A request comes in. Returns the case and whether it is new; a repeated `external_id` gives the same case.

    `type_name` is what the sender named, so a retired type is refused. `of_type` is the type of a case that this one
    follows from: cases of a type run on after it was retired, and so does what is to be reversed in them.
    Raises `Incorrect` for an entry that cannot be kept. When this returns, the request survives any crash.
    """
    _check(source=source, channel=channel, text=text, subject=subject, external_id=external_id, sender=sender)
    if external_id and (known := _known(actor, external_id)):
        return known, False
    try:
        with transaction.atomic() if external_id else nullcontext():  # one statement stores it; this is for the refusal
            return (
                _receive(
                    actor, source, channel, sender, text, subject, of_type or type_name, form, operations, external_id
                ),
                True,
            )
    except IntegrityError:  # the same external_id came in on another connection at this moment
        if external_id and (known := _known(actor, external_id)):
            return known, False
        raise


def _receive(
    actor: Actor,
    source: str,
    channel: str,
    sender: Sender,
    text: str,
    subject: str,
    type_: RequestType | str,
    form: dict[str, Any] | None,
    operations: Sequence[str] | None,
    external_id: str,
) -> Case:
    number, now, type_id = _reserve(type_)
    trusted = actor.trusted or actor.is_person
    case = rows.fresh(
        Case,
        id=number,
        type_id=type_id,
        sorting={"by": "named", "by_whom": actor.label} if type_id else {},
        confidence=1.0 if type_id else None,
        stage=Case.Stage.SORT,
        source=source,
        channel=channel,
        language=language_of(f"{subject} {text}"),
        subject=subject or _first_line(text),
        requester_name=sender.name[:200],
        contact=sender.contact[:254],
        customer=sender.customer[:200] if trusted else "",
        customer_from=("staff" if actor.is_person else "trusted") if trusted and sender.customer else "",
        form=plain(form or {}),
        form_binds=actor.is_person,
        operations=plain(list(operations)) if operations is not None else None,
        token_id=actor.token_id,
        external_id=external_id,
        opened_by_id=actor.user_id,
    )
    message = rows.fresh(
        Message,
        case=case,
        direction=Message.Direction.IN,
        author=(sender.name or sender.contact or actor.label)[:200],
        text=text,
        language=case.language,
        at=now,
    )
    data = {
        "source": source,
        "channel": channel,
        "subject": case.subject,
        "name": sender.name,
        "contact": sender.contact,
        "customer": case.customer,
        "type": type_ if isinstance(type_, str) else type_.name,
        "text": text[:2000],
        "through": actor.label,
    }
    return transitions.receive(case, message, [Entry("request.received", actor, data)], now=now)


def add_message(
    case: Case, *, actor: Actor, direction: str, text: str, author: str, now: datetime, by_ai: bool = False
) -> tuple[Message, Entry]:
    """A message row for a locked case, and the event that tells of it; the caller saves the case with the event."""
    _check_text(text)
    message = Message.objects.create(
        case=case,
        direction=direction,
        author=plain(author)[:200],
        text=text,
        language=language_of(text),
        by_ai=by_ai,
        at=now,
    )
    code = {"in": "message.received", "out": "message.sent", "note": "message.noted"}[direction]
    return message, Entry(code, actor, {"author": author, "text": text[:2000], "message": message.pk})


def _known(actor: Actor, external_id: str) -> Case | None:
    return Case.objects.filter(token_id=actor.token_id, external_id=external_id).first()


def _reserve(type_: RequestType | str) -> tuple[int, datetime, int | None]:
    """Number, time, and the type: given, or named by the sender; a name that is no type's is refused."""
    if isinstance(type_, RequestType):
        number, now, _none = transitions.reserve_number()
        return number, now, type_.pk
    storable = not _UNSTORABLE.search(type_)
    number, now, type_id = transitions.reserve_number(type_ if storable else "")
    if type_ and type_id is None:
        raise Incorrect(
            _("There is no request type %(name)s. Nothing was changed.") % {"name": type_},
            fields={"type": [type_]},
        )
    return number, now, type_id


def _check(*, source: str, channel: str, text: str, subject: str, external_id: str, sender: Sender) -> None:
    if source not in Case.Source.values:
        raise Incorrect(
            _("The source must be one of: %s.") % ", ".join(Case.Source.values), fields={"source": [source]}
        )
    if channel not in Case.Channel.values:
        raise Incorrect(
            _("The channel must be one of: %s.") % ", ".join(Case.Channel.values), fields={"channel": [channel]}
        )
    _check_text(text)
    limits = {"subject": (subject, 300), "external_id": (external_id, 200), "from.name": (sender.name, 200)}
    limits |= {"from.contact": (sender.contact, 254), "from.customer": (sender.customer, 200)}
    for field, (value, most) in limits.items():
        if len(value) > most or _UNSTORABLE.search(value):
            raise Incorrect(
                _("%(field)s is too long or has characters that cannot be kept. Nothing was changed.")
                % {"field": field},
                fields={field: [_("At most %s characters.") % most]},
            )


def _check_text(text: str) -> None:
    if not text.strip():
        raise Incorrect(_("There is no text. Nothing was changed."), fields={"text": [_("Write what is asked for.")]})
    if len(text) > MOST_TEXT:
        raise Incorrect(
            _("The text has %(is)s characters; at most %(most)s are taken. Nothing was changed.")
            % {"is": len(text), "most": MOST_TEXT},
            fields={"text": [_("Too long.")]},
        )
    if _UNSTORABLE.search(text):
        raise Incorrect(
            _("The text has a character that cannot be kept (U+0000 or half a surrogate pair). Nothing was changed."),
            fields={"text": [_("Take the character out.")]},
        )


def _first_line(text: str) -> str:
    """The request in one line, for lists: its first line, cut at a word."""
    line = text.strip().splitlines()[0].strip()
    return line if len(line) <= 120 else line[:119].rsplit(" ", 1)[0] + "…"


def now_and_lock(case_id: int) -> tuple[Case, datetime]:
    """Lock a case and read the clock; first thing of every service that changes one."""
    case = transitions.lock(case_id)
    return case, database_now()
