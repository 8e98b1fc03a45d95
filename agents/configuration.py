"""The configuration in force, read once and kept until the policy's stamp changes (any change of a record moves it).

One question a stretch (the policy row) instead of a dozen. What comes out is only read; running rows keep ids.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from functools import cached_property
from threading import Lock
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Prefetch

from agents.models import Agent, CompanyCalls, FactSource, Grant, Operation, Policy, StepWork, System
from cases.calendars import WorkingHours
from cases.due import working_hours
from cases.models import Calendar, Company, Fact, RequestType, Step, Team, Template


@dataclass(frozen=True)
class StepConfig:
    """One step: its row, and who does it by machine (None: people do)."""

    row: Step
    work: StepWork | None

    @property
    def name(self) -> str:
        return self.row.name

    @property
    def by_people(self) -> bool:
        return self.work is None


@dataclass(frozen=True)
class FactConfig:
    """One fact with its sources in order."""

    row: Fact
    sources: tuple[FactSource, ...]

    @property
    def name(self) -> str:
        return self.row.name


@dataclass(frozen=True)
class TypeConfig:
    """A request type with everything that belongs to it."""

    row: RequestType
    facts: dict[str, FactConfig]
    steps: dict[str, StepConfig]
    templates: dict[str, Template]
    stands_on: dict[str, tuple[frozenset[str], frozenset[str]]] = field(default_factory=dict)  # of `agents.facts`

    def operations_of(self, step: str) -> set[str] | None:
        """Operations the step narrows grants to; None when it does not narrow."""
        work = self.steps[step].work if step in self.steps else None
        return set(work.operations) if work and work.operations is not None else None


@dataclass(frozen=True)
class Configuration:
    """Everything configured on floors 1 and 2, as of one epoch."""

    epoch: int
    stamp: str
    restoring: bool
    company: Company
    calls: CompanyCalls | None
    calendars: dict[str, WorkingHours]
    types: dict[int, TypeConfig]
    operations: dict[str, Operation]
    agents: dict[int, Agent]
    grants: dict[tuple[int, int], tuple[Grant, ...]]
    teams: dict[str, Team]

    @cached_property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.company.time_zone)

    @cached_property
    def type_rows(self) -> dict[int, RequestType]:
        return {pk: t.row for pk, t in self.types.items()}

    @cached_property
    def types_by_name(self) -> dict[str, TypeConfig]:
        return {t.row.name: t for t in self.types.values()}

    @cached_property
    def operations_by_id(self) -> dict[int, Operation]:
        return {o.pk: o for o in self.operations.values()}

    @cached_property
    def systems(self) -> dict[str, System]:
        return {o.system.name: o.system for o in self.operations.values()}

    @cached_property
    def lines(self) -> dict[str, str]:
        """Team -> the team it passes up to."""
        by_id = {t.pk: t.name for t in self.teams.values()}
        return {t.name: by_id[t.escalates_to_id] for t in self.teams.values() if t.escalates_to_id in by_id}

    def type_of(self, case: Any) -> TypeConfig | None:
        return self.types.get(case.type_id)

    def hold_of(self, operation: Operation) -> int:
        """Seconds a write of this operation waits after a person's decision."""
        return self.company.hold_seconds if operation.hold_seconds is None else operation.hold_seconds


_cached: Configuration | None = None
_lock = Lock()


def policy(*, share: bool = False) -> Policy:
    """The policy row; made on first use. `share`: held against a change until the transaction ends."""
    if share:
        rows = list(Policy.objects.raw("SELECT * FROM agents_policy WHERE id = 1 FOR SHARE"))
        row = rows[0] if rows else None
    else:
        row = Policy.objects.filter(pk=1).first()
    if row is None:
        Policy.objects.bulk_create([Policy(pk=1)], ignore_conflicts=True)
        row = Policy.objects.get(pk=1)
    return row


def current() -> Configuration:
    """The configuration in force now: one question when nothing changed."""
    return _kept(policy())


def known(stamp: str | None) -> Configuration:
    """The configuration of a stamp that was asked for beside something else; read anew if it is another one."""
    kept = _cached
    return kept if kept is not None and kept.stamp == stamp else current()


def _kept(row: Policy) -> Configuration:
    global _cached  # one snapshot a process, replaced whole
    kept = _cached
    if kept is not None and kept.stamp == str(row.stamp):
        return kept
    with _lock:
        _cached = _read(row)
        return _cached


def _read(row: Policy) -> Configuration:
    company = Company.objects.first() or Company(name="Work Command", languages=["en", "zh-hant"])
    zone = ZoneInfo(company.time_zone)
    grants: dict[tuple[int, int], list[Grant]] = defaultdict(list)
    for grant in Grant.objects.filter(retired=False).order_by("pk"):
        grants[grant.agent_id, grant.operation_id].append(grant)
    return Configuration(
        epoch=row.epoch,
        stamp=str(row.stamp),
        restoring=row.restoring,
        company=company,
        calls=CompanyCalls.objects.select_related("customer__system", "reply__system").first(),
        calendars={c.name: working_hours(c.hours, c.holidays, zone) for c in Calendar.objects.filter(retired=False)},
        types={t.pk: _type(t) for t in _types()},
        operations={o.name: o for o in Operation.objects.filter(retired=False).select_related("system")},
        agents={a.pk: a for a in Agent.objects.all()},
        grants={key: tuple(rows) for key, rows in grants.items()},
        teams={t.name: t for t in Team.objects.select_related("escalates_to")},
    )


def _types() -> Any:
    """Retired types too: cases of theirs still run."""
    sources = FactSource.objects.filter(retired=False).select_related("operation__system").order_by("position")
    facts = Fact.objects.filter(retired=False).prefetch_related(Prefetch("sources", sources)).order_by("position")
    steps = Step.objects.filter(retired=False).select_related("team", "work__agent").order_by("position")
    return RequestType.objects.select_related("team", "lead").prefetch_related(
        Prefetch("facts", facts),
        Prefetch("steps", steps),
        Prefetch("templates", Template.objects.filter(retired=False)),
    )


def _type(row: RequestType) -> TypeConfig:
    return TypeConfig(
        row=row,
        facts={f.name: FactConfig(f, tuple(f.sources.all())) for f in row.facts.all()},
        steps={s.name: StepConfig(s, _work(s)) for s in row.steps.all()},
        templates={t.name: t for t in row.templates.all()},
    )


def _work(step: Step) -> StepWork | None:
    work: StepWork | None = getattr(step, "work", None)
    return work if work and not work.retired and step.team_id is None else None
