"""Lists of cases: the queue with its tabs, what a search finds, my work. Queries do not grow with rows."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import Count, F, Q, QuerySet

from approvals.cover_page import covering
from approvals.models import Approval, Cover, Decision
from cases import searching
from cases.models import Case, RequestType

PAGE = 50
MOST = 2_000  # rows that a list pages through: who looks for an older one searches for it
OPEN = ~Q(status__in=Case.CLOSED)
WITH_AI = ("received", "working", "waiting_customer", "waiting_write")


def tabs_for(user: Any) -> dict[str, Q]:
    """What each tab of the queue holds, in the order of the tabs."""
    return {
        "mine": OPEN & Q(holder_user=user.pk),
        "unassigned": OPEN & Q(holder_user=None) & (Q(holder_kind="team") | Q(status="triage")),
        "ai": Q(holder_kind="ai", status__in=WITH_AI),
        "approval": Q(status="waiting_approval"),
        "repair": Q(status="repair"),
        "all": Q(),
    }


@dataclass(frozen=True)
class QueueFilter:
    """What a person asked the case list for; all of it stands in the address."""

    tab: str = "mine"
    type: str = ""
    status: str = ""
    q: str = ""
    page: str = "1"

    @property
    def is_set(self) -> bool:
        return bool(self.type or self.status or self.q)


@dataclass
class Queue:
    page: Page[Case]
    counts: dict[str, int]
    types: list[RequestType]


def queue(user: Any, wanted: QueueFilter) -> Queue:
    """One tab of the case list, the most urgent first; the tab `all` the newest first."""
    tabs = tabs_for(user)
    seen = Case.objects.visible_to(user)
    counts = _counts(seen, {name: tab for name, tab in tabs.items() if name != "all"})
    rows = seen.filter(tabs[wanted.tab])
    if wanted.type:
        rows = rows.filter(type__name=wanted.type)
    if wanted.status in Case.Status.values:
        rows = rows.filter(status=wanted.status)
    if wanted.q:
        rows = rows.filter(searching.saying(seen, wanted.q))
    order = ("-pk",) if wanted.tab == "all" else (F("finish_due").asc(nulls_last=True), "pk")
    page = _page(rows.order_by(*order), wanted.page)
    types = list(RequestType.objects.filter(retired=False).with_right(user, "see").order_by("name"))
    return Queue(page, counts, types)


def _page(rows: QuerySet[Case], number: str) -> Page[Case]:
    """One page of the first `MOST` rows. Which they are is worked out once; only those of the page are read whole."""
    page: Page[Any] = Paginator(list(rows.values_list("pk", flat=True)[:MOST]), PAGE).get_page(number)
    shown = {case.pk: case for case in _for_rows(Case.objects.filter(pk__in=page.object_list))}
    page.object_list = [shown[pk] for pk in page.object_list]
    return page


def _counts(seen: QuerySet[Case], tabs: dict[str, Q]) -> dict[str, int]:
    """How many open cases each tab holds. Closed ones are left to their archive: no tab but `all` has them."""
    return seen.filter(OPEN).aggregate(**{name: Count("pk", filter=tab) for name, tab in tabs.items()})


@dataclass
class Search:
    """What a search found in the cases this person may see; `more`: only the newest with these words were looked at."""

    cases: list[Case]
    more: bool


def search(user: Any, text: str, limit: int = 50) -> Search:
    """The newest cases with these words, also in their facts, such as an order number. Two queries."""
    seen = Case.objects.visible_to(user)
    found = searching.find(seen, text)
    rows = _for_rows(seen.filter(found.these)).order_by("-pk")
    return Search(list(rows[:limit]), found.more)


def _for_rows(rows: QuerySet[Case]) -> QuerySet[Case]:
    return rows.select_related("type", "holder_user", "holder_team")


@dataclass
class Task:
    """One line of `Do now`: an approval, a case of mine, or a record to repair."""

    what: str
    title: Any
    due: datetime | None
    approval: Approval | None = None
    case: Case | None = None


@dataclass
class MyWork:
    tasks: list[Task]
    counts: dict[str, int]
    approvals: int
    decided_today: int
    covering: list[Cover]


def my_work(user: Any, now: datetime, midnight: datetime) -> MyWork:
    """The next thing to do, and what there is today. Six queries."""
    tabs = tabs_for(user)
    seen = Case.objects.visible_to(user)
    waiting = Approval.objects.listed_for(user).select_related("case")
    by_due = F("due_at").asc(nulls_last=True)
    tasks = [Task("approval", a.title, a.due_at, approval=a, case=a.case) for a in waiting.order_by(by_due, "pk")[:5]]
    work = Case.objects.visible_to(user, "work").filter(tabs["mine"] | tabs["repair"])
    tasks += [
        Task("repair" if case.status == "repair" else "case", case.request_sentence, case.finish_due, case=case)
        for case in _for_rows(work).order_by(F("finish_due").asc(nulls_last=True), "pk")[:5]
    ]
    far = now + timedelta(days=36_500)
    tasks.sort(key=lambda task: (task.due or far, task.what))
    counts = _counts(seen, {name: tabs[name] for name in ("mine", "unassigned", "ai", "repair")})
    decided = Decision.objects.filter(user=user.pk, undone_at=None, at__gte=midnight).count()
    return MyWork(tasks[:5], counts, waiting.count(), decided, covering(user))
