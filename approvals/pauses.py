"""Gives waiting approvals back the time that a pause of the AI took from them, once, when it ends."""

from datetime import datetime

from django.db import transaction
from django.db.models import Q

from agents.configuration import Configuration
from approvals.models import Approval
from cases import transitions as case_transitions
from cases.actors import CONTROL
from cases.calendars import Duration, add, between
from cases.ledger import Entry


def give_time_back(config: Configuration, *, scope: str, name: str, since: datetime, until: datetime, key: str) -> int:
    """Move the deadline of each approval that the pause covered by the working time it lost.

    `key` names the pause: an approval gets the time of one pause once, however often this runs. Returns how many.
    """
    covered = Approval.objects.filter(_covered(scope, name), state="waiting", due_at__gt=since, created_at__lt=until)
    covered = covered.exclude(time_back__contains=[key])
    changed = 0
    for approval_id, case_id in list(covered.values_list("pk", "case_id")):
        with transaction.atomic():
            case = case_transitions.lock(case_id)
            approval = Approval.objects.select_for_update().get(pk=approval_id)
            if approval.state != "waiting" or approval.due_at is None or key in approval.time_back:
                continue
            due_at = _later(approval, config, max(since, approval.created_at), until)
            rows = Approval.objects.filter(pk=approval_id, state="waiting")
            rows.update(due_at=due_at, time_back=[*approval.time_back, key], changed_at=until)
            data = {"approval": str(approval_id), "was_due": approval.due_at, "due_at": due_at}
            entry = Entry("approval.time_back", CONTROL, data)
            case_transitions.save(case, [entry], now=until, **case_transitions.wake(case, until))
            changed += 1
    return changed


def _later(approval: Approval, config: Configuration, since: datetime, until: datetime) -> datetime:
    """The deadline, later by the working seconds (in the ask's calendar) between the two times."""
    assert approval.due_at is not None  # noqa: S101  # the caller looked
    name = next((str(a["calendar"]) for a in approval.asks if a.get("calendar")), "")
    calendar = config.calendars.get(name)
    lost = int(between(since, until, calendar))
    return add(approval.due_at, Duration(lost), calendar)


def _covered(scope: str, name: str) -> Q:
    """Approvals of agents' proposals that the switch was about."""
    by_agent = Q(proposal__proposer_agent__isnull=False)
    narrowed: dict[str, Q] = {
        "all": Q(),
        "agent": Q(proposal__proposer_agent__name=name),
        "type": Q(case__type__name=name),
        "system": Q(proposal__writes__operation__system__name=name),
    }
    return by_agent & narrowed[scope]
