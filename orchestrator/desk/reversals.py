"""After the hold: reverse what was written. A case of its own, with the receipt that was stored before the write.

The reversal is a call like any other: the same gate, the same rules, and somebody else decides where they ask.
"""

from dataclasses import dataclass
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
from orchestrator.desk.services import take_over
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

    Raises `NotFound`, `NoRight`, `ReasonRequired`, `WrongState` (not written, no receipt, or too late).
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
        before = transitions.lock(write.case_id)
        now = database_now()
        write.refresh_from_db(fields=["state", "receipt"])
        if write.state != W.WRITTEN:
            raise WrongState(_("Only what was written can be reversed. Nothing was changed."))
        if not receipts.is_whole(write):
            raise WrongState(_("No way to reverse this is known. Take the case over and reverse it by hand."))
        if not receipts.in_time(write, now):
            raise WrongState(_("The time to reverse this in its system is over. Nothing was changed."))
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
        if not new:
            return case
        # Nobody is better known by a reversal than they were: what was found by contact stays found by contact.
        Case.objects.filter(pk=case.pk).update(customer_from=before.customer_from, form_binds=before.form_binds)
        case = take_over(actor=actor, case_id=case.pk)
        data = {"case": case.number, "write": str(write.pk), "title": write.operation.title, "reason": reason}
        transitions.save(before, [Entry("case.reversal", actor, data)], now=now)
    return case


def _first_message(case: Case) -> str:
    first = case.messages.filter(direction=Message.Direction.IN).order_by("id").first()
    return first.text if first else ""
