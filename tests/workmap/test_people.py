"""People: made from a file once, without passwords in it; gaps of the map are said in words."""

# one case a row, one record a line

from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.utils import timezone

from approvals.models import Rule, StandingApproval
from cases.actors import Actor
from cases.models import Event, RequestType, Team
from orchestrator.workmap import services
from orchestrator.workmap.errors import Refused
from orchestrator.workmap.gaps import gaps
from orchestrator.workmap.reading import read
from tests.workmap.maps import named, of, shop, shop_text

BY = Actor("control", "test")
PEOPLE = """
- {username: may.lee, name: May Lee, email: may@example.com, phone: "+85260000001", language: en, teams: [support-managers], lead_of: [support]}
- {username: kayan.ho, name: Ho Ka Yan, language: zh-hant, teams: [support, heads]}
- {username: admin, name: Admin, admin: true}
"""


@pytest.fixture(autouse=True)
def _shop(db: None) -> None:
    services.load(actor=BY, text=shop_text())


def load(text: str, **options: Any) -> list[str]:
    return services.load_people(actor=BY, text=read(text.encode()), **options)


def test_people_get_their_teams_and_no_password() -> None:
    load(PEOPLE)
    may = User.objects.get(username="may.lee")
    assert (may.get_full_name(), may.email, may.person.phone, may.is_staff) == (
        "May Lee",
        "may@example.com",
        "+85260000001",
        False,
    )
    assert not may.has_usable_password()
    assert list(Team.objects.filter(leads=may).values_list("name", flat=True)) == ["support"]
    assert RequestType.objects.with_right(may, "decide").count() == 2
    assert User.objects.get(username="kayan.ho").get_full_name() == "Ho Ka Yan"
    admin = User.objects.get(username="admin")
    assert admin.is_superuser and admin.is_staff


def test_loading_people_twice_changes_nothing() -> None:
    assert load(PEOPLE)
    events = Event.objects.count()
    assert load(PEOPLE) == [] and Event.objects.count() == events


def test_a_change_is_said_and_what_is_not_said_stays() -> None:
    load(PEOPLE)
    words = load("- {username: kayan.ho, name: Ho Ka Yan, teams: [support]}")
    assert words == ["kayan.ho: leaves heads"]
    assert User.objects.get(username="may.lee").groups.count() == 1
    assert User.objects.get(username="admin").is_superuser


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("- {username: x, name: X, teams: [suport]}", "line 1: x names team `suport`, which does not exist; did you mean `support`?"),
        ("- {username: x, name: X, team: [support]}", "`team` is not a key of a person; did you mean `teams`?"),
        ("- {username: x, name: X}\n- {username: x, name: Y}", "line 2: user name `x` is said twice"),
        ("- {username: 'a b', name: X}", "`username` must be a user name, not `a b`"),
        ("- {username: x, name: X, email: nobody}", "`email` must be a mail address"),
        ("- {username: x}", "needs the key `name`"),
        ("a: 1", "must be a list"),
    ],
)  # fmt: skip
def test_it_refuses_with_line_and_reason_and_makes_nobody(text: str, words: str) -> None:
    with pytest.raises(Refused) as refused:
        load("- {username: first, name: First}\n" * 0 + text)
    assert words in str(refused.value)
    assert not User.objects.exists()


def test_the_command_takes_the_first_password_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "people.yaml"
    file.write_text(PEOPLE)
    monkeypatch.delenv("FIRST_PASSWORD", raising=False)
    with pytest.raises(CommandError, match="FIRST_PASSWORD"):
        call_command("load_people", str(file), password_env="FIRST_PASSWORD")
    assert not User.objects.exists()
    monkeypatch.setenv("FIRST_PASSWORD", "a-long-password-for-the-start")
    call_command("load_people", str(file), password_env="FIRST_PASSWORD", stdout=StringIO())
    assert User.objects.get(username="may.lee").check_password("a-long-password-for-the-start")


def codes() -> set[tuple[str, str]]:
    return {(gap.code, gap.name) for gap in gaps(timezone.now())}


def test_gaps_are_found_and_go_away() -> None:
    found = codes()
    assert {
        ("no_member", "repeat-refund"),
        ("unknown_person", "small-refunds-pre-approved"),
        ("no_card", "late_delivery"),
    } <= found
    assert {
        ("no_lead", "heads"),
        ("no_owner", "shop"),
        ("no_rule", "support messages.send"),
        ("no_examples", "late_delivery"),
    } <= found
    assert ("no_rule", "finance payments.refund") not in found
    load(PEOPLE)
    found = codes()
    assert ("no_member", "repeat-refund") not in found
    assert ("not_confirmed", "small-refunds-pre-approved") in found
    standing = StandingApproval.objects.get()
    standing.confirmed_at, standing.confirmed_by = timezone.now(), User.objects.get(username=standing.by)
    standing.rule_version = Rule.objects.get(pk=standing.rule_id).version
    standing.save()
    assert ("not_confirmed", "small-refunds-pre-approved") not in codes()
    Team.objects.get(name="heads").group.user_set.update(is_active=False)
    assert ("no_member", "repeat-refund") in codes()


def test_an_ended_grant_is_a_gap() -> None:
    whole = shop()
    whole["grants"][0]["until"] = "2020-01-01"
    services.load(actor=BY, text=of(whole))
    assert ("expired", "finance payments.refund") in codes()


def test_the_command_says_the_gaps_in_words() -> None:
    out = StringIO()
    call_command("check_map", stdout=out)
    assert "Rule repeat-refund asks team heads, which has no active member." in out.getvalue()
    assert named(shop()["rules"], "repeat-refund")["then"]["ask"] == "heads"
