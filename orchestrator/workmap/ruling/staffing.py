"""Who is there to decide: the members of each team, whether they are active, and whether somebody covers for them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User
from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Exists, OuterRef
from django.db.models.functions import Now

from approvals.models import Cover


@dataclass(frozen=True, slots=True)
class Member:
    """One person, as a warning names them."""

    username: str
    name: str
    is_active: bool
    has_cover: bool  # somebody decides for them, now or at a time that is set
    teams: frozenset[str]


@dataclass(frozen=True, slots=True)
class Staff:
    """Everybody, and the teams for whose empty position somebody is laid down."""

    people: Sequence[Member]
    filled: frozenset[str] = frozenset()

    def of(self, team: str) -> list[Member]:
        return [one for one in self.people if team in one.teams]

    def active(self, team: str) -> list[Member]:
        return [one for one in self.of(team) if one.is_active]

    def known(self, username: str) -> Member | None:
        """The active account of that name."""
        return next((one for one in self.people if one.username == username and one.is_active), None)


def staff() -> Staff:
    """Everybody as they are now. One question."""
    standing = Cover.objects.filter(ended_at=None, ends_at__gt=Now(), by__is_active=True)
    rows: Any = User.objects.annotate(
        covered=Exists(standing.filter(of=OuterRef("pk"))),
        filled=ArraySubquery(standing.filter(team__isnull=False).values("team__name")),
    )
    columns = ("username", "first_name", "last_name", "is_active", "covered", "groups__team__name", "filled")
    told: dict[str, tuple[str, bool, bool]] = {}
    teams: dict[str, set[str]] = {}
    filled: set[str] = set()
    for username, first, last, active, covered, team, positions in rows.order_by("username").values_list(*columns):
        filled.update(positions)
        told[username] = (f"{first} {last}".strip() or username, active, covered)
        teams.setdefault(username, set()).update([team] if team else [])
    people = [Member(username, *said, frozenset(teams[username])) for username, said in told.items()]
    return Staff(people, frozenset(filled))
