"""Cover: who decides while somebody is away, and who answers for a position that is empty.

It needs no acceptance, keeps the limits of the covered person, and ends by its date. The company's chain tells of it.
"""

from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db import connection, transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from approvals.acting import ADD_SIGHT, END_SIGHT, label
from approvals.models import Cover
from approvals.permissions import can_arrange_cover, can_fill_position
from cases.actors import Actor
from cases.clock import database_now
from cases.errors import Incorrect, NoRight, NotFound, ReasonRequired, WrongState
from cases.ledger import Entry, append_company
from cases.models import Team
from cases.plainly import plain

LONGEST = timedelta(days=366)
AHEAD = timedelta(days=366)  # no later than this it begins: what is far enough off no page can show any more


def set_cover(
    *, actor: Actor, of_id: int, by_id: int, starts_at: datetime | None, ends_at: datetime, reason: str = ""
) -> Cover:
    """`by` decides for `of` from `starts_at` (None: now) to `ends_at`. One cover of a person at a time.

    Nobody names themselves for somebody else. Raises `NoRight`, `NotFound`, `Incorrect`, `WrongState`.
    """
    with transaction.atomic():
        of, by = _person(of_id, lock=True), _person(by_id)
        if actor.user is None or not can_arrange_cover(actor.user, of):
            raise NoRight(_("Only they, an admin or the lead of all their teams can set this. Nothing was changed."))
        if of.pk == by.pk:
            raise Incorrect(_("Choose another person: nobody covers for themselves."), fields={"by": []})
        if by.pk == actor.user_id:
            raise NoRight(_("Nobody names themselves to decide for somebody else. Nothing was changed."))
        now = database_now()
        starts_at = _dates(starts_at, ends_at, now)
        if known := _at_that_time(Q(of=of), starts_at, ends_at):
            raise _taken(known)
        if _closes_a_circle(of.pk, by.pk, starts_at, ends_at):
            raise Incorrect(
                _("%(name)s is covered by this person at that time: nobody would be left to decide.")
                % {"name": by.get_full_name() or by.username},
                fields={"by": []},
            )
        row = _keep(actor, of=of, team=None, by=by, starts_at=starts_at, ends_at=ends_at, reason=reason, now=now)
        data = {"of": _label(of), "by": _label(by), "starts_at": starts_at, "ends_at": ends_at, "reason": row.reason}
        append_company([Entry("cover.set", actor, data)], now=now)
    return row


def fill_position(
    *, actor: Actor, team_id: int, by_id: int, starts_at: datetime | None, ends_at: datetime, reason: str
) -> Cover:
    """An admin lays down who answers for a team in which nobody is left. It rests as soon as somebody is in it."""
    if actor.user is None or not can_fill_position(actor.user):
        raise NoRight(_("Only an admin can fill an empty position. Nothing was changed."))
    if not reason.strip():
        raise ReasonRequired()
    with transaction.atomic():
        team = Team.objects.select_for_update().filter(pk=team_id, retired=False).first()
        if team is None:
            raise NotFound
        by = _person(by_id)
        if by.pk == actor.user_id:
            raise NoRight(_("Nobody names themselves to decide for somebody else. Nothing was changed."))
        if User.objects.filter(groups=team.group_id, is_active=True).exists():
            raise WrongState(_("This team has people: one of them can set a cover. Nothing was changed."))
        now = database_now()
        starts_at = _dates(starts_at, ends_at, now)
        if known := _at_that_time(Q(team=team), starts_at, ends_at):
            raise _taken(known)
        row = _keep(actor, of=None, team=team, by=by, starts_at=starts_at, ends_at=ends_at, reason=reason, now=now)
        data = {"team": team.name, "title": team.title, "by": _label(by), "starts_at": starts_at, "ends_at": ends_at}
        append_company([Entry("cover.override", actor, data | {"reason": row.reason})], now=now)
    return row


def end_cover(*, actor: Actor, cover_id: Any) -> Cover:
    """End a cover before its date; who covered decides nothing more for that person."""
    with transaction.atomic():
        row = (
            Cover.objects.select_for_update(of=("self",)).select_related("of", "team", "by").filter(pk=cover_id).first()
        )
        if row is None or actor.user is None:
            raise NotFound
        allowed = can_arrange_cover(actor.user, row.of) if row.of else can_fill_position(actor.user)
        if not allowed:
            if row.by_id != actor.user_id:
                raise NotFound
            raise NoRight(_("Only who may set this cover can end it. Nothing was changed."))
        now = database_now()
        if row.ended_at is not None or row.ends_at <= now:
            raise WrongState(_("This cover is over already."))
        row.ended_at, row.ended_by_label = now, actor.label
        row.save(update_fields=["ended_at", "ended_by_label"])
        _see()
        what = {"of": _label(row.of)} if row.of else {"team": row.team.name if row.team else ""}
        append_company([Entry("cover.ended", actor, what | {"by": _label(row.by)})], now=now)
    return row


def keep_sight(*, now: datetime) -> int:
    """Give and take the sight of cases whose cover began or ended since. Returns how many covers it was about.

    It runs after the change as well: an approval that was raised at that very moment is found here.
    """
    begun = Q(begun=False, starts_at__lte=now)
    over = Q(over=False) & (Q(ends_at__lte=now) | Q(ended_at__lte=now))
    with transaction.atomic():
        rows = Cover.objects.select_for_update(skip_locked=True).filter(begun | over)
        due = list(rows.values_list("pk", flat=True))
        if due:
            _see()
            Cover.objects.filter(begun, pk__in=due).update(begun=True)
            Cover.objects.filter(over, pk__in=due).update(over=True)
    return len(due)


def _see() -> None:
    with connection.cursor() as cursor:
        cursor.execute(ADD_SIGHT)
        cursor.execute(END_SIGHT)


def _keep(
    actor: Actor, *, of: User | None, team: Team | None, by: User, starts_at: datetime, ends_at: datetime,
    reason: str, now: datetime,
) -> Cover:  # fmt: skip
    row = Cover.objects.create(
        of=of,
        team=team,
        by=by,
        starts_at=starts_at,
        ends_at=ends_at,
        reason=plain(reason).strip()[:300],
        set_by_label=actor.label,
        created_at=now,
    )
    _see()
    return row


def _person(user_id: int, *, lock: bool = False) -> User:
    rows = User.objects.filter(pk=user_id, is_active=True)
    found = (rows.select_for_update() if lock else rows).first()
    if found is None:
        raise NotFound
    return found


def _label(user: User) -> str:
    return label(user.username, user.first_name, user.last_name)


def _dates(starts_at: datetime | None, ends_at: datetime, now: datetime) -> datetime:
    begins = max(starts_at, now) if starts_at else now
    if ends_at <= begins:
        raise Incorrect(_("The cover must end after it begins, and not in the past."), fields={"ends_at": []})
    if begins > now + AHEAD:
        raise Incorrect(_("Choose a beginning within a year."), fields={"starts_at": []})
    if ends_at - begins > LONGEST:
        raise Incorrect(_("A cover lasts a year at most."), fields={"ends_at": []})
    return begins


def _at_that_time(whom: Q, starts_at: datetime, ends_at: datetime) -> Cover | None:
    rows = Cover.objects.filter(whom, ended_at=None, starts_at__lt=ends_at, ends_at__gt=starts_at)
    return rows.select_related("by").first()


def _taken(known: Cover) -> WrongState:
    name = known.by.get_full_name() or known.by.username
    return WrongState(_("%(name)s covers already in this time. End that cover first.") % {"name": name})


def _closes_a_circle(of_id: int, by_id: int, starts_at: datetime, ends_at: datetime) -> bool:
    """Whether who covers is covered, over however many steps, by the one to be covered."""
    seen, following = {by_id}, {by_id}
    while following:
        rows = Cover.objects.filter(of__in=following, ended_at=None, starts_at__lt=ends_at, ends_at__gt=starts_at)
        following = set(rows.values_list("by_id", flat=True)) - seen
        if of_id in following:
            return True
        seen |= following
    return False
