"""Whoever was named before an approval and leaves: their right ends, and nothing waits for them for ever."""

import pytest
from django.contrib.auth.models import Group, User
from django.core.cache import cache

from approvals import passing
from approvals.models import Approval
from cases.errors import NoRight
from tests.approvals.test_together import add, client_of, listed, pass_on, user
from tests.company import Small


def leave_team(name: str, team: str = "heads") -> None:
    user(name).groups.remove(Group.objects.get(name=team))


def leave(name: str) -> None:
    User.objects.filter(username=name).update(is_active=False)


# ---------------------------------------------------------------------- the right


@pytest.mark.parametrize("name_them", [add, pass_on])
def test_who_was_named_and_left_the_team_decides_nothing(company: Small, name_them: object) -> None:
    cache.clear()
    _case, approval = company.waiting()
    assert callable(name_them)
    name_them(company, approval, "grace")
    assert listed("grace") == [approval]
    leave_team("grace")
    assert listed("grace") == []
    with pytest.raises(NoRight):
        company.decide(approval, by="grace")
    page = client_of("grace").get(f"/approvals/{approval.pk}/")
    assert page.status_code == 404 or "Confirm decision" not in page.content.decode()
    with pytest.raises(NoRight):
        passing.pass_on(actor=company.as_("grace"), approval_id=approval.pk, user_id=user("ken").pk)
    assert Approval.objects.get(pk=approval.pk).state == "waiting"
