"""Rows for the API's lists and records, with what each needs fetched at once. What a token sees is decided
in `sight.py`.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import F, Prefetch, Q, QuerySet

from agents.models import Agent, Proposal, Run, StepWork, Write
from approvals.models import Approval, ApprovalQuerySet, Asked, Decision
from cases import searching
from cases.models import Case, Company, Event, Fact, Message, Step
from cases.models.running import CaseQuerySet


def matching(
    cases: CaseQuerySet, options: Mapping[str, Any], *, user: Any, now: datetime, back: bool = False
) -> CaseQuerySet:
    """`cases`, those past the cursor, narrowed by the options of `GET /cases/`; `back`: for the page before.

    Words come last: a search finds so many cases and no more, and these must be of the page that is asked for.
    """
    plain = {"type": "type__name", "status": "status", "team": "type__team__name"}
    found = cases.filter(**{field: options[name] for name, field in plain.items() if options.get(name)})
    if holder := options.get("holder"):
        found = found.filter(holder_user=user) if holder == "me" else found.filter(holder_kind=holder)
        found = found.none() if holder == "me" and user is None else found
    if due := options.get("due"):
        found = found.exclude(status__in=Case.CLOSED).filter(_due(due, now))
    if words := options.get("q", "").strip():
        found = found.filter(searching.saying(found, words, oldest=back))
    return found.select_related("type", "holder_user", "holder_team")


def _due(due: str, now: datetime) -> Q:
    if due == "late":
        return Q(finish_due__lt=now) | Q(late_since__isnull=False)
    zone = ZoneInfo(Company.objects.values_list("time_zone", flat=True).first() or "UTC")
    midnight = now.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    days = {"today": 1, "week": 7}[due]
    return Q(finish_due__lt=midnight + timedelta(days=days))


def steps_of(case: Case) -> list[tuple[Step, str | None, str | None]]:
    """The steps of the case's type in order, each with the name of its agent and of its team."""
    if case.type_id is None:
        return []
    steps = Step.objects.filter(type_id=case.type_id, retired=False).select_related("team").order_by("position", "pk")
    agents = dict(
        StepWork.objects.filter(step__type_id=case.type_id, retired=False).values_list("step_id", "agent__name")
    )
    return [(step, agents.get(step.pk), step.team.name if step.team else None) for step in steps]


def facts_of(case: Case) -> list[Fact]:
    """The declared facts of the case's type in order, with their sources."""
    if case.type_id is None:
        return []
    rows = Fact.objects.filter(type_id=case.type_id, retired=False).order_by("position", "pk")
    return list(rows.prefetch_related("sources__operation"))


def messages_of(case: Case, *, notes: bool) -> QuerySet[Message]:
    rows = Message.objects.filter(case=case).order_by("id")
    return rows if notes else rows.exclude(direction=Message.Direction.NOTE)


def proposals_of(case: Case, agent: Agent | None = None) -> QuerySet[Proposal]:
    """Proposals of a case; with `agent`, only its own."""
    rows = Proposal.objects.filter(case=case).order_by("created_at", "id")
    return rows.filter(proposer_agent=agent) if agent else rows


def with_writes(proposals: QuerySet[Proposal]) -> QuerySet[Proposal]:
    """Proposals with what their representation shows."""
    writes = Write.objects.select_related("operation", "case__type").order_by("option", "position")
    return proposals.select_related("case").prefetch_related(
        Prefetch("writes", queryset=writes),
        Prefetch("approvals", queryset=Approval.objects.order_by("created_at")),
    )


def with_asked(approvals: ApprovalQuerySet) -> ApprovalQuerySet:
    """Approvals with what their representation shows."""
    writes = Write.objects.select_related("operation", "case__type").order_by("option", "position")
    return approvals.select_related("case__type", "proposal").prefetch_related(
        Prefetch("proposal__writes", queryset=writes),
        Prefetch("asked", queryset=Asked.objects.select_related("team").order_by("since", "pk")),
        Prefetch("decisions", queryset=Decision.objects.filter(undone_at=None).order_by("pk")),
    )


def timeline_of(case: Case) -> QuerySet[Event]:
    return Event.objects.filter(case=case).select_related("detail")


def runs_of(agent: Agent, *, open_only: bool) -> QuerySet[Run]:
    """Runs of an agent; the open ones are those of the present turn of their case."""
    rows = Run.objects.filter(agent=agent).select_related("case__type", "agent")
    if not open_only:
        return rows
    return rows.filter(state=Run.State.OPEN, turn=F("case__turn"))


def does_of(runs: Sequence[Run]) -> dict[tuple[int | None, str], Any]:
    """What each step of these runs does, by request type and name of the step."""
    types = {run.case.type_id for run in runs}
    rows = Step.objects.filter(type__in=types - {None}, retired=False)
    return {(type_id, name): does for type_id, name, does in rows.values_list("type_id", "name", "does")}


def events_of(case: Case) -> Sequence[Event]:
    return list(timeline_of(case).order_by("seq"))


def all_runs_of(case: Case) -> QuerySet[Run]:
    return Run.objects.filter(case=case).select_related("agent").order_by("id")


def decided_of(case: Case) -> QuerySet[Approval]:
    """Approvals of a case with everybody who was asked and every decision, undone ones too."""
    asked = Prefetch("asked", queryset=Asked.objects.select_related("team").order_by("since", "pk"))
    return Approval.objects.filter(case=case).prefetch_related(asked, "decisions").order_by("created_at", "id")


def writes_of(case: Case) -> QuerySet[Write]:
    rows = Write.objects.filter(case=case).select_related("operation__system")
    return rows.order_by("proposal__created_at", "option", "position", "id")
