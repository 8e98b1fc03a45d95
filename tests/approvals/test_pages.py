"""The inbox and the approval page without a browser: what they show, what they refuse, what they record."""

import re
from collections.abc import Callable
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from agents.models import Operation
from approvals import services
from approvals.models import Approval, Decision
from cases.models import Person
from tests.world import FINGERPRINT, World, add_approval, add_case_row, build

As = Callable[[User], Client]


@pytest.fixture
def world(db: None) -> World:
    cache.clear()
    return build()


@pytest.fixture
def as_() -> As:
    def signed_in(user: User) -> Client:
        client = Client()
        client.force_login(user)
        return client

    return signed_in


def path(world: World, part: str = "") -> str:
    return f"/approvals/{world.approval.pk}/{part}"


def text_of(answer: object) -> str:
    return unescape(re.sub(r"<[^>]+>", " ", answer.content.decode()))


def page_of(answer: object) -> str:
    return unescape(answer.content.decode())


def answer_of(world: World, **more: str) -> dict[str, str]:
    return {"option": "full", "fingerprint": FINGERPRINT, "nonce": "n-1", **more}


def test_it_says_what_happens_to_whom_why_and_what_cannot_be_undone(world: World, as_: As) -> None:
    page = text_of(as_(world.manager).get(path(world)))
    for words in (
        "Refund HK$480.00 to Chan Tai Man",
        "Medium risk",
        "Full refund, HK$480.00",
        "Cannot be undone after 30 s",
        "then passes to Heads of department",
        "When a refund is over HK$300.00",
        "HK$180.00 over",
        "Complaint record",
        "Not found",
        "我的訂單遲了九日還未收到",
    ):
        assert words in page, words


def test_each_option_has_its_own_list_of_writes_under_its_own_name(world: World, as_: As) -> None:
    page = as_(world.manager).get(path(world)).content.decode()
    lists = re.findall(r'<div class="effect o\d" data-option="(\w+)"><h3>([^<]+)</h3>', page)
    assert lists == [
        ("reject", "Reject"),
        ("partial", "Partial refund, HK$240.00"),
        ("full", "Full refund, HK$480.00"),
    ]


def test_nothing_is_preselected_at_medium_risk_and_the_suggestion_at_low(world: World, as_: As) -> None:
    client = as_(world.manager)
    assert not re.search(r'name="option"[^>]*checked', client.get(path(world)).content.decode())
    Approval.objects.filter(pk=world.approval.pk).update(risk="low")
    assert re.search(r'value="full"[^>]*checked', client.get(path(world)).content.decode())


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        ({"option": ""}, "Choose what to do."),
        ({"option": "reject"}, "Say why"),
        ({"option": "partial"}, "Say why"),
        ({"edit.2.refund.amount": "lots"}, "must be a number"),
        ({"edit.2.refund.amount": "-5", "reason": "r"}, "amount"),
    ],
)
def test_it_says_what_is_missing_and_keeps_the_entry(world: World, as_: As, sent: dict[str, str], words: str) -> None:
    answer = as_(world.manager).post(path(world, "decide/"), answer_of(world, **sent))
    assert answer.status_code == 422
    assert words in text_of(answer)
    assert Decision.objects.count() == 0


def test_a_changed_amount_is_shown_before_it_counts(world: World, as_: As) -> None:
    client = as_(world.manager)
    sent = answer_of(
        world, reason="Half is fair", **{"edit.2.refund.amount": "300", "edit.2.refund.reason": "Late delivery"}
    )
    page = client.post(path(world, "decide/"), sent)
    assert page.status_code == 200
    assert Decision.objects.count() == 0
    assert "You changed amount from HK$480.00 to HK$300.00" in text_of(page)
    assert re.search(r"<button[^>]*data-confirm[^>]*>Refund a payment HK\$300.00</button>", page.content.decode())


def test_high_risk_has_a_check_page_that_lists_the_writes(world: World, as_: As) -> None:
    Approval.objects.filter(pk=world.approval.pk).update(risk="high")
    client = as_(world.manager)
    page = client.post(path(world, "decide/"), answer_of(world))
    assert "Check before it counts" in text_of(page)
    assert Decision.objects.count() == 0
    again = client.post(path(world, "decide/"), answer_of(world, seal="made up"))
    assert "Check before it counts" in text_of(again)
    assert Decision.objects.count() == 0


def test_others_are_told_who_decides(world: World, as_: As) -> None:
    page = text_of(as_(world.frontline).get(path(world)))
    assert "others are asked to decide it" in page
    assert "Ken Ho, May Lee" in page
    assert "Confirm decision" not in page


def test_nobody_is_offered_to_approve_their_own_request(world: World, as_: As) -> None:
    world.case.opened_by = world.manager
    world.case.save(update_fields=["opened_by"])
    page = text_of(as_(world.manager).get(path(world)))
    assert "Nobody approves their own request" in page
    assert "Confirm decision" not in page


def test_a_decided_one_says_by_whom_and_keeps_three_records(world: World, as_: As) -> None:
    decide_as(world, world.deputy)
    page = text_of(as_(world.manager).get(path(world)))
    assert "Ken Ho" in page
    assert "as proposed" in page
    assert "not yet" in page


def test_who_decided_can_undo_in_the_header_of_every_page_while_it_is_held(world: World, as_: As) -> None:
    decide_as(world, world.manager)
    cache.set(f"approvals:held:{world.manager.pk}", True)
    assert path(world, "undo/") in as_(world.manager).get("/cases/").content.decode()
    assert path(world, "undo/") in as_(world.manager).get(path(world)).content.decode()
    assert path(world, "undo/") not in as_(world.deputy).get(path(world)).content.decode()
    Approval.objects.filter(pk=world.approval.pk).update(hold_until=timezone.now() - timedelta(seconds=1))
    assert path(world, "undo/") not in as_(world.manager).get("/cases/").content.decode()


def test_the_line_in_the_header_and_the_list_name_what_was_decided(world: World, as_: As) -> None:
    """Not what was suggested, which is what the approval is called."""
    client = as_(world.manager)
    client.post(path(world, "decide/"), answer_of(world, option="partial", reason="Half is enough"))
    page = text_of(client.get("/approvals/?tab=decided"))
    held = page[: page.index("this will be written at")]
    assert "Partial refund, HK$240.00" in held and "HK$480.00" not in held
    assert "decided: Partial refund" in page


def decide_as(world: World, user: User) -> None:
    now = timezone.now()
    Approval.objects.filter(pk=world.approval.pk).update(
        state="decided", decided_option="full", decided_at=now, hold_until=now + timedelta(seconds=30)
    )
    Decision.objects.create(
        approval=world.approval, user=user, label=f"{user.get_full_name()} ({user.username})", team="support-managers",
        option="full", fingerprint=FINGERPRINT, at=now,
    )  # fmt: skip


def test_the_inbox_groups_by_time_left_and_filters(world: World, as_: As) -> None:
    late = add_case_row(world.delivery, world.now, requester_name="Wong Mei")
    add_approval(world, late, due_in=timedelta(minutes=-5), risk="low")
    client = as_(world.manager)
    page = text_of(client.get("/approvals/"))
    assert "2 approvals waiting for you" in page
    assert page.index("Overdue") < page.index("Within the hour")
    assert "Wong Mei" not in text_of(client.get("/approvals/?type=refund"))
    assert "Wong Mei" in text_of(client.get("/approvals/?risk=low"))
    assert "Wong Mei" in text_of(client.get("/approvals/?q=wong"))
    assert "No approvals match this choice." in text_of(client.get("/approvals/?q=zzz"))


def test_what_waits_is_exactly_what_can_be_decided(world: World, as_: As) -> None:
    assert "1 approval waiting" in text_of(as_(world.deputy).get("/approvals/"))
    assert "No approvals are waiting for you." in text_of(as_(world.frontline).get("/approvals/"))


def test_the_poll_is_silent_until_something_changes(world: World, as_: As) -> None:
    client = as_(world.manager)
    stamp = re.search(r"news/\?stamp=(\w+)", client.get("/approvals/").content.decode())
    assert stamp
    assert client.get(f"/approvals/news/?stamp={stamp[1]}").status_code == 204
    add_approval(world, add_case_row(world.refund, world.now))
    assert client.get(f"/approvals/news/?stamp={stamp[1]}").status_code == 200


def test_the_poll_asks_for_the_list_alone_and_speaks_the_language_of_its_page(world: World, as_: As) -> None:
    Person.objects.filter(user=world.manager).update(language="zh-hant")
    client = as_(world.manager)
    found = re.search(r'hx-get="([^"]+)"', client.get("/approvals/").content.decode())
    assert found is not None
    add_approval(world, add_case_row(world.refund, world.now))
    for address, words in ((unescape(found[1]), "1 項新增。"), ("/approvals/news/?stamp=x&language=xx", "2 new.")):
        cache.clear()
        with CaptureQueriesContext(connection) as asked:
            news = client.get(address)
        tables = [query["sql"] for query in asked if "django_session" not in query["sql"]]
        assert len(tables) == 2 and tables[0].startswith('SELECT "auth_user"'), tables
        assert words in news.content.decode()


def test_the_whole_page_speaks_the_persons_language(world: World, as_: As) -> None:
    Person.objects.filter(user=world.manager).update(language="zh-hant")
    page = as_(world.manager).get(path(world)).content.decode()
    assert '<html lang="zh-Hant-HK"' in page
    assert "向陳大文退款 HK$480.00" in page
    assert "Choose one" not in page


def test_only_the_named_person_is_offered_to_confirm_a_standing_approval(world: World, as_: As) -> None:
    assert "Confirm this in my name" in text_of(as_(world.manager).get("/standing-approvals/"))
    assert "Waits for May Lee" in text_of(as_(world.deputy).get("/standing-approvals/"))
    assert "Confirm this in my name" not in text_of(as_(world.deputy).get("/standing-approvals/"))
    url, client = f"/standing-approvals/{world.standing.pk}/confirm/", as_(world.manager)
    for unread in ({}, {"version": ""}, {"version": "1.0"}, {"version": "x"}, {"version": "9" * 40}):
        answer = client.post(url, unread)
        assert answer.status_code == 422
        assert "Open the page again; nothing was confirmed" in text_of(answer)
    assert client.post(url, {"version": "99"}).status_code == 409
    world.standing.refresh_from_db()
    assert not world.standing.in_force
    page = client.get("/standing-approvals/").content.decode()
    version = re.findall(r'name="version" value="(\d+)"', page)[0]
    assert client.post(url, {"version": version}).status_code == 302
    world.standing.refresh_from_db()
    assert world.standing.in_force


def test_the_page_adds_at_most_seven_questions_to_those_of_the_decision(
    world: World, as_: As, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = as_(world.manager)
    real, in_service = services.decide, []

    def decide(**asked_for: Any) -> Approval:
        with CaptureQueriesContext(connection) as asked:
            done = real(**asked_for)
        in_service.append(len(asked))
        return done

    monkeypatch.setattr(services, "decide", decide)
    with CaptureQueriesContext(connection) as asked:
        answer = client.post(path(world, "decide/"), answer_of(world))
    assert answer["Location"] == "/approvals/"
    assert Decision.objects.get().option == "full"
    assert len(asked) - in_service[0] <= 7


def test_the_same_form_sent_twice_decides_once(world: World, as_: As) -> None:
    client = as_(world.manager)
    for _time in range(2):
        assert client.post(path(world, "decide/"), answer_of(world)).status_code == 302
    assert Decision.objects.count() == 1


def test_a_form_sent_again_after_the_undo_is_told_so(world: World, as_: As) -> None:
    client = as_(world.manager)
    client.post(path(world, "decide/"), answer_of(world))
    client.post(path(world, "undo/"))
    again = client.post(path(world, "decide/"), answer_of(world))
    assert again.status_code == 409 and "May Lee took this decision back" in text_of(again)
    page = text_of(client.get("/approvals/"))
    assert "Recorded" not in page and "1 approval waiting for you" in page


def test_a_stale_page_does_not_decide_and_keeps_the_answer(world: World, as_: As) -> None:
    sent = answer_of(world, fingerprint="0" * 64, reason="My reason")
    answer = as_(world.manager).post(path(world, "decide/"), sent)
    assert answer.status_code == 409
    assert "This changed while you were reading" in text_of(answer)
    assert re.search(r'value="full"[^>]*checked', answer.content.decode())
    assert "My reason" in answer.content.decode()
    assert Decision.objects.count() == 0


def test_what_changed_meanwhile_is_told_in_amounts_and_the_names_of_the_page(world: World, as_: As) -> None:
    client = as_(world.manager)
    client.get(path(world))
    write = world.proposal.writes.get(option="full", name="refund")
    write.proposed = {**write.proposed, "amount": 300}
    write.save()
    world.proposal.fingerprint = "1" * 64
    world.proposal.save()
    answer = client.post(path(world, "decide/"), answer_of(world))
    assert answer.status_code == 409
    assert re.search(r"Full refund, HK\$480\.00: amount +HK\$480\.00 +HK\$300\.00", text_of(answer))


def test_the_second_of_two_is_told_who_decided(world: World, as_: As) -> None:
    as_(world.deputy).post(path(world, "decide/"), answer_of(world))
    answer = as_(world.manager).post(path(world, "decide/"), answer_of(world, nonce="n-2"))
    assert answer.status_code == 409
    assert "Ken Ho" in text_of(answer)
    assert Decision.objects.count() == 1


@pytest.mark.parametrize("stored", ["Late\ndelivery", "Late\rdelivery", "\r\nLate delivery\n"])
def test_line_ends_that_a_browser_changes_are_no_edit(world: World, as_: As, stored: str) -> None:
    """A field of one line loses its line ends in the browser: what is sent stays what was proposed."""
    write = world.proposal.writes.get(option="full", name="refund")
    write.proposed = {**write.proposed, "reason": stored}
    write.save()
    shown = re.sub(r"[\r\n]", "", stored)
    sent = answer_of(world, **{"edit.2.refund.amount": "480", "edit.2.refund.reason": shown})
    assert as_(world.manager).post(path(world, "decide/"), sent).status_code == 302
    assert Decision.objects.get().edits == {}


def test_what_was_typed_stays_where_it_cannot_be_used(world: World, as_: As) -> None:
    sent = answer_of(world, reason="Half of it", **{"edit.2.refund.amount": "three hundred"})
    answer = as_(world.manager).post(path(world, "decide/"), sent)
    assert answer.status_code == 422
    field = re.search(r'<p class="error" id="edit.2.refund.amount-error">([^<]*)</p>\s*(<input[^>]*>)', page_of(answer))
    assert field and 'value="three hundred"' in field[2] and 'aria-invalid="true"' in field[2]
    assert field[1] == "amount must be a number, for example 300 or 300.50."


def test_a_limit_is_said_by_the_names_and_amounts_of_the_page(world: World, as_: As) -> None:
    """The schema's own words were `amount must be at most 400.`, in Chinese as well, and not at the field."""
    Person.objects.filter(user=world.manager).update(language="zh-hant")
    cache.clear()
    world.refund_payment.arguments["properties"]["amount"]["maximum"] = 400
    world.refund_payment.save()
    sent = answer_of(world, reason="Half of it", **{"edit.2.refund.amount": "450"})
    answer = as_(world.manager).post(path(world, "decide/"), sent)
    words = "金額 最多為 HK$400.00。"
    assert answer.status_code == 422
    assert f'<a href="#edit.2.refund.amount">{words}</a>' in page_of(answer)
    assert f'id="edit.2.refund.amount-error">{words}' in page_of(answer)
    assert "最多 HK$400.00" in text_of(answer)  # the hint


def test_a_decision_is_shown_in_the_words_it_was_made_in(world: World, as_: As) -> None:
    """Proposed and decided amounts are money, under the names of the page, also in the story."""
    client = as_(world.manager)
    check = client.post(path(world, "decide/"), answer_of(world, reason="Less", **{"edit.2.refund.amount": "300"}))
    assert client.post(path(world, "decide/"), fields(check.content.decode())).status_code == 302
    page = text_of(client.get(path(world)))
    assert re.search(r"amount: +HK\$480\.00", page) and re.search(r"amount: +HK\$300\.00", page)
    Person.objects.filter(user=world.manager).update(language="zh-hant")
    cache.clear()
    page = text_of(client.get(path(world)))
    assert re.search(r"金額: +HK\$480\.00", page) and re.search(r"金額: +HK\$300\.00", page)
    assert "金額由 HK$480.00 改為 HK$300.00" in page


def fields(page: str) -> dict[str, str]:
    """What a browser sends of the form with nothing touched but the option: no box that is not ticked."""
    inside = page.partition('action="/approvals/')[2].partition("</form>")[0]
    found = {}
    for tag in re.findall(r"<input[^>]*>", inside):
        kind, name = re.search(r'type="(\w+)"', tag), re.search(r'name="([^"]+)"', tag)
        if name is None or kind is None or kind[1] == "radio" or (kind[1] == "checkbox" and " checked" not in tag):
            continue
        value = re.search(r'value="([^"]*)"', tag)
        found[unescape(name[1])] = unescape(value[1]) if value else "on"
    return found


@pytest.mark.parametrize(("proposed", "ticked"), [(True, False), (True, True), (False, True), (None, False)])
def test_a_box_that_is_unticked_is_a_change_like_any_other(
    world: World, as_: As, proposed: bool | None, ticked: bool
) -> None:
    """A browser sends nothing of it: neither the page nor its check page may read that as untouched."""
    schema = {"type": "object", "properties": {"customer_id": {"type": "string"}, "urgent": {"type": "boolean"}}}
    Operation.objects.update(editable=[])
    Operation.objects.filter(pk=world.add_note.pk).update(editable=["urgent"], arguments=schema)
    write = world.proposal.writes.get(option="full", name="note")
    write.proposed = {"customer_id": "c1"} | ({} if proposed is None else {"urgent": proposed})
    write.save()
    client = as_(world.manager)
    sent = fields(client.get(path(world)).content.decode()) | {"option": "full", "reason": "Not so urgent"}
    assert ("edit.2.note.urgent" in sent) is bool(proposed)
    sent.pop("edit.2.note.urgent", None)
    check = client.post(path(world, "decide/"), sent | ({"edit.2.note.urgent": "on"} if ticked else {}))
    if ticked is bool(proposed):
        assert check.status_code == 302 and Decision.objects.get().edits == {}
        return
    assert "Check before it counts" in text_of(check) and not Decision.objects.exists()
    done = client.post(path(world, "decide/"), fields(check.content.decode()))
    assert done.status_code == 302, text_of(done)
    assert Decision.objects.get().edits == {"note": {"urgent": ticked}}


def test_an_amount_with_more_than_two_places_is_shown_exactly(world: World, as_: As) -> None:
    write = world.proposal.writes.get(option="full", name="refund")
    write.proposed = {**write.proposed, "amount": 480.004, "reason": ""}
    write.save()
    page = text_of(as_(world.manager).get(path(world)))
    assert "HK$480.00 (480.004)" in page
    assert "empty" in page
