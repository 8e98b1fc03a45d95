"""One function per list and page of approvals, with its prefetching. Query counts do not grow with rows."""

import uuid
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from typing import Any

from django.contrib.auth.models import User
from django.contrib.postgres.expressions import ArraySubquery
from django.core.exceptions import ValidationError
from django.core.paginator import Page, Paginator
from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import JSONObject
from django.utils.translation import gettext as _

from agents.connectors.breaker import Breaker
from agents.models import Agent, Write
from approvals import first_answer, hiding, ladder, presence
from approvals.acting import Turn, turns
from approvals.cover_page import people
from approvals.models import (
    Approval,
    Asked,
    Attention,
    DecidingChoice,
    Decision,
    Named,
    Question,
    SavedFilter,
    StandingApproval,
)
from approvals.permissions import is_lead
from approvals.sheet import Argument, arguments_of
from approvals.usage import Usage, usage
from approvals.whats_new import stamp_of
from cases import wording
from cases.actors import Actor
from cases.errors import NoRight, NotFound
from cases.models import Company, Event, Fact, Message, Person, RequestType, Team
from cases.models.config import Risk

PAGE = 50
HISTORY = 5
DECIDED = 500  # the newest of one's own decisions that are listed: an older one is found by its case
URGENCIES = ("overdue", "hour", "today", "later")


@dataclass(frozen=True)
class InboxFilter:
    """What a person asked the inbox for; all of it stands in the address."""

    tab: str = "waiting"
    type: str = ""
    risk: str = ""
    agent: str = ""  # the name of whose proposals
    q: str = ""
    cover: str = ""  # the user name of whom one covers for; `me`: only what is one's own
    page: str = "1"

    @property
    def is_set(self) -> bool:
        return bool(self.type or self.risk or self.agent or self.q or self.cover)


@dataclass
class Inbox:
    page: Page[Approval]
    groups: list[tuple[str, list[Approval]]]
    waiting: int
    stamp: str
    types: list[RequestType]
    last_decided_at: datetime | None
    covered: list[tuple[str, str]]  # user name and name of those covered for, for the filter
    snoozed: int = 0
    watched: int = 0
    asked_me: list[Question] = field(default_factory=list)
    agents: list[Agent] = field(default_factory=list)
    saved: list[SavedFilter] = field(default_factory=list)
    without_filter: int = 0  # in this tab; of those decided counted only where the filter leaves none

    @property
    def any_fits_bulk(self) -> bool:
        return any(row.fits_bulk for _name, rows in self.groups for row in rows)


def inbox(user: Any, wanted: InboxFilter, now: datetime, zone: tzinfo) -> Inbox:
    """The list of one tab: filtered, 50 a page, by time left, in groups."""
    mine = Decision.objects.filter(user=user.pk, undone_at=None)
    everything = turns(user)
    mine_to_do = [turn for turn in everything if not turn.snoozed]
    asleep = [turn for turn in everything if turn.snoozed]
    watched = Approval.objects.visible_to(user).filter(attention__user=user.pk, attention__watching=True)
    if wanted.tab == "decided":
        newest = mine.order_by("-at").values("approval_id")[:DECIDED]
        rows = Approval.objects.visible_to(user).filter(pk__in=newest)
    elif wanted.tab == "watching":
        rows = watched
    else:
        shown = asleep if wanted.tab == "snoozed" else mine_to_do
        rows = Approval.objects.filter(pk__in=[turn.approval_id for turn in shown if _wanted(turn, wanted.cover)])
    ended = wanted.tab in ("decided", "watching")
    by_time = F("decided_at").desc(nulls_first=True) if ended else F("due_at").asc(nulls_last=True)
    open_question = Question.objects.filter(approval=OuterRef("pk"), answered_at=None)
    listed: Any = _filtered(rows, wanted).select_related("case__type", "proposal").order_by(by_time, "pk")
    listed = listed.annotate(asks_more=Exists(open_question))
    page = Paginator(listed, PAGE).get_page(wanted.page)
    approvals = list(page.object_list)
    turn_of = {turn.approval_id: turn for turn in everything}
    for approval in approvals:
        approval.turn_of_mine = turn_of.get(approval.pk)
    presence.mark(user, approvals, now)
    groups = _grouped(approvals, now, zone) if not ended else [(wanted.tab, approvals)]
    last = mine.order_by("-at").values_list("at", flat=True).first() if not approvals else None
    beside = _beside(user, watched)
    covered = sorted({(turn.username, turn.name) for turn in everything if turn.username})
    whole = {"waiting": len(mine_to_do), "snoozed": len(asleep), "watching": beside.watched}
    if wanted.tab == "decided" and wanted.is_set and not approvals:
        whole["decided"] = rows.count()
    return Inbox(
        page,
        groups,
        len(mine_to_do),
        stamp_of(mine_to_do),
        beside.types,
        last,
        covered,
        snoozed=len(asleep),
        watched=beside.watched,
        asked_me=beside.asked_me if wanted.tab == "waiting" else [],
        agents=beside.agents,
        saved=beside.saved,
        without_filter=whole.get(wanted.tab, 0),
    )


@dataclass
class Beside:
    """What stands around the list, in one query: what to choose from, questions to this person, how many watched."""

    types: list[RequestType]
    asked_me: list[Question]
    watched: int
    agents: list[Agent]
    saved: list[SavedFilter]


def _beside(user: Any, watched: QuerySet[Approval]) -> Beside:
    own = Q(to_user=user.pk) | Q(to_team__group__in=user.groups.values("pk"))
    asked = Question.objects.filter(own, answered_at=None, approval__state=Approval.State.WAITING).order_by("at")
    types = RequestType.objects.filter(retired=False).with_right(user, "see").order_by("name")
    agents = Agent.objects.filter(retired=False).order_by("name")
    saved = SavedFilter.objects.filter(user=user.pk).order_by("name")
    counted = watched.order_by().values(one=Value(1)).annotate(n=Count("pk", distinct=True)).values("n")
    row: Any = (
        User.objects.filter(pk=user.pk)
        .annotate(
            watched=Subquery(counted),
            types=ArraySubquery(types.values(one=JSONObject(name="name", title="title"))),
            agents=ArraySubquery(agents.values(one=JSONObject(name="name", title="title"))),
            saved=ArraySubquery(saved.values(one=JSONObject(id="pk", name="name", query="query"))),
            asked=ArraySubquery(
                asked.values(
                    one=JSONObject(
                        id="pk", text="text", by_label="by_label", at="at", approval="approval_id",
                        title="approval__title",
                    )
                )[:20]
            ),
        )
        .values("watched", "types", "agents", "saved", "asked")
        .get()
    )  # fmt: skip
    return Beside(
        [RequestType(**one) for one in row["types"]],
        [_question(one) for one in row["asked"]],
        row["watched"] or 0,
        [Agent(**one) for one in row["agents"]],
        [SavedFilter(**one) for one in row["saved"]],
    )


def _question(data: dict[str, Any]) -> Question:
    """A row for reading, as the one query gave it."""
    approval = Approval(pk=uuid.UUID(data.pop("approval")), title=data.pop("title"))
    return Question(approval=approval, **data)


def _wanted(turn: Turn, cover: str) -> bool:
    return not cover or turn.username == ("" if cover == "me" else cover)


def _filtered(rows: QuerySet[Approval], wanted: InboxFilter) -> QuerySet[Approval]:
    if wanted.type:
        rows = rows.filter(case__type__name=wanted.type)
    if wanted.risk in Risk.values:
        rows = rows.filter(risk=wanted.risk)
    if wanted.agent:
        rows = rows.filter(proposal__proposer_agent__name=wanted.agent)
    if wanted.q:
        number = wanted.q.upper().removeprefix("C-")
        by_words = (
            Q(case__subject__icontains=wanted.q)
            | Q(case__requester_name__icontains=wanted.q)
            | Q(title__en__icontains=wanted.q)
            | Q(**{"title__zh-hant__icontains": wanted.q})
        )
        rows = rows.filter(by_words | Q(case_id=int(number)) if number.isdecimal() and len(number) < 18 else by_words)
    return rows


def _grouped(rows: list[Approval], now: datetime, zone: tzinfo) -> list[tuple[str, list[Approval]]]:
    found: dict[str, list[Approval]] = {name: [] for name in URGENCIES}
    for row in rows:
        found[wording.urgency(row.due_at, now, zone)].append(row)
    return [(name, group) for name, group in found.items() if group]


@dataclass
class Detail:
    """Everything one approval page shows."""

    approval: Approval
    company: Company | None
    may_decide: bool
    own_request: bool
    mine: Decision | None
    asked: list[Asked]
    asked_people: list[tuple[Asked, str]]
    decisions: list[Decision]
    passes_to: list[str]  # the teams asked as well when its time is over
    turn: Turn | None  # as whom this person may decide
    first_message: Message | None
    history: list[Event]
    facts: list[Fact]
    place: int = 0
    waiting: int = 0
    before: uuid.UUID | None = None
    after: uuid.UUID | None = None
    writes: list[Write] = field(default_factory=list)
    may_undo: bool = False
    named: list[Named] = field(default_factory=list)
    questions: list[Question] = field(default_factory=list)
    lookers: list[str] = field(default_factory=list)
    reversible: set[uuid.UUID] = field(default_factory=set)  # writes whose receipt still holds

    @property
    def fact_titles(self) -> dict[str, Any]:
        return {fact.name: fact.title for fact in self.facts}

    @property
    def amounts(self) -> set[str]:
        """Names of facts and arguments that hold money."""
        arguments = {write.operation.money for write in self.writes if isinstance(write.operation.money, str)}
        return arguments | {fact.name for fact in self.facts if fact.kind == "money"}

    @property
    def currency(self) -> str:
        return self.company.currency if self.company else "HKD"

    @property
    def down(self) -> list[Any]:
        """Systems that would be written to and did not answer lately, each once."""
        systems = {write.operation.system_id: write.operation.system for write in self.writes}
        return [system for system in systems.values() if _is_down(system)]

    @property
    def carried(self) -> list[tuple[Write, list[Argument], list[Argument], list[Argument]]]:
        """Each decided write as proposed, decided and carried out; what is secret or masked stays so."""
        return [
            (
                write,
                arguments_of(write, write.proposed, self.currency),
                arguments_of(write, write.decided or {}, self.currency),
                arguments_of(write, write.carried_out or {}, self.currency),
            )
            for write in self.decided_writes
        ]

    @property
    def decided_writes(self) -> list[Write]:
        """The writes of the option that was decided, in their order."""
        return [write for write in self.writes if write.option == self.approval.decided_option]


def _is_down(system: Any) -> bool:
    health = getattr(system, "health", None)
    return bool(health and not Breaker.of(health.breaker).is_closed)


def approval_of(user: Any, approval_id: uuid.UUID) -> Approval | None:
    """The approval if `user` may see its case, with what the page needs of its rows."""
    found: Any = (
        Approval.objects.visible_to(user)
        .select_related("case__type__lead", "case__holder_user", "proposal__proposer_agent")
        .annotate(
            wants_next=Exists(DecidingChoice.objects.filter(user=user.pk, open_next=True)),
            longer_hold=Subquery(Person.objects.filter(user=user.pk).values("hold_seconds")[:1]),
            said_of_company=Subquery(hiding.said_of_company()),
            said_first=Subquery(first_answer.said_first()),
        )
        .filter(pk=approval_id)
        .first()
    )
    if found is not None:
        found.open_next, found.own_hold, found.of_company = found.wants_next, found.longer_hold, found.said_of_company
        found.first_answer = first_answer.told(found, found.said_first)
    approval: Approval | None = found
    return approval


def detail(user: Any, approval: Approval) -> Detail:
    """What the page of `approval` shows to `user`: at most eight queries, whatever the size of the case."""
    asked = list(approval.asked.select_related("team__escalates_to").order_by("since", "pk"))
    decisions = list(approval.decisions.all())
    mine = turns(user)
    ids = [turn.approval_id for turn in mine if not turn.snoozed or turn.approval_id == approval.pk]
    turn_of = {turn.approval_id: turn for turn in mine}
    at = ids.index(approval.pk) if approval.pk in ids else -1
    case = approval.case
    writes = approval.proposal.writes.select_related("operation__system__health").order_by("option", "position")
    return Detail(
        approval=approval,
        company=hiding.company_of(approval.of_company),
        may_decide=at >= 0,
        own_request=user.pk in (case.opened_by_id, approval.proposal.proposer_user_id),
        mine=next((d for d in decisions if d.user_id == user.pk and d.undone_at is None), None),
        asked=asked,
        asked_people=_named(asked),
        passes_to=_passes_to(approval, asked) if approval.due_at else [],
        decisions=decisions,
        turn=turn_of.get(approval.pk),
        named=list(approval.named.select_related("user", "team").order_by("pk")),
        questions=list(approval.questions.select_related("to_team").order_by("pk")),
        first_message=Message.objects.filter(case=case, direction=Message.Direction.IN).order_by("id").first(),
        history=list(Event.objects.filter(case=case).select_related("detail").order_by("-seq")[:HISTORY])[::-1],
        facts=list(Fact.objects.filter(type=case.type_id)),
        place=at + 1,
        waiting=len(ids),
        before=ids[at - 1] if at > 0 else None,
        after=ids[at + 1] if 0 <= at < len(ids) - 1 else None,
        writes=first_answer.as_fixed(list(writes), approval.first_answer),
    )


def _passes_to(approval: Approval, asked: list[Asked]) -> list[str]:
    """Titles of the teams that are asked as well if nobody decides in time."""
    above = {one.team.name: one.team.escalates_to for one in asked if one.team.escalates_to is not None}
    found = ladder.steps(approval, asked, {name: team.name for name, team in above.items()})
    known = {team.name: team for team in above.values()}
    elsewhere = {step.to for step in found} - set(known)
    if elsewhere:
        known |= {team.name: team for team in Team.objects.filter(name__in=elsewhere)}
    return list(dict.fromkeys(known[step.to].shown if step.to in known else step.to for step in found))


def _named(asked: list[Asked]) -> list[tuple[Asked, str]]:
    """Each asked team with the names of its active members, so that people know whom to talk to."""
    groups = [row.team.group_id for row in asked]
    rows = User.objects.filter(groups__in=groups, is_active=True).order_by("first_name", "username")
    members = list(
        rows.annotate(in_group=F("groups")).values_list("in_group", "first_name", "last_name", "username")[:60]
    )
    return [
        (
            row,
            ", ".join(
                f"{first} {last}".strip() or login
                for group, first, last, login in members
                if group == row.team.group_id
            ),
        )
        for row in asked
    ]


@dataclass
class Standing:
    """One standing approval on its page: how much of it is used, and what its reader may do."""

    row: StandingApproval
    used: Usage
    by: str  # the named person's name, or the user name where there is no such person
    is_mine: bool
    may_end: bool


def standing_approvals(user: Any, now: datetime, zone: tzinfo) -> list[Standing]:
    """All of them, those that `user` can confirm first. Four queries."""
    rows = list(StandingApproval.objects.select_related("rule", "confirmed_by").filter(rule__retired=False))
    rows.sort(key=lambda s: (s.by != user.username, s.in_force, s.rule.name))
    used, leads = usage(rows, now=now, zone=zone), bool(user.is_superuser or is_lead(user))
    people = {one.username: one.get_full_name() for one in User.objects.filter(username__in={row.by for row in rows})}
    return [
        Standing(row, used[row.pk], people.get(row.by) or row.by, is_mine, leads or is_mine)
        for row in rows
        for is_mine in (row.by == user.username,)
    ]


@dataclass
class Aside:
    """What one person can do with an approval beside deciding it."""

    turn: Turn | None
    watching: bool
    questions: list[Question]
    mine_to_answer: set[int]
    people: list[User]
    teams: list[Team]


def aside(user: Any, approval: Approval) -> Aside:
    """The forms beside the decision. People and teams to ask are listed only for who may ask."""
    found = turns(user, approval.pk)
    turn = found[0] if found else None
    rows = list(approval.questions.select_related("to_team").order_by("pk"))
    groups = set(user.groups.values_list("pk", flat=True))
    return Aside(
        turn=turn,
        watching=Attention.objects.filter(approval=approval, user=user.pk, watching=True).exists(),
        questions=rows,
        mine_to_answer={
            row.pk
            for row in rows
            if row.answered_at is None
            and (row.to_user_id == user.pk or (row.to_team is not None and row.to_team.group_id in groups))
        },
        people=list(people().exclude(pk=user.pk)) if turn else [],
        teams=list(Team.objects.filter(retired=False).order_by("name")) if turn else [],
    )


def seen(actor: Actor, approval_id: Any) -> Approval:
    """The approval, if this person may see it; a stranger is told that it does not exist."""
    try:
        rows = Approval.objects.visible_to(actor.user) if actor.user else Approval.objects.none()
        return rows.select_related("proposal", "case__type").get(pk=approval_id)
    except (Approval.DoesNotExist, ValidationError, ValueError):
        raise NotFound from None


def no_right(actor: Actor, approval: Approval) -> NoRight:
    """Why this person may not decide it, in words."""
    teams = list(approval.asked.filter(closed=False).values_list("team__name", flat=True))
    own = actor.user_id in (approval.proposal.proposer_user_id, approval.case.opened_by_id)
    if own:
        return NoRight(_("Nobody approves their own request. Nothing was decided."), asked=teams)
    if Decision.objects.filter(approval=approval, user=actor.user_id, undone_at=None).exists():
        return NoRight(
            _("You have decided this already; somebody else has to confirm it. Nothing was changed."), asked=teams
        )
    return NoRight(
        _("You can see this, but %(teams)s must decide it. Nothing was decided.") % {"teams": ", ".join(teams)},
        asked=teams,
    )
