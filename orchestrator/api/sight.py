"""Which cases a token sees. A person's are `visible_to`, a team's what that team sees, an agent's where it
has work.

Missing and foreign look alike: the same 404 with the same words.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Exists, F, OuterRef, Q, QuerySet

from agents import configuration, gate
from agents.configuration import Configuration
from agents.models import Agent, Grant, Operation, Run, StepWork
from approvals.models import Approval, ApprovalQuerySet, StandingApproval
from cases.clock import database_now
from cases.errors import NotFound
from cases.models import Case, CaseSight, RequestType, RequestTypeGroupPermission, Team
from cases.models.running import CaseQuerySet
from orchestrator.api.calls import Call
from orchestrator.api.errors import NotOpen
from orchestrator.api.models import ApiToken


def cases_of(token: ApiToken) -> CaseQuerySet:
    """The cases that this token may name."""
    if token.may("agent") and token.agent:
        return _with_open_run(token.agent)
    if token.user is not None and token.may("staff", "read"):
        return Case.objects.visible_to(token.user)
    if token.team is not None and token.may("read"):
        return seen_by_team(token.team)
    return Case.objects.none()


def seen_by_team(team: Team) -> CaseQuerySet:
    """What every member of `team` sees through it, as `visible_to` has it: its types, cases it was asked about, and
    what nobody has sorted yet if it works on any type."""
    sight = CaseSight.objects.filter(team=team, case=OuterRef("pk"))
    by_type = Q(type__in=_types_seen_by(team), confidential=False)
    untyped = Q(type=None, confidential=False) & Exists(_types_seen_by(team, "work"))
    return Case.objects.filter(by_type | untyped | Q(Exists(sight)))


def whole_types_of(token: ApiToken) -> set[int]:
    """Request types of which this token may name every case, confidential ones apart."""
    if token.may("agent") and token.agent:
        return set()
    if token.user is not None and token.may("staff", "read"):
        seen = RequestType.objects.with_right(token.user, "see") if token.user.is_active else RequestType.objects.none()
        return set(seen.values_list("pk", flat=True))
    if token.team is not None and token.may("read"):
        return {int(pk) for pk in _types_seen_by(token.team).values_list("content_object_id", flat=True)}
    return set()


def find_case(call: Call, number: int) -> Case:
    """The case, if this token may name it. Raises `NotFound`, for an agent that is early `NotOpen`."""
    case = cases_of(call.token).select_related("type", "holder_user", "holder_team").filter(pk=number).first()
    if case is not None:
        return case
    if call.is_agent and call.token.agent:
        _tell_if_early(call.token.agent, number)
    raise NotFound


def find_case_of_turn(call: Call, number: int, turn: int) -> Case:
    """As `find_case`; an agent may also name the turn it had a run in, to be told that the turn passed."""
    agent = call.token.agent
    if call.is_agent and agent and Run.objects.filter(case_id=number, agent=agent, turn=turn).exists():
        return Case.objects.select_related("type").get(pk=number)
    return find_case(call, number)


def find_own_case(call: Call, number: int) -> Case:
    """A case this token sees, or one that this intake token handed in itself. Raises `NotFound`."""
    seen = cases_of(call.token).filter(pk=number).first()
    if seen is None and call.token.may("intake"):
        seen = Case.objects.filter(pk=number, token_id=call.token.pk).first()
    if seen is None:
        raise NotFound
    return seen


def find_approval(call: Call, approval_id: UUID) -> Approval:
    found = approvals_of(call.token).filter(pk=approval_id).first()
    if found is None:
        raise NotFound
    return found


def approvals_of(token: ApiToken) -> ApprovalQuerySet:
    return Approval.objects.filter(case__in=cases_of(token)).select_related("case", "proposal")


def _with_open_run(agent: Agent) -> CaseQuerySet:
    runs = Run.objects.filter(agent=agent, state=Run.State.OPEN, case__turn=F("turn"))
    return Case.objects.filter(pk__in=runs.values("case_id"))


def _tell_if_early(agent: Agent, number: int) -> None:
    """Raise `NotOpen` when the case will come to a step of this agent that has not begun yet."""
    case = Case.objects.select_related("type").filter(pk=number).first()
    if case is None or case.type_id is None or not case.is_open:
        return
    steps = StepWork.objects.filter(agent=agent, retired=False, step__type_id=case.type_id, step__retired=False)
    for name in steps.values_list("step__name", flat=True):
        if case.steps.get(name, {}).get("state", "waiting") in {"waiting", "open"}:
            raise NotOpen


def grants_of(agent: Agent, case: Case) -> dict[str, Grant]:
    """The grants through which the agent sees facts in the steps it has open in this case, as the gate picks them."""
    config, now = configuration.current(), database_now()
    found: dict[str, Grant] = {}
    for step in _open_steps(agent, case):
        for operation in _operations(agent, config):
            grant = gate.valid_grant(config, case, agent, operation, step, now)[0]
            if grant is not None and (case.operations is None or operation.name in case.operations):
                found.setdefault(operation.name, grant)
    return found


def may_call(agent: Agent, case: Case, step: str, config: Configuration, now: datetime) -> list[str]:
    """Names of the operations that the gate lets the agent call in this step."""
    operations = _operations(agent, config)
    return sorted(o.name for o in operations if gate.granted(config, case, agent, o, step, now)[0] is not None)


def _operations(agent: Agent, config: Configuration) -> list[Operation]:
    """What the agent has grants for at all."""
    ids = {operation_id for agent_id, operation_id in config.grants if agent_id == agent.pk}
    return [operation for operation in config.operations.values() if operation.pk in ids]


def standing_of(token: ApiToken) -> QuerySet[StandingApproval]:
    """Standing approvals that name the token's person, or whose rule covers a type the token sees."""
    rows = StandingApproval.objects.select_related("rule", "confirmed_by").filter(rule__retired=False)
    types = set(_types_of(token))
    name = token.user.username if token.user and token.may("staff", "read") else None
    seen = [
        row.pk
        for row in rows
        if (name is not None and row.by == name)
        or (types and (not row.rule.when.get("types") or types & set(row.rule.when["types"])))
    ]
    return rows.filter(pk__in=seen)


def _types_of(token: ApiToken) -> Iterable[str]:
    if token.user is not None and token.may("staff", "read"):
        return RequestType.objects.with_right(token.user, "see").values_list("name", flat=True)
    if token.team is not None and token.may("read"):
        return RequestType.objects.filter(pk__in=_types_seen_by(token.team)).values_list("name", flat=True)
    return []


def _types_seen_by(team: Team, right: str = "see") -> QuerySet[RequestTypeGroupPermission, Any]:
    return RequestTypeGroupPermission.objects.filter(
        group_id=team.group_id, permission__codename=right, permission__content_type__app_label="cases"
    ).values("content_object_id")


def _open_steps(agent: Agent, case: Case) -> Iterable[str]:
    runs = Run.objects.filter(agent=agent, case=case, turn=case.turn, state=Run.State.OPEN)
    return runs.order_by("id").values_list("step", flat=True)
