"""One function per list and page of approvals, with its prefetching. Query counts do not grow with rows."""

import uuid
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from typing import Any

from django.contrib.auth.models import User
from django.core.paginator import Page, Paginator
from django.db.models import F, Q, QuerySet

from agents.models import Write
from approvals.models import Approval, Asked, Decision, StandingApproval
from cases import wording
from cases.canonical import digest
from cases.models import Company, Event, Fact, Message, RequestType
from cases.models.config import Risk

PAGE = 50
HISTORY = 5
URGENCIES = ("overdue", "hour", "today", "later")


@dataclass(frozen=True)
class InboxFilter:
    """What a person asked the inbox for; all of it stands in the address."""

    tab: str = "waiting"
    type: str = ""
    risk: str = ""
    q: str = ""
    page: str = "1"

    @property
    def is_set(self) -> bool:
        return bool(self.type or self.risk or self.q)


@dataclass
class Inbox:
    page: Page[Approval]
    groups: list[tuple[str, list[Approval]]]
    waiting: int
    stamp: str
    types: list[RequestType]
    last_decided_at: datetime | None


def inbox(user: Any, wanted: InboxFilter, now: datetime, zone: tzinfo) -> Inbox:
    """The list of one tab: filtered, 50 a page, by time left, in groups."""
    mine = Decision.objects.filter(user=user.pk, undone_at=None)
    waiting = Approval.objects.waiting_for(user)
    decided = Approval.objects.visible_to(user).filter(pk__in=mine.values("approval_id"))
    rows = waiting if wanted.tab == "waiting" else decided
    by_time = F("due_at").asc(nulls_last=True) if wanted.tab == "waiting" else F("decided_at").desc(nulls_first=True)
    listed = _filtered(rows, wanted).select_related("case__type", "proposal").order_by(by_time, "pk")
    page = Paginator(listed, PAGE).get_page(wanted.page)
    approvals = list(page.object_list)
    groups = _grouped(approvals, now, zone) if wanted.tab == "waiting" else [("decided", approvals)]
    count, stamp = waiting_stamp(user)
    last = mine.order_by("-id").values_list("at", flat=True).first() if not approvals else None
    types = list(RequestType.objects.filter(retired=False).with_right(user, "see").order_by("name"))
    return Inbox(page, groups, count, stamp, types, last)


def _filtered(rows: QuerySet[Approval], wanted: InboxFilter) -> QuerySet[Approval]:
    if wanted.type:
        rows = rows.filter(case__type__name=wanted.type)
    if wanted.risk in Risk.values:
        rows = rows.filter(risk=wanted.risk)
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


def waiting_stamp(user: Any) -> tuple[int, str]:
    """How many wait for `user`, and a text that changes when the list does. One query."""
    ids = Approval.objects.waiting_for(user).order_by("pk").values_list("pk", flat=True)
    found = [str(pk) for pk in ids]
    return len(found), digest(found)[:16]


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
    first_message: Message | None
    history: list[Event]
    facts: list[Fact]
    place: int = 0
    waiting: int = 0
    before: uuid.UUID | None = None
    after: uuid.UUID | None = None
    writes: list[Write] = field(default_factory=list)
    may_undo: bool = False

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
    def decided_writes(self) -> list[Write]:
        """The writes of the option that was decided, in their order."""
        return [write for write in self.writes if write.option == self.approval.decided_option]


def approval_of(user: Any, approval_id: uuid.UUID) -> Approval | None:
    """The approval if `user` may see its case, with what the page needs of its rows."""
    return (
        Approval.objects.visible_to(user)
        .select_related("case__type__lead", "case__holder_user", "proposal__proposer_agent")
        .filter(pk=approval_id)
        .first()
    )


def detail(user: Any, approval: Approval) -> Detail:
    """What the page of `approval` shows to `user`: at most nine queries, whatever the size of the case."""
    asked = list(approval.asked.select_related("team").order_by("since", "pk"))
    decisions = list(approval.decisions.all())
    mine = Approval.objects.waiting_for(user).order_by(F("due_at").asc(nulls_last=True), "pk")
    ids = list(mine.values_list("pk", flat=True)[:500])
    at = ids.index(approval.pk) if approval.pk in ids else -1
    case = approval.case
    return Detail(
        approval=approval,
        company=Company.objects.filter(pk=1).first(),
        may_decide=at >= 0,
        own_request=user.pk in (case.opened_by_id, approval.proposal.proposer_user_id),
        mine=next((d for d in decisions if d.user_id == user.pk and d.undone_at is None), None),
        asked=asked,
        asked_people=_named(asked),
        decisions=decisions,
        first_message=Message.objects.filter(case=case, direction=Message.Direction.IN).order_by("id").first(),
        history=list(Event.objects.filter(case=case).select_related("detail").order_by("-seq")[:HISTORY])[::-1],
        facts=list(Fact.objects.filter(type=case.type_id)),
        place=at + 1,
        waiting=len(ids),
        before=ids[at - 1] if at > 0 else None,
        after=ids[at + 1] if 0 <= at < len(ids) - 1 else None,
        writes=list(approval.proposal.writes.select_related("operation__system").order_by("option", "position")),
    )


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


def standing_approvals(user: Any) -> list[StandingApproval]:
    """All of them, those that `user` can confirm first."""
    rows = StandingApproval.objects.select_related("rule").filter(rule__retired=False)
    return sorted(rows, key=lambda s: (s.by != user.username, s.in_force, s.rule.name))
