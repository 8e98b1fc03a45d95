"""Oversight quality: private to who decided, of teams only their load, and what is too much ends in something to do."""

import re
from datetime import date, timedelta
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from agents.models import Write
from approvals import overseeing, reading
from approvals.models import Approval, Decision, Reading
from approvals.oversight import Count, Load, Share, load, steps
from cases.models import Case, Event
from tests.house.test_matrix import marks
from tests.world import FINGERPRINT, World, add_approval, add_case_row, build


@pytest.fixture
def world(db: None) -> World:
    cache.clear()
    return build()


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def text_of(page: Any) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page.content.decode())).split())


def noted(page: Any) -> str:
    found = re.search(r'name="noted" value="([^"]+)"', page.content.decode())
    assert found
    return unescape(found[1])


def decided(world: World, client: Client, **more: Any) -> Decision:
    sent = {"option": "full", "fingerprint": FINGERPRINT, "nonce": "n-1"} | more
    answer = client.post(f"/approvals/{world.approval.pk}/decide/", sent)
    assert answer.status_code == 302, text_of(answer)
    return Decision.objects.get(approval=world.approval, undone_at=None)


def made(
    world: World, user: User, how_many: int, *, team: str = "support-managers", option: str = "full", **more: Any
) -> list[Decision]:
    """That many decisions of `user`, each of a case of its own, a minute apart unless said otherwise."""
    approvals = [add_approval(world, add_case_row(world.refund, world.now))[2] for _n in range(how_many)]
    Approval.objects.filter(pk__in=[one.pk for one in approvals]).update(state="decided", decided_option=option)
    at = more.pop("at", world.now - timedelta(hours=1))
    return Decision.objects.bulk_create(
        Decision(approval=one, user=user, label=user.username, team=team, option=option, fingerprint=FINGERPRINT,
                 at=at + timedelta(seconds=n), **more)
        for n, one in enumerate(approvals)
    )  # fmt: skip


# ---------------------------------------------------------------------- what is known of one decision


def test_seconds_words_and_what_was_opened_are_kept_with_the_decision(world: World) -> None:
    client = client_of(world.manager)
    page = client.get(f"/approvals/{world.approval.pk}/")
    boxes = re.findall(r'name="unfolded" value="([^"]+)"', page.content.decode())
    assert boxes == ["message.0", "message.2", "raw"]
    decision = decided(world, client, noted=noted(page), unfolded=["raw", "made up"])
    kept = Reading.objects.get(decision=decision)
    assert kept.seconds is not None and 0 <= kept.seconds < 30
    assert kept.words is not None and 60 < kept.words < 350
    assert (kept.folded, kept.opened) == (boxes, ["raw"])


def test_looking_stores_nothing(world: World) -> None:
    before = marks()
    for path in (f"/approvals/{world.approval.pk}/", "/your-decisions/", "/reports/load/"):
        client_of(world.manager).get(path)
    assert marks() == before


def test_what_nobody_knows_stays_unknown(world: World) -> None:
    """No note, a forged one, another person's, one of another approval: the decision counts, its time is unknown."""
    client = client_of(world.manager)
    theirs = noted(client_of(world.deputy).get(f"/approvals/{world.approval.pk}/"))
    other = add_approval(world, add_case_row(world.refund, world.now))[2]
    elsewhere = noted(client.get(f"/approvals/{other.pk}/"))
    for text in ("", "x:y:z", theirs, elsewhere):
        assert reading.pressed(text, world.manager.pk, world.approval.pk, at=2e9, opened=()) is None
    decision = decided(world, client, noted=theirs)
    assert not Reading.objects.filter(decision=decision).exists()
    assert "time not known" in text_of(client.get("/your-decisions/"))


def test_a_page_that_lay_open_for_days_says_nothing(world: World) -> None:
    text = reading.note(1, "a", at=1000.0, words=9, folded=["raw"])
    assert reading.pressed(text, 1, "a", at=1012.34, opened=["raw"]) == reading.Read(12.3, 9, ("raw",), ("raw",))
    assert reading.pressed(text, 1, "a", at=1000.0 + 90_000, opened=[]) is None
    assert reading.pressed(text, 1, "a", at=999.0, opened=[]) is None, "another clock"
    stopped = reading.stopped(text, 1, "a", at=1005.0)
    assert reading.pressed(stopped, 1, "a", at=9999.0, opened=[]) == reading.Read(5.0, 9, ("raw",), ())


def test_the_check_page_carries_it_on(world: World) -> None:
    Approval.objects.update(risk="high")
    client = client_of(world.manager)
    page = client.get(f"/approvals/{world.approval.pk}/")
    sent = {"option": "full", "fingerprint": FINGERPRINT, "nonce": "n", "noted": noted(page), "unfolded": ["raw"]}
    check = client.post(f"/approvals/{world.approval.pk}/decide/", sent)
    seal = re.search(r'name="seal" value="([^"]+)"', check.content.decode())
    assert seal and noted(check) == sent["noted"] and 'name="unfolded" value="raw"' in check.content.decode()
    decision = decided(world, client, **sent | {"seal": seal[1]})
    assert decision.reading.opened == ["raw"]


# ---------------------------------------------------------------------- for oneself


def test_the_page_tells_times_rates_and_what_became_of_them(world: World) -> None:
    rows = made(world, world.manager, 4)
    rows += made(world, world.manager, 1, option="reject", reason="no")
    rows += made(world, world.manager, 1, edits={"refund": {"amount": 1}})
    rows += made(world, world.manager, 1, undone_at=world.now)
    Reading.objects.bulk_create(
        Reading(decision=row, seconds=seconds, words=200, folded=["raw"], opened=["raw"] if n == 0 else [])
        for n, (row, seconds) in enumerate(zip(rows, (2.0, 20.0, 30.0, 40.0), strict=False))
    )
    Write.objects.filter(proposal=rows[1].approval.proposal, option="full", position=0).update(repaired={"by": "x"})
    back = Write.objects.filter(proposal=rows[2].approval.proposal, option="full").first()
    assert back
    Case.objects.create(external_id=f"reversal:{back.pk}", created_at=world.now, updated_at=world.now)
    own = overseeing.own(world.manager, now=world.now, zone=world.now.tzinfo, only="", page="1")
    [line] = own.figures
    assert (line.risk, line.count, line.known, line.seconds, line.words) == ("medium", 7, 4, 25.0, 200)
    assert (line.foldable, line.opened, line.a_hundred) == (4, 1, 12.5)
    assert (line.rejected, line.changed, line.undone, line.later, line.fast) == (1, 1, 1, 2, 1)
    page = client_of(world.manager).get("/your-decisions/")
    text = text_of(page)
    for words in ("You made 7 decisions in the last 30 days.", "median 25 s", "known of 4", "200 words",
                  "in 1 of 4", "1 decision at medium or high risk took under 3 seconds"):  # fmt: skip
        assert words in text, words
    fast = client_of(world.manager).get("/your-decisions/?only=fast")
    assert fast.content.decode().count('<li class="row">') == 1


def test_low_risk_and_slow_ones_are_not_flagged(world: World) -> None:
    low, medium = made(world, world.manager, 2)
    Approval.objects.filter(pk=low.approval_id).update(risk="low")
    Reading.objects.create(decision=low, seconds=1.0, words=100)
    Reading.objects.create(decision=medium, seconds=3.0, words=100)
    assert "under 3 seconds" not in text_of(client_of(world.manager).get("/your-decisions/"))


def test_nobody_else_sees_a_persons_figures(world: World) -> None:
    """Not on their page, not in the load, not in the admin, not in the ledger, not by the API."""
    decision = decided(
        world, client_of(world.manager), noted=noted(client_of(world.manager).get(f"/approvals/{world.approval.pk}/"))
    )
    Reading.objects.filter(decision=decision).update(seconds=1.7, words=7_654_321)
    for user in (world.deputy, world.head, world.admin, world.auditor):
        for path in ("/your-decisions/", f"/your-decisions/?user={world.manager.pk}", "/reports/load/",
                     f"/approvals/{world.approval.pk}/", f"/cases/{world.case.number}/", "/admin/approvals/",
                     f"/admin/approvals/decision/{decision.pk}/change/"):  # fmt: skip
            text = client_of(user).get(path, follow=True).content.decode()
            told = re.search(r"(?<![\d:])1\.7(?!\d)", re.sub(r"<[^>]*>", "", text))  # not the end of a time
            assert told is None and not re.search("7,?654,?321", text), (user, path)
    for event in Event.objects.filter(case=world.case).select_related("detail"):
        assert "words" not in event.detail.data and "opened" not in event.detail.data
    assert "7,654,321 words" in text_of(client_of(world.manager).get("/your-decisions/"))


def test_a_case_that_is_no_longer_seen_is_counted_and_not_listed(world: World) -> None:
    made(world, world.manager, 1)
    world.manager.groups.clear()
    page = text_of(client_of(world.manager).get("/your-decisions/"))
    assert "You made 1 decision in the last 30 days." in page
    assert "Refund HK$480.00 to Chan Tai Man" not in page


def test_too_much_names_the_rule_and_what_to_do(world: World) -> None:
    made(world, world.manager, 26)
    text = text_of(client_of(world.manager).get("/your-decisions/"))
    assert "On 1 day you made more than 25 decisions." in text
    assert "Raise the limit of this rule: Refunds over HK$300. 26 of 26 were decided as suggested." in text
    assert "add cover" in text


# ---------------------------------------------------------------------- for who leads


def counts(*people: int) -> list[Count]:
    return [Count(n, date(2026, 11, 2), 9, count) for n, count in enumerate(people)]


def test_a_team_of_fewer_than_three_approvers_tells_nothing(world: World) -> None:
    assert load(counts(30, 30), [], []) == Load(too_few=True)
    assert load(counts(30, 1, 1), [], []).over_day == 1
    made(world, world.manager, 30)
    made(world, world.deputy, 5)
    page = text_of(client_of(world.head).get("/reports/load/"))
    assert "Too few to tell" in page
    assert "30 decisions" not in page and "35 decisions" not in page


def test_the_load_of_a_team_names_nobody_and_leads_to_the_rule(world: World) -> None:
    third = User.objects.create_user("third", "", "a-long-test-password", first_name="Tin", last_name="Third")
    for user, number in ((world.manager, 30), (world.deputy, 5), (third, 1)):
        made(world, user, number)
    page = client_of(world.head).get("/reports/load/")
    text = text_of(page).partition("Load of the teams")[2]
    assert "36 decisions · 12.0 a person and day" in text
    assert "1 of 3 days of work had more than 25 decisions" in text
    assert "36 of 36 were decided as suggested" in text
    for name in ("May", "Ken", "Third", "may.lee", "ken.ho"):
        assert name not in text, name
    admin = client_of(world.admin).get("/reports/load/").content.decode()
    assert f'href="/admin/approvals/rule/{world.rule.pk}/change/"' in admin


def test_who_leads_nothing_sees_no_load(world: World) -> None:
    for user, teams in ((world.manager, {"support", "support-managers"}), (world.deputy, {"support"}),
                        (world.head, {"support", "support-managers", "heads"}), (world.frontline, set()),
                        (world.auditor, set()), (world.outsider, set())):  # fmt: skip
        assert {team.name for team in overseeing.overseen(user)} == teams, user
        assert client_of(user).get("/reports/load/").status_code == (200 if teams else 403)
        own = client_of(user).get("/your-decisions/").content.decode()
        assert ('href="/reports/load/"' in own) is bool(teams), "no link leads to a page that is refused"


def test_the_answer_always_ends_in_something_to_do() -> None:
    easy, hard = Share("easy", 100, 95), Share("hard", 40, 10)
    assert [step.kind for step in steps([easy, hard], [])] == ["raise", "cover"]
    assert [(step.kind, step.name) for step in steps([hard], [Share("refund", 40, 10)])] == [
        ("split", "refund"), ("cover", ""),
    ]  # fmt: skip
    assert [step.kind for step in steps([hard], [])] == ["look", "cover"]
    assert [step.kind for step in steps([], [])] == ["cover"]


def test_both_pages_ask_as_much_for_200_decisions_as_for_10(world: World) -> None:
    third = User.objects.create_user("third", "", "a-long-test-password")
    asked: dict[str, list[int]] = {"/your-decisions/": [], "/reports/load/": []}
    for number in (10, 190):
        for user in (world.manager, world.deputy, third):
            made(world, user, number)
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")  # as autovacuum does: rows of a test came since it looked
        for path, found in asked.items():
            client = client_of(world.manager)
            client.get(path)
            with CaptureQueriesContext(connection) as queries:
                assert client.get(path).status_code == 200
            found.append(len(queries))
    assert all(few == many and many <= 15 for few, many in asked.values()), asked
