"""Accepted means kept, once: whatever comes in, from however many connections at the same moment."""

from typing import Any

import psycopg
import pytest
from django.db import connection

from cases.actors import Actor
from cases.errors import Incorrect
from cases.ledger import verify
from cases.models import Case, Event, Message
from cases.services import MOST_TEXT, Sender, take_in
from tests.company import Small, at_once

SHOP = Actor("requester", "token shop", token_id=1, token_name="shop", trusted=True)
OPEN = Actor("requester", "token web", token_id=2, token_name="web")


def send(actor: Actor = OPEN, **more: Any) -> tuple[Case, bool]:
    values: dict[str, Any] = {
        "source": "customer",
        "channel": "api",
        "sender": Sender("Chan", "c@example.com"),
        "text": "Hello",
    }
    return take_in(actor=actor, **values | more)


@pytest.mark.django_db(transaction=True)
def test_what_was_accepted_is_in_the_database_for_everybody(app_connection: psycopg.Connection) -> None:
    """D02 in small: another session sees case, message and event the moment the call returns, woken for a worker."""
    case, new = send(text="Where is my order?")
    assert new
    row = app_connection.execute(
        "SELECT status, stage, wake_at <= clock_timestamp(), seq FROM cases_case WHERE id = %s", [case.pk]
    ).fetchone()
    assert row == ("received", "sort", True, 1)
    assert app_connection.execute("SELECT text FROM cases_message WHERE case_id = %s", [case.pk]).fetchall() == [
        ("Where is my order?",)
    ]
    assert Event.objects.get(case=case).actor == "token web"
    assert verify().first_broken is None


@pytest.mark.django_db
def test_the_same_external_id_of_a_token_is_the_same_case() -> None:
    first, new = send(external_id="x1", text="One")
    again, new_again = send(external_id="x1", text="Another text")
    other, new_other = send(actor=SHOP, external_id="x1")
    assert (first.pk, new, new_again, new_other) == (again.pk, True, False, True)
    assert other.pk != first.pk
    assert Case.objects.count() == 2 and Message.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_the_same_external_id_at_the_same_moment_makes_one_case() -> None:
    """I01. Without the unique constraint several would be made."""
    for place in range(4):
        results = at_once([lambda place=place: send(external_id=f"race-{place}") for _n in range(6)])
        assert all(isinstance(one, tuple) for one in results), results
        assert len({case.pk for case, _new in results}) == 1
        assert [new for _case, new in results].count(True) == 1
    assert Case.objects.count() == 4 == Message.objects.count() == Event.objects.count()
    assert verify().first_broken is None


ODD_ENTRIES: list[dict[str, Any]] = [
    {"text": "a\x00b"},
    {"text": "half \ud800 pair"},
    {"text": "   \n "},
    {"text": "x" * (MOST_TEXT + 1)},
    {"subject": "a\x00b"},
    {"subject": "x" * 301},
    {"external_id": "x" * 201},
    {"external_id": "\x00"},
    {"sender": Sender("a\x00b")},
    {"sender": Sender("n" * 201)},
    {"sender": Sender("", "c" * 255)},
    {"sender": Sender("", "", "\ud800")},
    {"type_name": "nothing_like_this"},
    {"type_name": "refund\x00"},
    {"source": "nobody"},
    {"channel": "pigeon"},
]


@pytest.mark.django_db
@pytest.mark.parametrize("entry", ODD_ENTRIES, ids=range(len(ODD_ENTRIES)))
def test_it_refuses_an_entry_that_cannot_be_kept_with_words_and_changes_nothing(entry: dict[str, Any]) -> None:
    with pytest.raises(Incorrect) as refused:
        send(**entry)
    assert refused.value.http_status == 422 and refused.value.detail["fields"]
    assert not Case.objects.exists() and not Event.objects.exists()


KEPT_ENTRIES: list[dict[str, Any]] = [
    {"text": "x" * MOST_TEXT},
    {"text": "好" * MOST_TEXT},
    {"text": "\u202eevil\u200b\x07 \r\n\u2028 <script>"},
    {"text": "\n\n  first line \nsecond"},
    {"sender": Sender("", "c" * 254)},
    {"sender": Sender("", "")},
    {"sender": Sender("n" * 200, "c" * 254, "k" * 200)},
    {"form": {"n": float("nan"), "deep": {"a": [1, None, {"b": "\x00\ud800"}]}, "\x00": 1}},
    {"operations": ["shop.refund", "odd\x00name", "\ud800"]},
    {"operations": []},
    {"subject": "s" * 300},
]


@pytest.mark.django_db
@pytest.mark.parametrize("entry", KEPT_ENTRIES, ids=range(len(KEPT_ENTRIES)))
def test_it_keeps_what_can_be_kept_whatever_it_looks_like(entry: dict[str, Any]) -> None:
    case, new = send(**entry)
    assert new and Case.objects.get(pk=case.pk).subject
    if "text" in entry:
        assert Message.objects.get(case=case).text == entry["text"]
    assert verify().first_broken is None


@pytest.mark.django_db
def test_a_label_of_any_length_can_hand_something_in() -> None:
    case, _new = send(actor=Actor("requester", "token " + "n" * 300, token_id=3), sender=Sender())
    assert Message.objects.get(case=case).author
    assert verify().first_broken is None


def test_the_customer_counts_from_a_trusted_identity_only(company: Small) -> None:
    claimed = Sender("Chan", "chan@example.com", "c2")
    assert send(actor=OPEN, sender=claimed)[0].customer == ""
    trusted, _new = send(actor=SHOP, sender=claimed)
    assert (trusted.customer, trusted.customer_from) == ("c2", "trusted")
    staff, _new = send(actor=company.as_("ka"), sender=claimed, form={"order_number": "A1"})
    assert (staff.customer, staff.customer_from, staff.form_binds) == ("c2", "staff", True)
    program, _new = send(actor=SHOP, sender=claimed, form={"order_number": "A1"})
    assert not program.form_binds


def test_a_named_type_is_kept_and_a_retired_one_refused(company: Small) -> None:
    case, _new = send(type_name="refund")
    assert case.type is not None and case.type.name == "refund"
    case.type.retired = True
    case.type.save()
    with pytest.raises(Incorrect):
        send(type_name="refund")


@pytest.mark.django_db
def test_a_failing_write_leaves_nothing_half_done() -> None:
    """All of it in one statement: else the case could stand there without its message."""

    def fail(execute: Any, sql: str, *rest: Any) -> Any:
        if "INSERT INTO cases_message" in sql:
            raise RuntimeError("the disk is full")
        return execute(sql, *rest)

    with connection.execute_wrapper(fail), pytest.raises(RuntimeError):
        send()
    assert not Case.objects.exists() and not Event.objects.exists()
