"""What the page of cover shows: who covers for whom, and what its reader may arrange. `covering.py` changes it."""

from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User
from django.db.models import Exists, OuterRef, QuerySet
from django.db.models.functions import Now

from approvals.models import Cover
from cases.models import Team


@dataclass
class CoverPage:
    """Cover as one person sees it: who covers for them, for whom they do, and what they may arrange for others."""

    mine: list[Cover]
    for_others: list[Cover]
    arranged: list[Cover]
    positions: list[Cover]
    people: list[User]
    coverable: list[User]
    empty: list[Team]


def cover_page(user: Any) -> CoverPage:
    """What is in force or planned. Empty positions are for admins alone. At most seven queries."""
    rows = list(
        Cover.objects.filter(ended_at=None, ends_at__gt=Now()).select_related("of", "by", "team").order_by("starts_at")
    )
    everybody = list(people())
    coverable = list(_coverable_by(user))
    empty = list(_empty_teams()) if user.is_superuser else []
    led = {one.pk for one in coverable}
    return CoverPage(
        mine=[row for row in rows if row.of_id == user.pk],
        for_others=[row for row in rows if row.by_id == user.pk],
        arranged=[row for row in rows if row.of_id in led],
        positions=[row for row in rows if row.team_id is not None and user.is_superuser],
        people=[one for one in everybody if one.pk != user.pk],
        coverable=coverable,
        empty=empty,
    )


def covering(user: Any) -> list[Cover]:
    """What `user` covers just now. One query."""
    rows = Cover.objects.filter(by=user.pk, ended_at=None, starts_at__lte=Now(), ends_at__gt=Now())
    return list(rows.select_related("of", "team").order_by("ends_at"))


def people() -> QuerySet[User]:
    """Who is of any team."""
    own = Team.objects.filter(group__user=OuterRef("pk"), retired=False)
    return User.objects.filter(Exists(own), is_active=True).order_by("first_name", "last_name", "username")


def _coverable_by(user: Any) -> QuerySet[User]:
    """Others for whom `user` may arrange cover: the same people as `can_arrange_cover` has."""
    rows = people().exclude(pk=user.pk)
    if user.is_superuser:
        return rows
    not_led = Team.objects.filter(group__user=OuterRef("pk"), retired=False).exclude(leads=user.pk)
    return rows.filter(~Exists(not_led))


def _empty_teams() -> QuerySet[Team]:
    members = User.objects.filter(groups=OuterRef("group_id"), is_active=True)
    return Team.objects.filter(~Exists(members), retired=False).order_by("name")
