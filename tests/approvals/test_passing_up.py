"""The page says to which teams an approval passes when its time is over: the very ones that are then asked."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext

from approvals.models import Approval
from approvals.selectors import approval_of, detail
from cases.clock import database_now
from cases.models import Case
from tests.company import Small

TITLES = {"heads": "Heads", "finance": "Finance people", "support": "Support", "managers": "Managers"}


def told(approval: Approval) -> list[str]:
    """As the page of somebody who may decide it says."""
    user = User.objects.get(username="may")
    found = approval_of(user, approval.pk)
    assert found is not None
    return detail(user, found).passes_to


def overdue(company: Small, case: Case) -> None:
    Approval.objects.filter(case=case).update(due_at=database_now() - timedelta(seconds=1))
    Case.objects.filter(pk=case.pk).update(wake_at=database_now())
    company.go(case)


def asked(approval: Approval) -> set[str]:
    return {one.team.name for one in approval.asked.filter(closed=False).select_related("team")}


def to(team: str) -> dict[str, Any]:
    return {"within": "1h", "if_nobody": {"pass_to": team}}


STAGES: dict[str, tuple[list[dict[str, Any]], str]] = {
    "of the stage that is open": (
        [{"ask": "managers", **to("finance")}, {"ask": "heads"}, {"ask": "managers", **to("support")}],
        "finance",
    ),
    "also one that a later stage asks": ([{"ask": "managers", "within": "1h"}, {"ask": "heads", "people": 1}], "heads"),
}


@pytest.mark.parametrize("case", STAGES)
def test_the_page_names_who_will_be_asked(company: Small, case: str) -> None:
    stages, expected = STAGES[case]
    company.rule("staged", {"stages": stages})
    of, approval = company.waiting()
    before = asked(approval)
    assert told(approval) == [TITLES[expected]]
    overdue(company, of)
    assert asked(approval) - before == {expected}


def test_the_teams_it_passes_to_are_asked_for_once(company: Small) -> None:
    counts = []
    for team, order in (("finance", "A100"), ("managers", "A101")):
        company.rule(team, {"ask": team, **to("support")})
        _case, approval = company.waiting(order=order)
        told(approval)
        with CaptureQueriesContext(connection) as queries:
            assert told(approval) == ["Support"]
        counts.append(len(queries))
    assert len(asked(approval)) == 2 and counts[0] == counts[1], counts
