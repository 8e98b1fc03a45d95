"""People and their teams, which are not part of the map: `load_people FILE`, and the members of a team.

Nobody is deleted and nobody gets a password from a file.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from cases.actors import Actor
from cases.ledger import Entry, append_company
from cases.models import Person, Team
from orchestrator.sessions import end_sessions
from orchestrator.workmap import transitions
from orchestrator.workmap.errors import Refused
from orchestrator.workmap.problems import Report, cut, nearest, said
from orchestrator.workmap.reading import Text
from orchestrator.workmap.schema import plain
from orchestrator.workmap.shapes import Choice, Flag, Many, Record, wanted
from orchestrator.workmap.shapes import Text as TextShape

PEOPLE = Many(
    Record(
        gettext_noop("a person"),
        {
            "username": TextShape(150),
            "name": TextShape(150),
            "email": TextShape(254),
            "phone": TextShape(40, empty=True),
            "language": Choice(("en", "zh-hant")),
            "teams": Many(plain),
            "lead_of": Many(plain),
            "admin": Flag(),
        },
        ("username", "name"),
    )
)


@dataclass
class _Changes:
    words: list[str] = field(default_factory=list)
    roles: set[int] = field(default_factory=set)
    """Whose rights or mail address changed: their sessions end with it."""

    def add(self, who: str, what: str) -> None:
        self.words.append(_("%(who)s: %(what)s") % {"who": who, "what": what})

    def add_role(self, user: User, what: str) -> None:
        self.add(user.username, what)
        self.roles.add(int(user.pk))


def load(text: Text, *, actor: Actor, password: str | None, now: datetime) -> list[str]:
    """Make or update the people of a file: all of them or none. What changed, in words. Raises Refused."""
    changes = _Changes()
    with transaction.atomic():
        transitions.lock()
        teams = {team.name: team for team in Team.objects.filter(retired=False).select_related("group")}
        _refuse(text, teams)
        for entry in text.value:
            _person(entry, teams, password, changes)
        if changes.words:
            append_company([Entry("people.loaded", actor, {"changes": changes.words[:500]})], now=now)
        end_sessions(changes.roles)
    return changes.words


def _refuse(text: Text, teams: dict[str, Team]) -> None:
    report = Report()
    PEOPLE.check(text.value, (), report)
    if not report:
        seen: set[str] = set()
        for index, entry in enumerate(text.value):
            _check_names(index, entry, teams, seen, report)
    if report:
        raise Refused(said(report.problems, text.mark.line_of))


def _check_names(index: int, entry: Any, teams: dict[str, Team], seen: set[str], report: Report) -> None:
    username = entry["username"]
    try:
        User.username_validator(username)
    except ValidationError:
        report.add((index, "username"), wanted(_("a user name"), username, ("username",)))
    if username in seen:
        words = _("%(what)s `%(name)s` is said twice") % {"what": _("user name"), "name": cut(username)}
        report.add((index, "username"), words)
    seen.add(username)
    try:
        validate_email(entry.get("email", "a@example.com"))
    except ValidationError:
        report.add((index, "email"), wanted(_("a mail address"), entry["email"], ("email",)))
    for key in ("teams", "lead_of"):
        for place, name in enumerate(entry.get(key, [])):
            if name not in teams:
                words = _("%(who)s names %(what)s `%(name)s`, which does not exist")
                values = {"who": cut(username), "what": _("team"), "name": cut(name)}
                report.add((index, key, place), words % values + nearest(name, teams))


def _person(entry: Any, teams: dict[str, Team], password: str | None, changes: _Changes) -> None:
    who = entry["username"]
    user = User.objects.filter(username=who).first()
    if user is None:
        user = User(username=who)
        if password:
            user.set_password(password)
        else:
            user.set_unusable_password()
        changes.add(who, _("is new"))
    first, _space, last = entry["name"].partition(" ")
    values: dict[str, Any] = {"first_name": first, "last_name": last.strip()}
    if "email" in entry:
        values["email"] = entry["email"]
    if "admin" in entry:
        values |= {"is_staff": entry["admin"], "is_superuser": entry["admin"]}
    was = (user.is_staff, user.is_superuser, user.email)
    _set(user, values, who, changes)
    if (user.is_staff, user.is_superuser, user.email) != was:
        changes.roles.add(int(user.pk))
    known = {key: entry[key] for key in ("phone", "language") if key in entry}
    _set(Person.objects.filter(user=user).first() or Person(user=user), known, who, changes)
    if "teams" in entry:
        _join(user, {teams[name] for name in entry["teams"]}, changes)
    if "lead_of" in entry:
        _lead(user, {teams[name] for name in entry["lead_of"]}, changes)


def _set(row: Any, values: dict[str, Any], who: str, changes: _Changes) -> None:
    new = row._state.adding
    differs = [name for name, value in values.items() if getattr(row, name) != value]
    for name in differs:
        setattr(row, name, values[name])
        if not new:
            changes.add(who, _("%(field)s changes") % {"field": row._meta.get_field(name).verbose_name})
    if new or differs:
        row.save()


def _join(user: User, wanted_teams: set[Team], changes: _Changes, among: set[Team] | None = None) -> None:
    """Groups that belong to no team are left alone, and with `among` every team that is not in it."""
    there = set(Team.objects.filter(group__user=user).select_related("group"))
    for team in wanted_teams - there:
        user.groups.add(team.group)
        changes.add_role(user, _("joins %(team)s") % {"team": team.name})
    for team in (there if among is None else there & among) - wanted_teams:
        user.groups.remove(team.group)
        changes.add_role(user, _("leaves %(team)s") % {"team": team.name})


def _lead(user: User, wanted_teams: set[Team], changes: _Changes) -> None:
    there = set(Team.objects.filter(leads=user))
    for team in wanted_teams - there:
        team.leads.add(user)
        changes.add_role(user, _("leads %(team)s") % {"team": team.name})
    for team in there - wanted_teams:
        team.leads.remove(user)
        changes.add_role(user, _("no longer leads %(team)s") % {"team": team.name})


def join_teams(user: User, wanted: set[str], among: set[str], *, actor: Actor, now: datetime) -> list[str]:
    """Make `user` a member of the teams `wanted`, and of no other of those in `among`. What changed, in words."""
    changes = _Changes()
    with transaction.atomic():
        transitions.lock()
        teams = {team.name: team for team in Team.objects.filter(name__in=among, retired=False).select_related("group")}
        _join(user, {teams[name] for name in wanted if name in teams}, changes, set(teams.values()))
        if changes.words:
            append_company([Entry("people.changed", actor, {"changes": changes.words})], now=now)
        end_sessions(changes.roles)
    return changes.words


def set_members(
    team: Team, members: Iterable[Any], leads: Iterable[Any], *, actor: Actor, reason: str, now: datetime
) -> list[str]:
    """Make these the members and leads of a team. What changed, in words."""
    changes = _Changes()
    with transaction.atomic():
        transitions.lock()
        for who, wanted_ones, manager in (
            ("members", set(members), team.group.user_set),
            ("leads", set(leads), team.leads),
        ):
            there = set(manager.all())
            for user in wanted_ones - there:
                manager.add(user)
                words = _("joins %(team)s") if who == "members" else _("leads %(team)s")
                changes.add_role(user, words % {"team": team.name})
            for user in there - wanted_ones:
                manager.remove(user)
                words = _("leaves %(team)s") if who == "members" else _("no longer leads %(team)s")
                changes.add_role(user, words % {"team": team.name})
        if changes.words:
            data = {"changes": changes.words, "team": team.name, "reason": reason}
            append_company([Entry("people.changed", actor, data)], now=now)
        end_sessions(changes.roles)
    return changes.words
