"""What waits for whom, and what they were told: one answer for planning and for the last look before sending.

Who may decide is asked of `Approval.objects.waiting_for`, who may see of `visible_to`: a mail never says more than the
page would.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib.auth.models import User
from django.db.models import CharField, Exists, OuterRef, Prefetch, Q, QuerySet, Value
from django.db.models.functions import Cast, Concat

from approvals.models import Approval, Asked
from cases.models import Case, Company
from cases.models.config import Risk
from orchestrator.notices.models import MailChoice, Notice, TeamHook
from orchestrator.notices.planning import Ask, Open, Told

MOST = 500  # things that wait for one person and are looked at
OUTCOME_AGE = timedelta(hours=24)  # a decision older than this is no news
DIGEST_AGE = timedelta(days=2)
HOOK_AGE = timedelta(days=60)
ASKED = ("approval_id", "team_id", "since", "passed_up_from", "closed", "stage")  # what planning looks at
HANDED: tuple[str, ...] = (Case.Status.WITH_PERSON, Case.Status.TRIAGE, Case.Status.REPAIR)


def zone() -> tzinfo:
    """The company's time zone."""
    return ZoneInfo(Company.objects.filter(pk=1).values_list("time_zone", flat=True).first() or "Asia/Hong_Kong")


def people() -> list[User]:
    """Everybody who can get a mail, with what they chose."""
    rows = User.objects.filter(is_active=True).exclude(email="")
    return list(rows.select_related("person", "mail_choice").order_by("pk"))


def mode_of(user: Any) -> str:
    """What the person chose, else as usual."""
    choice: MailChoice | None = getattr(user, "mail_choice", None)
    return choice.mode if choice else MailChoice.Mode.AT_ONCE


def language_of(user: User) -> str:
    return getattr(getattr(user, "person", None), "language", "") or "en"


def waiting(user: User) -> QuerySet[Approval]:
    """Approvals that this person can decide now and whose case they may see, with what a mail says of them."""
    asked = Asked.objects.select_related("team__escalates_to").order_by("stage", "since", "pk")
    return (
        _decidable(user)
        .select_related("case__type", "proposal__proposer_agent")
        .prefetch_related(Prefetch("asked", queryset=asked))
        .order_by("due_at", "pk")
    )


def _decidable(user: User) -> QuerySet[Approval]:
    return Approval.objects.waiting_for(user).filter(case__in=Case.objects.visible_to(user))


def handed(user: User) -> QuerySet[Case]:
    """Open cases that this person's teams were handed and nobody has taken."""
    return (
        Case.objects.visible_to(user, "work")
        .filter(holder_kind=Case.Holder.TEAM, holder_team__group__user=user, status__in=HANDED)
        .select_related("type", "holder_team")
        .order_by("finish_due", "pk")
    )


def open_for(user: User) -> list[Open]:
    """Everything that waits for this person."""
    groups = set(user.groups.values_list("pk", flat=True))
    asked = Asked.objects.select_related("team").only(*ASKED, "team__name", "team__group_id")
    rows = _decidable(user).only("due_at", "risk", "passed_up", "created_at").order_by("due_at", "pk")
    found = [open_approval(one, groups) for one in rows.prefetch_related(Prefetch("asked", queryset=asked))[:MOST]]
    return found + [open_case(one) for one in handed(user)[:MOST]]


def open_approval(approval: Approval, groups: set[int]) -> Open:
    """An approval as planning sees it for a member of `groups`; who has it by cover is told as those covered."""
    every = list(approval.asked.all())
    mine = asks_of(every, groups)
    passes = {one.since for one in every if one.passed_up_from}
    at_the_end = approval.passed_up > len(passes)
    asks = tuple(
        Ask(one.pk, one.since, bool(one.passed_up_from), _over(one, every, at_the_end), one.stage) for one in mine
    )
    since = min((one.since for one in mine), default=approval.created_at)
    high = approval.risk == Risk.HIGH
    return Open(f"approval:{approval.pk}", approval.due_at, high, "asked", since, asks, approval.passed_up)


def asks_of(asked: Iterable[Asked], groups: set[int]) -> list[Asked]:
    """The open asks of teams in `groups`; all open ones if none is (whoever has it by cover)."""
    still = [one for one in asked if not one.closed]
    return [one for one in still if one.team.group_id in groups] or still


def _over(one: Asked, every: list[Asked], at_the_end: bool) -> bool:
    """Whether its time passed: somebody above was asked after it, or nobody is left to be asked."""
    root = {one.team.name, one.passed_up_from} - {""}
    later = [other for other in every if not other.closed and other.since > one.since]
    return any(other.passed_up_from in root for other in later) or (at_the_end and not later)


def open_case(case: Case) -> Open:
    """A handed-over case as planning sees it."""
    high = case.type is not None and case.type.risk == Risk.HIGH
    return Open(f"case:{case.pk}", _due_of(case), high, f"handed:{case.turn}", case.updated_at)


def _due_of(case: Case) -> datetime | None:
    first = case.first_reply_due if case.first_reply_at is None else None
    return min((at for at in (first, case.finish_due) if at is not None), default=None)


def told(rows: QuerySet[Notice], items: Iterable[str], now: datetime, age: timedelta = DIGEST_AGE) -> list[Told]:
    """What was said about `items`, and the digests of the last days. What was dropped was never said."""
    about = Q(item__in=list(items)) | Q(item="digest", reserved_at__gte=now - age)
    found: list[Told] = []
    for one in rows.filter(about).exclude(state=Notice.State.DROPPED):
        found.append(Told(one.item, one.kind, one.reserved_at))
        found += [Told(str(item), "digest", one.reserved_at) for item in one.covers]
    return found


@dataclass(frozen=True)
class Outcome:
    """A decision that whoever asked for it does not know yet."""

    user: User
    item: str


def outcomes(now: datetime, known: list[User]) -> list[Outcome]:
    """Decided for good within the last day, by who asked: who made the proposal, else who handed the request in."""
    by_id = {user.pk: user for user in known}
    said = Notice.objects.filter(kind="outcome", user__isnull=False, item=OuterRef("_item"))
    rows = (
        Approval.objects.filter(state=Approval.State.DECIDED, decided_at__gte=now - OUTCOME_AGE)
        .filter(Q(hold_until=None) | Q(hold_until__lte=now))
        .annotate(_item=_named("approval:"))
        .filter(~Exists(said))
        .values_list("pk", "proposal__proposer_user_id", "case__opened_by")
    )
    return [Outcome(by_id[asker], f"approval:{pk}") for pk, own, opened in rows if (asker := own or opened) in by_id]


def _named(prefix: str) -> Any:
    return Concat(Value(prefix), Cast("pk", CharField()), output_field=CharField())


def hooks() -> list[TeamHook]:
    return list(TeamHook.objects.filter(active=True, team__retired=False).select_related("team").order_by("pk"))


def hook_of(row: Notice) -> TeamHook | None:
    """The channel that a notice goes to, if it is still in use."""
    return TeamHook.objects.filter(notices=row, active=True).select_related("team").first()


def open_for_team(hook: TeamHook) -> list[Open]:
    """What waits for the hook's team: times and risk, no more is needed."""
    rows = (
        Asked.objects.filter(team=hook.team_id, closed=False, approval__state=Approval.State.WAITING)
        .select_related("approval")
        .order_by("approval__due_at", "approval_id")[:MOST]
    )
    return [
        Open(
            f"approval:{one.approval_id}",
            one.approval.due_at,
            one.approval.risk == Risk.HIGH or bool(one.passed_up_from),
            "asked",
            one.since,
        )
        for one in rows
    ]
