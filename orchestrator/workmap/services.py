"""What can be asked of the map: load, change a record, publish or drop a draft, load people. `actor` is required.

Work is done in `loading`, `changing`, `publishing` and `people`; here each begins with the time of the database.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from approvals.models import Draft
from cases.actors import Actor
from cases.clock import database_now
from cases.models import Team
from orchestrator.workmap import changing, loading, people, publishing
from orchestrator.workmap.changing import Change
from orchestrator.workmap.loading import Loaded
from orchestrator.workmap.reading import Text
from orchestrator.workmap.records import Record


def load(*, actor: Actor, text: Text, reason: str = "", retire: bool = False, check_only: bool = False) -> Loaded:
    """Load a map (`reading.read` gave `text`): all of it or nothing. `check_only`: only say what would change.

    `retire`: retire records that the map does not name. Raises Refused with every problem.
    """
    return loading.load(text, actor=actor, reason=reason, retire=retire, check_only=check_only, now=database_now())


def change_record(*, actor: Actor, what: str, name: str, becomes: Record | None, reason: str) -> Change:
    """One record as it shall be (None: retired). What loosens on a running system waits for a second person.

    `what`: company, calendar, team, system, operation, agent, grant, request_type or rule. Raises ReasonRequired
    and Refused.
    """
    return changing.change(actor=actor, key=(what, name), becomes=becomes, reason=reason, now=database_now())


def publish_draft(*, actor: Actor, draft_id: int, reason: str, start_at: datetime | None = None) -> Draft:
    """Bring a draft into force as a second person: at once, or by itself at `start_at`.

    Raises SecondPerson, OwnLimit, ReasonRequired, Incorrect (the time), DraftEnded, DraftPlanned, DraftOutdated.
    """
    return publishing.publish(actor=actor, draft_id=draft_id, reason=reason, start_at=start_at, now=database_now())


def call_off_draft(*, actor: Actor, draft_id: int, reason: str = "") -> Draft:
    """A draft with a start time does not start; it waits again. Raises NoRight, DraftEnded, NotPlanned."""
    return publishing.call_off(actor=actor, draft_id=draft_id, reason=reason, now=database_now())


def start_due_drafts(*, actor: Actor) -> int:
    """Bring into force what is due by the database's time. How many were. `actor`: the control layer."""
    return publishing.start_due(actor=actor, now=database_now)


def drop_draft(*, actor: Actor, draft_id: int) -> Draft:
    """End a draft without any change. Raises NoRight, DraftEnded."""
    return publishing.drop(actor=actor, draft_id=draft_id, now=database_now())


def load_people(*, actor: Actor, text: Text, password: str | None = None) -> list[str]:
    """Users with their teams, from a file. `password` is for new users. What changed, in words. Raises Refused."""
    return people.load(text, actor=actor, password=password, now=database_now())


def join_teams(*, actor: Actor, user: Any, wanted: Iterable[str], among: Iterable[str]) -> list[str]:
    """Make `user` a member of the teams `wanted`, and of no other of those in `among`. What changed, in words."""
    return people.join_teams(user, set(wanted), set(among), actor=actor, now=database_now())


def set_members(*, actor: Actor, team: Team, members: Iterable[Any], leads: Iterable[Any], reason: str) -> list[str]:
    """Who is in a team and who leads it. What changed, in words."""
    return people.set_members(team, members, leads, actor=actor, reason=reason, now=database_now())
