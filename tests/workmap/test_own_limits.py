"""Nobody publishes a change of what they, or a team of theirs, may decide: also where the lead decides by default."""

# one case a row, one record a line

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from approvals.models import Draft
from cases.actors import Actor, person
from cases.models import Case, Team
from orchestrator.workmap import services
from orchestrator.workmap.errors import OwnLimit
from tests.workmap.maps import named, of, shop

BY = Actor("control", "test")
EVERY = {"support", "support-managers", "heads", "night", "legal"}


def company() -> Any:
    """The shop with a type that others lead, and rules about all types and about this one alone."""
    whole = shop()
    whole["teams"] += [{"name": "night", "escalates_to": "support"}, {"name": "legal"}]
    whole["request_types"].append({"name": "contract", "team": "support", "lead": "legal"})
    for_refunds = {"types": ["refund"], "operations": ["messages.send"]}
    whole["rules"] += [
        {"name": "letters", "when": for_refunds, "then": {"ask": "heads"}},
        {"name": "no-letters", "when": {**for_refunds, "types": ["contract"]}, "then": {"forbid": "No"}},
    ]
    return whole


@pytest.fixture
def running(db: None) -> None:
    services.load(actor=BY, text=of(company()))
    now = timezone.now()
    Case.objects.create(source="customer", channel="api", created_at=now, updated_at=now)


def admin_of(team: str) -> User:
    user = User.objects.create(username=f"admin-{team}", is_staff=True, is_superuser=True)
    user.groups.add(Team.objects.get(name=team).group)
    return user


def gone(name: str) -> Callable[[Any], None]:
    def change(whole: Any) -> None:
        whole["rules"] = [rule for rule in whole["rules"] if rule["name"] != name]

    return change


def said(section: str, name: str, **changes: Any) -> Callable[[Any], None]:
    """None: no longer said."""

    def change(whole: Any) -> None:
        record = named(whole[section], name)
        record |= changes
        for key in [key for key, value in changes.items() if value is None]:
            del record[key]

    return change


def threshold(value: int) -> Callable[[Any], None]:
    def change(whole: Any) -> None:
        named(whole["rules"], "refund-over-300")["when"]["all"][0]["value"] = value

    return change


def asked_of(whole: Any) -> None:
    """An action of which only this type's lead decided is handed to somebody below them."""
    when = {"types": ["refund"], "operations": ["payments.cancel_refund"]}
    whole["rules"].append({"name": "cancel", "when": when, "then": {"ask": "night"}})


def more_allowed(whole: Any) -> None:
    named(whole["rules"], "small-refunds-pre-approved")["then"]["standing_approval"]["up_to"] = 400


@pytest.mark.usefixtures("running")
@pytest.mark.parametrize(
    ("change", "own"),
    [
        (gone("letters"), {"heads", "support-managers"}),  # they fall to the lead of refunds
        (gone("no-letters"), {"legal"}),
        (gone("repeat-refund"), {"heads", "support-managers", "legal"}),  # it is about all types
        (threshold(500), {"heads", "support-managers"}),
        (asked_of, {"night", "support-managers"}),
        (more_allowed, set()),  # beyond it the same people decide as before: it is the named person's limit
        (said("request_types", "refund", lead="support"), {"support", "support-managers"}),
        (said("request_types", "refund", lead="heads"), {"heads", "support-managers"}),
        (said("request_types", "refund", risk="low"), {"support-managers"}),
        (said("teams", "night", escalates_to="heads"), {"night", "support", "heads"}),
        (said("teams", "night", escalates_to=None), {"night", "support"}),
        (said("teams", "heads", step_up=None), {"heads"}),
    ],
)  # fmt: skip
def test_nobody_publishes_what_changes_whether_their_team_decides(change: Any, own: set[str]) -> None:
    whole = company()
    change(whole)
    services.load(actor=BY, text=of(whole), retire=True)
    draft = Draft.objects.get()
    refused = set()
    for team in sorted(EVERY, key=lambda team: team not in own):
        try:
            services.publish_draft(actor=person(admin_of(team)), draft_id=draft.pk, reason="Agreed")
        except OwnLimit:
            refused.add(team)
        else:
            break
    assert refused == own
    draft.refresh_from_db()
    assert draft.state == "published", "somebody of another team may"
