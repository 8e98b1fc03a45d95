"""What the pages of oversight ask the database: a person's own decisions, and the load of teams. Queries only.

Nothing here gives one person's figures to another: `own` takes the reader, and `loads` lets `oversight.load` hide what
few people share. The number of queries does not grow with decisions, people or teams.
"""

# ruff: noqa: S608  # constant texts; every value is bound

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo
from typing import Any

from django.contrib.auth.models import User
from django.core.paginator import Page, Paginator
from django.db import connection
from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet
from django.db.models.functions import ExtractHour, TruncDate

from agents.models import Write
from approvals.models import Approval, Decision, Rule
from approvals.oversight import FAST, MEDIUM_UP, Figures, Load, Made, Share, busiest_hour, figures, load, longest_run
from approvals.oversight import Count as Counted
from cases.models import Case, RequestType, Team

DAYS = 30  # fixed: over a span of one's own choice a team's figures could be taken apart
MOST = 5_000  # decisions of one person that are looked at
PAGE = 50
REJECT = "reject"


@dataclass
class Own:
    """The page "Your decisions" of one person."""

    figures: list[Figures]
    count: int
    fast: int
    run: int
    hour: int | None
    load: Load
    names: Mapping[str, Any]  # rules and types of the steps, by kind and name
    page: Page[Decision]
    only: str


def own(user: Any, *, now: datetime, zone: tzinfo, only: str, page: str) -> Own:
    """The decisions of `user` in the last 30 days; listed are those whose case is still seen, `only` the fast ones."""
    since = now - timedelta(days=DAYS)
    rows = Decision.objects.filter(user=user.pk, at__gte=since)
    made, types = _made(rows, since)
    counted = _counted(made, zone)
    spent = load(counted, _shares(made), types, fewest=0)
    listed = rows.filter(approval__in=Approval.objects.visible_to(user)).order_by("-at", "-pk")
    if only == "fast":
        listed = listed.filter(_is_fast())
    listed = listed.select_related("approval__case__type", "approval__proposal", "reading")
    return Own(
        figures=figures(made),
        count=len(made),
        fast=sum(one.fast for one in made),
        run=longest_run(made),
        hour=busiest_hour(made, zone),
        load=spent,
        names=names_of(spent.steps),
        page=Paginator(listed, PAGE).get_page(page),
        only=only,
    )


def _is_fast() -> Q:
    from_medium = Q(approval__risk__in=MEDIUM_UP)
    return from_medium & Q(reading__seconds__lt=FAST)


def _made(rows: QuerySet[Decision], since: datetime) -> tuple[list[Made], list[Share]]:
    mine = Write.objects.filter(proposal=OuterRef("approval__proposal"), option=OuterRef("option"))
    repaired = mine.filter(~Q(repaired={}) | Q(state__in=["differs", "unknown"]))
    taken_back = _reversed(since)
    values = rows.annotate(repaired=Exists(repaired), suggested=F("approval__proposal__suggested")).values_list(
        "at", "approval__risk", "option", "suggested", "edits", "undone_at", "repaired", "approval__proposal",
        "reading__seconds", "reading__words", "reading__folded", "reading__opened", "approval__asks",
        "approval__case__type__name",
    )  # fmt: skip
    made: list[Made] = []
    by_type: dict[str, list[bool]] = defaultdict(list)
    for (
        at,
        risk,
        option,
        suggested,
        edits,
        undone,
        broken,
        proposal,
        seconds,
        words,
        folded,
        opened,
        asks,
        type_,
    ) in values.order_by("-at")[:MOST]:
        as_suggested = option == suggested and not edits
        made.append(
            Made(
                at=at,
                risk=risk,
                option=option,
                as_suggested=as_suggested,
                rejected=option == REJECT,
                changed=bool(edits) or (option not in (suggested, REJECT) and bool(suggested)),
                undone=undone is not None,
                later=(broken or (proposal, option) in taken_back) and undone is None,
                seconds=seconds,
                words=words,
                folded=None if folded is None else len(folded),
                opened=None if opened is None else len(opened),
                rules=tuple(sorted({name for ask in asks for name in ask.get("rules", [])})),
            )
        )
        by_type[type_ or ""].append(as_suggested)
    return made, [Share(name, len(said), sum(said)) for name, said in by_type.items() if name]


def _reversed(since: datetime) -> set[tuple[Any, str]]:
    """(proposal, option) of the writes that people started to reverse since then. Two queries."""
    reversals = Case.objects.filter(external_id__startswith=Case.REVERSAL, token_id=None, created_at__gte=since)
    names = reversals.exclude(external_id="").values_list("external_id", flat=True)  # as its index says
    numbers = [name.removeprefix(Case.REVERSAL) for name in names]
    return set(Write.objects.filter(pk__in=numbers).values_list("proposal", "option"))


def _counted(made: Sequence[Made], zone: tzinfo) -> list[Counted]:
    hours: dict[Any, int] = defaultdict(int)
    for one in made:
        local = one.at.astimezone(zone)
        hours[local.date(), local.hour] += 1
    return [Counted(0, day, hour, count) for (day, hour), count in hours.items()]


def _shares(made: Sequence[Made]) -> list[Share]:
    by_rule: dict[str, list[bool]] = defaultdict(list)
    for one in made:
        for rule in one.rules:
            by_rule[rule].append(one.as_suggested)
    return [Share(name, len(said), sum(said)) for name, said in by_rule.items()]


def names_of(steps: Sequence[Any]) -> dict[str, Any]:
    """The rows that steps name, by `rule NAME` and `type NAME`. At most two queries."""
    rules = [step.name for step in steps if step.kind in ("raise", "look")]
    types = [step.name for step in steps if step.kind == "split"]
    found: dict[str, Any] = {}
    if rules:
        found |= {f"rule {row.name}": row for row in Rule.objects.filter(name__in=rules)}
    if types:
        found |= {f"type {row.name}": row for row in RequestType.objects.filter(name__in=types)}
    return found


# ---------------------------------------------------------------------- teams


@dataclass
class TeamLoad:
    """One team as who leads it, or a team above it, sees its load."""

    team: Team
    load: Load
    names: dict[str, Any] = field(default_factory=dict)


def loads(teams: Sequence[Team], *, now: datetime, zone: tzinfo) -> list[TeamLoad]:
    """The load of each of `teams` in the last 30 days. Six queries at most."""
    since, named = now - timedelta(days=DAYS), [team.name for team in teams]
    rows = (
        Decision.objects.filter(team__in=named, at__gte=since, user__isnull=False)
        .values_list("team", "user_id", TruncDate("at", tzinfo=zone), ExtractHour("at", tzinfo=zone))
        .annotate(n=Count("pk"))
        .order_by()
    )
    counts: dict[str, list[Counted]] = defaultdict(list)
    for name, user, day, hour, n in rows:
        counts[name].append(Counted(user, day, hour, n))
    rules, types = _team_shares(_BY_RULE, named, since), _team_shares(_BY_TYPE, named, since)
    found = [TeamLoad(team, load(counts[team.name], rules[team.name], types[team.name])) for team in teams]
    names = names_of([step for one in found for step in one.load.steps])
    for one in found:
        one.names = names
    return found


_DECIDED = """
FROM approvals_decision d
JOIN approvals_approval p ON p.id = d.approval_id
JOIN agents_proposal r ON r.id = p.proposal_id"""
_AS_SUGGESTED = "count(*) FILTER (WHERE d.option = r.suggested AND d.edits = '{}'::jsonb)"
_SINCE = "WHERE d.team = ANY(%s) AND d.at >= %s AND d.user_id IS NOT NULL GROUP BY 1, 2"
_BY_RULE = f"""SELECT d.team, n.name, count(*), {_AS_SUGGESTED} {_DECIDED}
CROSS JOIN LATERAL (SELECT DISTINCT jsonb_array_elements_text(a.one -> 'rules') AS name
  FROM jsonb_array_elements(p.asks) AS a (one) WHERE jsonb_typeof(a.one -> 'rules') = 'array') n {_SINCE}"""
_BY_TYPE = f"""SELECT d.team, t.name, count(*), {_AS_SUGGESTED} {_DECIDED}
JOIN cases_case c ON c.id = p.case_id JOIN cases_requesttype t ON t.id = c.type_id {_SINCE}"""


def _team_shares(sql: str, teams: list[str], since: datetime) -> dict[str, list[Share]]:
    found: dict[str, list[Share]] = defaultdict(list)
    with connection.cursor() as cursor:
        cursor.execute(sql, [teams, since])
        for team, name, count, as_suggested in cursor.fetchall():
            found[team].append(Share(name, count, as_suggested))
    return found


def overseen(user: Any) -> list[Team]:
    """The teams whose load `user` may see: those they lead, and those below a team they lead or are in; all for an
    admin. Two queries.
    """
    teams = list(Team.objects.filter(retired=False).order_by("name"))
    if not user.is_active:
        return []
    if user.is_superuser:
        return teams
    leads = Q(leads=user.pk) | Q(group__user=user.pk)
    own_teams = Team.objects.filter(leads, retired=False).annotate(leading=Exists(_leads(user)))
    mine = dict(own_teams.values_list("pk", "leading"))
    by_id = {team.pk: team for team in teams}
    return [team for team in teams if mine.get(team.pk) or any(pk in mine for pk in _above(team, by_id))]


def _leads(user: User) -> QuerySet[Any]:
    return Team.leads.through.objects.filter(team=OuterRef("pk"), user=user.pk)


def _above(team: Team, by_id: Mapping[int, Team]) -> list[int]:
    """The teams it passes up to, in their order; a circle is walked once."""
    found: list[int] = []
    at = team.escalates_to_id
    while at is not None and at in by_id and at not in found and at != team.pk:
        found.append(at)
        at = by_id[at].escalates_to_id
    return found
