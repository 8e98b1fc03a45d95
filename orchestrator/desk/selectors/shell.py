"""What the frame of every page shows: counts, AI chip, language and theme. Two queries, kept 10 s."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.core.cache import cache
from django.db.models import Case as Cased
from django.db.models import Count, Exists, JSONField, OuterRef, QuerySet, Subquery, Value, When
from django.db.models.functions import Coalesce

from agents.models import Agent, Switch, System
from approvals.models import Approval
from cases.models import Case, Company, RequestType, Team

KEPT_SECONDS = 10


@dataclass(frozen=True)
class Pause:
    """One switch that is off: what it stops, who did it, when and why. `title` is a text of the map."""

    scope: str
    name: str
    title: Any
    by: str
    by_user_id: int | None
    reason: str
    at: datetime | None


@dataclass(frozen=True)
class Shell:
    """The frame of a page for one person."""

    company: str = ""
    zone: str = ""
    language: str = ""
    theme: str = "system"
    keys: bool = True
    own_hold: int = 0
    approvals: int = 0
    cases: int = 0
    leads: bool = False
    paused: list[Pause] = field(default_factory=list)

    @property
    def all_paused(self) -> bool:
        return any(pause.scope == Switch.Scope.ALL for pause in self.paused)


def shell_of(user: Any) -> Shell:
    """The frame for `user`, at most 10 s old."""
    key = shell_key(user.pk)
    found = cache.get(key)
    if found is None:
        found = _read(user)
        cache.set(key, found, KEPT_SECONDS)
    return found  # type: ignore[no-any-return]


def forget_shell(user_id: int) -> None:
    """After something that the person must see at once: a decision, a take-over, a setting."""
    cache.delete(shell_key(user_id))


def shell_key(user_id: int) -> str:
    return f"desk:shell:{user_id}"


def company_name() -> str:
    """The company's name for pages before sign-in."""
    name: str | None = cache.get("desk:company")
    if name is None:
        name = Company.objects.filter(pk=1).values_list("name", flat=True).first() or ""
        cache.set("desk:company", name, 60)
    return name


def _read(user: Any) -> Shell:
    row: Any = (
        User.objects.filter(pk=user.pk)
        .annotate(
            company=Subquery(Company.objects.filter(pk=1).values("name")),
            zone=Subquery(Company.objects.filter(pk=1).values("time_zone")),
            approvals=_count(Approval.objects.listed_for(user)),
            cases=_count(Case.objects.visible_to(user).filter(holder_user=user).exclude(status__in=Case.CLOSED)),
            leading=Exists(Team.objects.filter(leads=OuterRef("pk"), retired=False)),
        )
        .values(
            "company", "zone", "approvals", "cases", "leading",
            "person__language", "person__theme", "person__keys", "person__hold_seconds",
        )
        .first()
        or {}
    )  # fmt: skip
    return Shell(
        company=row.get("company") or "",
        zone=row.get("zone") or "",
        language=row.get("person__language") or "",
        theme=row.get("person__theme") or "system",
        keys=row.get("person__keys") is not False,
        own_hold=row.get("person__hold_seconds") or 0,
        approvals=row.get("approvals") or 0,
        cases=row.get("cases") or 0,
        leads=bool(row.get("leading")),
        paused=paused_now(),
    )


def paused_now() -> list[Pause]:
    """Every switch that is off now, with the title of what it stops. One query, whatever is paused."""
    titled: dict[str, Any] = {"agent": Agent, "type": RequestType, "system": System}
    titles = [
        When(scope=scope, then=Subquery(model.objects.filter(name=OuterRef("name")).values("title")[:1]))
        for scope, model in titled.items()
    ]
    rows = Switch.objects.filter(paused=True).annotate(title=Cased(*titles, output_field=JSONField())).order_by("at")
    return [Pause(r.scope, r.name, r.title or r.name, r.by, r.by_user_id, r.reason, r.at) for r in rows]


def _count(rows: QuerySet[Any]) -> Any:
    counted = rows.order_by().values(one=Value(1)).annotate(n=Count("pk", distinct=True)).values("n")
    return Coalesce(Subquery(counted), 0)
