"""After the hold: reverse what was written. A case of its own, with the receipt that was stored before the write.

The reversal is a call like any other: the same gate, the same rules, and somebody else decides where they ask.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from agents.errors import BadArguments, Forbidden, Refused
from agents.models import Write
from approvals import receipts
from cases import transitions
from cases.actors import Actor
from cases.clock import database_now
from cases.errors import NoRight, NotFound, ReasonRequired, WrongState
from cases.ledger import Entry
from cases.models import Case, Message
from cases.permissions import can_see, can_work
from cases.plainly import plain
from cases.services import Sender, take_in
from orchestrator.desk.services import reopen, take_over
from orchestrator.flow import calls

W = Write.State


@dataclass(frozen=True)
class Started:
    """The reversal's case, which the person has, and what became of the call: its status, or why it was refused."""

    case: Case
    status: str
    refused: str = ""


def start_reversal(*, actor: Actor, write_id: Any, reason: str) -> Started:
    """Open the case of a reversal and ask for its call. Asked again it is the same case and the same call.

    A case of it that ended without reversing is opened again, and is this person's.
    Raises `NotFound`, `NoRight`, `ReasonRequired`, `WrongState` (not written, no receipt, too late, reversed already,
    or a colleague has its case).
    """
    write = Write.objects.select_related("operation", "case__type").filter(pk=write_id).first()
    if write is None or not actor.is_person or not can_see(actor.user, write.case):
        raise NotFound
    if not can_work(actor.user, write.case):
        raise NoRight(_("You can see this case, but its team works on it. Nothing was changed."))
    if not reason.strip():
        raise ReasonRequired()
    case = _opened(actor, write, plain(reason).strip()[:500])
    receipt = write.receipt
    try:
        answer = calls.call(
            actor=actor,
            case_id=case.pk,
            operation=receipt["operation"],
            arguments=receipt["arguments"],
            turn=case.turn,
            why=plain(reason).strip()[:300],
        )
    except (Refused, BadArguments, Forbidden) as refusal:
        return Started(case, "refused", refusal.message)
    return Started(case, answer.status, answer.error)


def _opened(actor: Actor, write: Write, reason: str) -> Case:
    with transaction.atomic():
        before = transitions.lock(write.case_id)  # whoever else starts it waits here, and then finds the case
        now = database_now()
        write.refresh_from_db(fields=["state", "receipt"])
        _can_be_reversed(write, now)
        case, new = take_in(
            actor=actor,
            source=Case.Source.STAFF,
            channel=Case.Channel.STAFF,
            sender=Sender(before.requester_name, before.contact, before.customer),
            subject=f"{_('Reversal')}: {write.operation.shown} · {before.number}"[:300],
            text=f"{reason}\n\n{_first_message(before)}",
            of_type=before.type,
            form=before.form,
            external_id=f"{Case.REVERSAL}{write.pk}",
        )
        if new:
            # Nobody is better known by a reversal than they were: what was found by contact stays found by contact.
            Case.objects.filter(pk=case.pk).update(customer_from=before.customer_from, form_binds=before.form_binds)
        else:
            case = transitions.lock(case.pk)
            if not _is_to_be_taken(case, actor, write.receipt["operation"]):
                return case
            if not case.is_open:
                reopen(actor=actor, case_id=case.pk)
        case = take_over(actor=actor, case_id=case.pk)
        data = {"case": case.number, "write": str(write.pk), "title": write.operation.title, "reason": reason}
        transitions.save(before, [Entry("case.reversal", actor, data)], now=now)
    return case


def _can_be_reversed(write: Write, now: datetime) -> None:
    if write.state != W.WRITTEN:
        raise WrongState(_("Only what was written can be reversed. Nothing was changed."))
    if not receipts.is_whole(write):
        raise WrongState(_("No way to reverse this is known. Take the case over and reverse it by hand."))
    if not receipts.in_time(write, now):
        raise WrongState(_("The time to reverse this in its system is over. Nothing was changed."))


def _is_to_be_taken(case: Case, actor: Actor, operation: str) -> bool:
    """Whether the reversal's case from before (locked) is nobody's now; False where this person has it.

    A write of an earlier turn is not found by the call, so it is looked for here: nothing is reversed twice.
    """
    mine = case.is_open and case.holder_user_id == actor.user_id
    made = Write.objects.filter(case=case, operation__name=operation, state__in=Write.TAKES_PLACE)
    if (made.exclude(turn=case.turn) if mine else made).exists():
        raise WrongState(
            _("Case %(number)s has reversed this already, or is about to. Look there; nothing was changed.")
            % {"number": case.number}
        )
    if case.is_open and not mine and case.holder_user_id is not None:
        raise WrongState(
            _("Case %(number)s is to reverse this, and somebody else has it. Look there; nothing was changed.")
            % {"number": case.number}
        )
    return not mine


def _first_message(case: Case) -> str:
    first = case.messages.filter(direction=Message.Direction.IN).order_by("id").first()
    return first.text if first else ""
