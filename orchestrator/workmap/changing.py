"""One record changed by hand (the admin): the same check, plan and moves as a load of the whole map."""

from dataclasses import dataclass, field
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from cases.actors import Actor
from cases.errors import ReasonRequired
from cases.ledger import append_company
from cases.models import Case
from orchestrator.workmap import live as live_records
from orchestrator.workmap import transitions
from orchestrator.workmap.checking import check_whole
from orchestrator.workmap.errors import Refused
from orchestrator.workmap.planning import after, plan
from orchestrator.workmap.problems import Report
from orchestrator.workmap.records import Key, Record, Records, name_of_grant, normal
from orchestrator.workmap.schema import SHAPES


@dataclass(slots=True)
class Change:
    """What became of it: `in_force` for what is done, `waiting` for what a second person must publish; in
    words."""

    in_force: list[str] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)
    drafts: list[int] = field(default_factory=list)


def problems(key: Key, becomes: Record | None) -> list[str]:
    """What is wrong with this record, alone and among those in force, in words; empty if nothing is."""
    return _problems(live_records.read().records, key, becomes)


def _problems(live: Records, key: Key, becomes: Record | None) -> list[str]:
    """Problems that were there before the change are not its own."""
    old = {problem.text for problem in check_whole(live)}
    if becomes is not None:
        report = Report()
        SHAPES[key[0]].check(becomes, (), report)
        if report:
            return [problem.text for problem in report.problems]
    changed = after(live, {key: None if becomes is None else normal(key[0], becomes)})
    return [problem.text for problem in check_whole(changed) if problem.text not in old]


def change(*, actor: Actor, key: Key, becomes: Record | None, reason: str, now: datetime) -> Change:
    """Bring one record into force, or retire it (None). On a running system what loosens becomes a draft.

    `key`: a grant without a name gets the next one of its agent and operation. Raises ReasonRequired and Refused.
    """
    if not reason.strip():
        raise ReasonRequired(_("Say why this changes. A reason is needed here, and nothing was changed."))
    with transaction.atomic():
        transitions.lock()
        live = live_records.read()
        if key[0] == "grant" and not key[1] and becomes is not None:
            pair = (str(becomes.get("agent")), str(becomes.get("operation")))
            key = ("grant", name_of_grant(*pair, live.taken.get(pair, 0) + 1))
        if found := _problems(live.records, key, becomes):
            raise Refused(found)
        wanted = {key: None if becomes is None else normal(key[0], becomes)}
        made = plan(live.records, wanted, retired=live.retired, running=Case.objects.exists())
        waiting = [words for one in made.waiting for words in one.words]
        entries = transitions.bring_into_force(
            made.apply, live, actor=actor, reason=reason, words=made.in_force, code="policy.changed"
        )
        drafts, proposed = transitions.propose(made.waiting, live, actor=actor, reason=reason, now=now)
        append_company([*entries, *proposed], now=now)
    return Change(made.in_force, waiting, [draft.pk for draft in drafts])
