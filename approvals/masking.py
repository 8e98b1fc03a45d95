"""Masked arguments: hidden on the approval page until whoever may decide opens one. Each opening is recorded."""

from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from approvals import sheet, transitions
from approvals.permissions import asked_as, can_undo
from approvals.selectors import no_right, seen
from cases import transitions as case_transitions
from cases.actors import Actor
from cases.clock import database_now
from cases.errors import Incorrect
from cases.ledger import Entry


def open_masked(*, actor: Actor, approval_id: Any, name: str) -> None:
    """Record that `actor` opens the masked argument `OPTION.WRITE.ARGUMENT`.

    Raises `NoRight` unless they may decide it or did, `Incorrect` if there is no such argument.
    """
    approval = seen(actor, approval_id)
    with transaction.atomic():
        case = case_transitions.lock(approval.case_id)
        approval = transitions.lock(approval.pk)
        if asked_as(actor.user, approval) is None and not can_undo(actor.user, approval):
            raise no_right(actor, approval)
        for write in approval.proposal.writes.select_related("operation"):
            for argument in write.operation.masked:
                if sheet.opening(write, argument) == name and argument not in write.operation.secret:
                    data = {"approval": str(approval.pk), "write": write.name, "argument": argument}
                    entry = Entry("approval.opened", actor, {**data, "operation": write.operation.name})
                    case_transitions.save(case, [entry], now=database_now())
                    return
    raise Incorrect(_("There is nothing of that name to open."), fields={"open": []})
