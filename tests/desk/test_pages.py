"""Every page of the desk: who may open it, what it asks the database, and that looking changes nothing."""

import re
from collections.abc import Callable
from datetime import timedelta
from urllib.parse import quote

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from agents.models import Proposal, Run, Write
from approvals.models import Approval, Cover, Decision
from cases.models import Case, Company, Event, Message, Person, Template
from orchestrator.desk.selectors import shell
from orchestrator.desk.selectors.stops import ai_status
from tests.company import pause
from tests.world import World, add_approval, add_case_row

As = Callable[[User], Client]
OPEN_TO_ALL = [
    "/",
    "/approvals/",
    "/approvals/?tab=decided",
    "/approvals/news/",
    "/cases/",
    "/cases/?tab=all",
    "/triage/",
    "/requests/new/",
    "/ai/",
    "/search/?q=88213",
    "/settings/",
    "/standing-approvals/",
    "/cover/",
]


def of_case(world: World) -> list[str]:
    number = world.case.number
    return [
        f"/cases/{number}/",
        f"/cases/{number}/story/",
        f"/cases/{number}/by-hand/",
        f"/approvals/{world.approval.pk}/",
    ]


@pytest.mark.parametrize("path", OPEN_TO_ALL)
def test_it_sends_who_is_not_signed_in_to_sign_in(world: World, path: str) -> None:
    answer = Client().get(path)
    assert answer.status_code == 302
    assert answer["Location"].startswith("/accounts/login/?next=/")


@pytest.mark.parametrize("path", OPEN_TO_ALL)
@pytest.mark.parametrize("name", ["frontline", "manager", "admin", "auditor", "outsider"])
def test_it_opens_for_everybody_who_is_signed_in(world: World, as_: As, path: str, name: str) -> None:
    answer = as_(getattr(world, name)).get(path)
    assert answer.status_code == 200
    assert answer["Cache-Control"] == "no-store"
    assert "script-src 'self'" in answer["Content-Security-Policy"]


@pytest.mark.parametrize("name", ["outsider", "admin"])
def test_strangers_get_404_for_a_case_and_all_that_belongs_to_it(world: World, as_: As, name: str) -> None:
    client = as_(getattr(world, name))
    for path in of_case(world):
        assert client.get(path).status_code == 404, path
    for action in ("sort", "message", "take-over", "hand-back", "close", "reopen", "withdraw", "by-hand/call"):
        assert client.post(f"/cases/{world.case.number}/{action}/").status_code == 404, action
    assert client.post(f"/approvals/{world.approval.pk}/decide/").status_code == 404
    assert client.post(f"/approvals/{world.approval.pk}/undo/").status_code == 404


def test_strangers_find_nothing_in_lists_and_search(world: World, as_: As) -> None:
    client = as_(world.outsider)
    for path in ("/", "/approvals/", "/cases/?tab=all", "/search/?q=88213", f"/search/?q={world.case.number}"):
        assert "Chan Tai Man" not in client.get(path).content.decode(), path


@pytest.mark.parametrize("name", ["frontline", "colleague", "manager", "deputy", "auditor"])
def test_the_team_and_who_is_asked_see_the_case(world: World, as_: As, name: str) -> None:
    client = as_(getattr(world, name))
    for path in (f"/cases/{world.case.number}/", f"/approvals/{world.approval.pk}/"):
        assert client.get(path).status_code == 200, path


def test_an_auditor_sees_but_is_offered_nothing_to_do(world: World, as_: As) -> None:
    page = as_(world.auditor).get(f"/cases/{world.case.number}/").content.decode()
    assert "take-over/" not in page
    assert 'method="post" action="/cases/' not in page


def test_a_confidential_case_is_hidden_from_its_own_team(world: World, as_: As) -> None:
    Case.objects.filter(pk=world.case.pk).update(confidential=True)
    assert as_(world.frontline).get(f"/cases/{world.case.number}/").status_code == 404
    assert as_(world.manager).get(f"/cases/{world.case.number}/").status_code == 200  # asked to decide


def test_looking_changes_nothing(world: World, as_: As) -> None:
    def state() -> list[object]:
        rows: list[object] = [
            list(model.objects.order_by("pk").values())
            for model in (Case, Message, Proposal, Write, Approval, Decision, Event)
        ]
        return rows

    before = state()
    for user in (world.frontline, world.manager):
        client = as_(user)
        for path in [*OPEN_TO_ALL, *of_case(world)]:
            client.get(path)
    for action in ("take-over", "close", "sort", "message"):
        assert as_(world.frontline).get(f"/cases/{world.case.number}/{action}/").status_code == 405
    assert as_(world.manager).get(f"/approvals/{world.approval.pk}/decide/").status_code == 302
    assert as_(world.manager).get(f"/approvals/{world.approval.pk}/undo/").status_code == 405
    assert state() == before


CEILINGS = [
    ("/", 12),
    ("/approvals/", 8),
    ("/cases/?tab=all", 8),
    ("/cases/?tab=approval", 8),
    ("/cases/?tab=all&q=parcel", 8),
    ("/search/?q=88213", 8),
    ("/search/?q=parcel", 8),
    ("/search/?q=nothing+like+it", 8),
    ("/ai/", 12),
    ("/approvals/?tab=decided", 8),
    ("/triage/", 8),
    ("CASE", 20),
    ("APPROVAL", 18),
    ("BY HAND", 18),
    ("/approvals/news/?stamp=x", 3),  # who asks (session and user), and the list
    ("/cover/", 12),
    ("/approvals/?tab=watching", 8),
    ("/approvals/?tab=snoozed", 8),
]


def test_pages_ask_the_database_no_more_for_200_rows_than_for_10(
    world: World, as_: As, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shell, "KEPT_SECONDS", 600)  # the frame is kept however slow the machine is (test_shell.py)
    client = as_(world.manager)
    fill(world, 10)
    few = {path: queries(client, world, path) for path, _most in CEILINGS}
    fill(world, 190)
    many = {path: queries(client, world, path) for path, _most in CEILINGS}
    assert few == many
    assert {path: n for path, n in many.items() if n > dict(CEILINGS)[path]} == {}


def queries(client: Client, world: World, path: str) -> int:
    """How many a page needs when nothing is cached."""
    number = world.case.number
    real = {
        "CASE": f"/cases/{number}/",
        "APPROVAL": f"/approvals/{world.approval.pk}/",
        "BY HAND": f"/cases/{number}/by-hand/",
    }.get(path, path)
    cache.clear()
    with CaptureQueriesContext(connection) as asked:
        assert client.get(real).status_code == 200
    return len(asked)


def fill(world: World, rows: int) -> None:
    """`rows` more cases with an approval each, and as many events and messages on the first case."""
    for place in range(rows):
        case = add_case_row(world.refund, world.now, subject=f"Parcel {place}")
        add_approval(world, case, due_in=timedelta(minutes=place))
    start = Event.objects.filter(case=world.case).count()
    Event.objects.bulk_create(
        Event(
            case=world.case,
            seq=start + place + 1,
            at=world.now + timedelta(minutes=place),
            code="data.read",
            actor="control layer",
            detail_digest="",
            hash="",
        )
        for place in range(rows)
    )
    Message.objects.bulk_create(
        Message(case=world.case, direction="note", author="Ka Yan Ho", text="A note", at=world.now)
        for _place in range(rows)
    )
    for _place in range(rows):
        add_case_row(None, world.now, status="triage", holder_kind="ai", holder_team=world.managers, facts={})


def test_a_case_number_jumps_and_a_wrong_one_says_what_was_checked(world: World, as_: As) -> None:
    client = as_(world.frontline)
    assert client.get("/search/", {"q": world.case.number.lower()})["Location"] == f"/cases/{world.case.number}/"
    page = client.get("/search/", {"q": "nothing like it"}).content.decode()
    assert "Nothing for “nothing like it”" in page


@pytest.mark.parametrize("text", ["88213", "chan tai", "+852912", "CU-77", "full refund"])
def test_search_finds_order_number_name_contact_customer_and_words(world: World, as_: As, text: str) -> None:
    assert world.case.number in as_(world.frontline).get("/search/", {"q": text}).content.decode()


@pytest.mark.parametrize("path", ["/search/?q={}", "/cases/?tab=all&q={}"])
@pytest.mark.parametrize("text", ["88213", "chan", "full refund", "+85291234567", "CU-77"])
def test_a_stranger_finds_no_case_by_any_of_its_words(world: World, as_: As, path: str, text: str) -> None:
    page = as_(world.outsider).get(path.format(quote(text))).content.decode()
    assert world.case.number not in page


def test_a_long_story_is_shown_from_its_end_and_earlier_on_request(world: World, as_: As) -> None:
    fill(world, 60)
    client = as_(world.frontline)
    page = client.get(f"/cases/{world.case.number}/").content.decode()
    assert "event-60" in page
    assert 'id="event-10"' not in page
    assert "Show earlier" in page
    earlier = client.get(f"/cases/{world.case.number}/story/?before=11", headers={"hx-request": "true"})
    assert 'id="event-10"' in earlier.content.decode()
    assert "<html" not in earlier.content.decode()
    plain = client.get(f"/cases/{world.case.number}/story/?before=11")
    assert plain["Location"] == f"/cases/{world.case.number}/?before=11#timeline"


def test_settings_change_language_and_theme_at_once(world: World, as_: As) -> None:
    client = as_(world.frontline)
    client.post("/settings/", {"language": "zh-hant", "theme": "dark", "hold_seconds": "60"})
    page = client.get("/").content.decode()
    assert '<html lang="zh-Hant-HK" data-theme="dark" data-keys="off">' in page
    assert client.post("/settings/", {"language": "zh-hant", "theme": "dark", "hold_seconds": "301"}).status_code == 422


def test_a_refusal_of_the_business_is_a_page_with_its_words(world: World, as_: As) -> None:
    answer = as_(world.frontline).post(f"/cases/{world.case.number}/hand-back/", {"may": "continue"})
    assert answer.status_code == 409
    assert "is not with a person" in answer.content.decode()


def test_taking_over_leads_to_the_fallback_card(world: World, as_: As) -> None:
    client = as_(world.frontline)
    answer = client.post(f"/cases/{world.case.number}/take-over/", follow=True)
    page = answer.content.decode()
    assert answer.redirect_chain[-1][0] == f"/cases/{world.case.number}/by-hand/"
    for words in ("Check the order", "Total, promised date", "Support managers", "2345 0204", "order 88213 is late"):
        assert words in page
    world.approval.refresh_from_db()
    assert world.approval.state == "withdrawn"


def test_triage_offers_the_likeliest_types_and_one_click_sorts(world: World, as_: As) -> None:
    case = add_case_row(
        None, world.now, status="triage", holder_kind="ai", holder_team=world.support, facts={}, steps={},
        sorting={"confidence": 0.3, "top": [{"type": "late_delivery", "confidence": 0.31},
                                            {"type": "refund", "confidence": 0.24}]},
    )  # fmt: skip
    client = as_(world.frontline)
    page = client.get("/triage/").content.decode()
    assert page.index("Late delivery") < page.index("Refund request")
    assert "31%" in page
    answer = client.post(f"/cases/{case.number}/sort/", {"type": "late_delivery", "next": "/triage/"})
    assert answer["Location"] == "/triage/"
    case.refresh_from_db()
    assert case.type == world.delivery


def test_a_redirect_after_sorting_never_leaves_this_site(world: World, as_: As) -> None:
    sent = {"type": "late_delivery", "next": "https://elsewhere.example/"}
    answer = as_(world.frontline).post(f"/cases/{world.case.number}/sort/", sent)
    assert answer["Location"] == f"/cases/{world.case.number}/"


def test_staff_hand_a_request_in(world: World, as_: As) -> None:
    sent = {"type": "refund", "text": "Mrs Wong wants her money back", "source": "customer", "channel": "staff"}
    answer = as_(world.frontline).post("/requests/new/", sent)
    case = Case.objects.order_by("-pk")[0]
    assert answer["Location"] == f"/cases/{case.number}/"
    assert (case.type, case.opened_by) == (world.refund, world.frontline)
    empty = as_(world.frontline).post("/requests/new/", {"source": "customer", "channel": "staff"})
    assert empty.status_code == 422


def test_a_step_that_waits_for_people_is_not_running(world: World) -> None:
    """The page says what a pause would meet."""
    rows = {"agent": world.finance, "turn": 1, "started_at": world.now}
    before = ai_status({"all": "", "agent": "", "type": "", "system": ""}).running
    Run.objects.create(case=world.case, step="at work", **rows)
    Run.objects.create(case=world.case, step="waits", waiting_on=world.approval.proposal_id, **rows)
    Run.objects.create(case=world.case, step="a person's", **{**rows, "agent": None})
    assert ai_status({"all": "", "agent": "", "type": "", "system": ""}).running == before + 1


def test_my_work_says_whom_its_reader_covers(world: World, as_: As) -> None:
    cover = world.cover
    assert "You are covering" not in as_(cover.by).get("/").content.decode()
    Cover.objects.filter(pk=cover.pk).update(starts_at=world.now - timedelta(days=1))
    assert "You are covering for May Lee until" in as_(cover.by).get("/").content.decode()


def test_a_case_that_a_person_sorts_is_not_said_to_be_with_the_ai(world: World, as_: As) -> None:
    case = add_case_row(None, world.now, status="triage", holder_kind="ai", holder_team=world.managers, facts={})
    page = as_(world.manager).get(f"/cases/{case.number}/").content.decode()
    assert "The AI is handling this" not in page and "To reply to the requester, take the case over" in page


def test_a_case_of_a_paused_ai_is_not_said_to_be_handled(world: World, as_: As) -> None:
    case = add_case_row(world.refund, world.now, status="working", holder_kind="ai")
    assert "The AI is handling this" in as_(world.manager).get(f"/cases/{case.number}/").content.decode()
    pause("all", "")
    cache.clear()
    page = as_(world.manager).get(f"/cases/{case.number}/").content.decode()
    assert "The AI is handling this" not in page and "To reply to the requester, take the case over" in page


def test_where_one_is_signed_in_is_said_in_the_language_of_the_page(world: World, as_: As) -> None:
    client = as_(world.manager)
    assert "Where you are signed in" in client.get("/accounts/sessions/").content.decode()
    Person.objects.filter(user=world.manager).update(language="zh-hant")
    cache.clear()
    page = client.get("/accounts/sessions/").content.decode()
    assert "你在何處登入" in page and "Sessions" not in page


def test_a_record_to_repair_shows_its_amount_as_money_and_its_fields_in_the_language_of_the_page(
    world: World, as_: As
) -> None:
    world.case.holder_kind, world.case.holder_user = "person", world.frontline
    world.case.save()
    Write.objects.filter(option="full", name="refund").update(state="failed")
    Person.objects.filter(user=world.frontline).update(language="zh-hant")
    cache.clear()
    page = re.sub(r"<[^>]+>", " ", as_(world.frontline).get(f"/cases/{world.case.number}/by-hand/").content.decode())
    assert re.search(r"金額\s+HK\$480\.00", page), page


def test_an_amount_in_a_text_to_send_has_its_places_as_in_the_texts_of_the_ai(world: World, as_: As) -> None:
    Template.objects.create(type=world.refund, name="total", texts={"en": "You paid HK${order_total}."})
    world.case.facts |= {"order_total": {"value": 240, "known": True, "source": "orders.get", "at": None}}
    world.case.save()
    assert "You paid HK$240.00." in as_(world.frontline).get(f"/cases/{world.case.number}/by-hand/").content.decode()


def test_what_we_know_is_in_the_currency_of_the_company(world: World, as_: As) -> None:
    """The case page showed every amount as HK$."""
    Company.objects.update(currency="USD")
    world.case.facts |= {"order_total": {"value": 240, "known": True, "source": "orders.get", "at": None}}
    world.case.save()
    for part in ("", "by-hand/"):
        page = as_(world.frontline).get(f"/cases/{world.case.number}/{part}").content.decode()
        assert "<dd>US$240.00" in page


def test_a_type_counts_as_soon_as_it_is_chosen_and_what_was_entered_stays(world: World, as_: As) -> None:
    """Choosing lay in a form of its own: what was typed was lost, and without its button the choice did not count."""
    client = as_(world.frontline)
    sent = {"text": "Where is it?", "name": "Chan", "source": "customer", "channel": "web", "type": "refund"}
    page = client.post("/requests/new/", sent | {"choose": "1"})
    said = page.content.decode()
    assert page.status_code == 200 and 'role="alert"' not in said
    assert "Where is it?</textarea>" in said and 'value="Chan"' in said
    assert '<option value="refund" selected>' in said and '<option value="web" selected>' in said
    before = set(Case.objects.values_list("pk", flat=True))
    assert re.search(r'<form method="post"[^>]*>(?:(?!</form>).)*<select id="type" name="type">', said, re.DOTALL)
    client.post("/requests/new/", sent)
    assert Case.objects.exclude(pk__in=before).get().type == world.refund


def test_a_search_for_one_letter_does_not_say_that_it_looked(world: World, as_: As) -> None:
    page = as_(world.manager).get("/search/?q=C").content.decode()
    assert "Type at least two characters." in page and "Checked:" not in page
