"""The ledger tells of everything once, with an actor, and shows whatever was done to it behind its back."""

import math
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cases import ledger, transitions
from cases.actors import CONTROL, Actor
from cases.clock import database_now
from cases.ledger import Entry, append_company, verify
from cases.models import Case, Event, EventDetail, Message
from cases.plainly import plain
from orchestrator.embedded.postgres import DATABASE, EmbeddedPostgres
from tests.company import at_once
from tests.guarantees import Size, guarantee

BY = Actor("person", "Ka Yan Ho (ka)", user_id=7)


def a_case() -> Case:
    number, now, _type = transitions.reserve_number()
    case = Case(pk=number, source="customer", channel="api")
    first = Message(case=case, direction="in", author="x", text="hello", at=now)
    with transaction.atomic():
        return transitions.receive(case, first, [Entry("request.received", BY, {"text": "hello"})], now=now)


def write(case: Case, *entries: Entry) -> None:
    with transaction.atomic():
        transitions.save(transitions.lock(case.pk), entries, now=database_now())


def chains() -> list[Case]:
    """Two cases with five events each, and a company chain with three."""
    cases = [a_case(), a_case()]
    for case in cases:
        write(case, *[Entry(f"test.{n}", BY, {"n": n}) for n in range(4)])
    for n in range(3):
        with transaction.atomic():
            append_company([Entry("company.test", CONTROL, {"n": n})], now=database_now())
    return cases


@pytest.fixture
def superuser(postgres: EmbeddedPostgres, transactional_db: None) -> Iterator[psycopg.Connection]:
    """Whoever owns the machine: the ledger's triggers are switched off for this connection."""
    with postgres.connect(database=DATABASE) as connection:
        connection.execute("SET session_replication_role = replica")
        yield connection


@pytest.mark.django_db
def test_it_holds_what_was_appended_in_order_with_its_actor() -> None:
    case = a_case()
    write(case, Entry("a", BY, {"x": Decimal("1.10")}), Entry("b", CONTROL))
    rows = list(Event.objects.filter(case=case).order_by("seq"))
    assert [(e.seq, e.code, e.actor) for e in rows] == [
        (1, "request.received", BY.label),
        (2, "a", BY.label),
        (3, "b", "control layer"),
    ]
    assert rows[1].detail.data == {"x": 1.1, "_actor": {"kind": "person", "user_id": 7}}
    verdict = verify()
    assert (verdict.first_broken, verdict.events, verdict.chains) == (None, 3, 1)
    case.refresh_from_db()
    assert (case.seq, case.head) == (3, rows[2].hash)


@pytest.mark.django_db
def test_every_link_follows_from_the_one_before() -> None:
    case = chains()[0]
    previous = ""
    for event in Event.objects.filter(case=case).order_by("seq"):
        previous = ledger.link(
            previous, case_id=case.pk, seq=event.seq, at=event.at, code=event.code, actor=event.actor,
            details=event.detail_digest,
        )  # fmt: skip
        assert event.hash == previous


TAMPERINGS: dict[str, tuple[str, str]] = {
    "change a code": ("UPDATE cases_event SET code = 'other' WHERE case_id = %(c)s AND seq = 3", "event 3"),
    "change an actor": ("UPDATE cases_event SET actor = 'somebody' WHERE case_id = %(c)s AND seq = 2", "event 2"),
    "change a time": (
        "UPDATE cases_event SET at = at + interval '1 microsecond' WHERE case_id = %(c)s AND seq = 4",
        "event 4",
    ),
    "change a hash": ("UPDATE cases_event SET hash = repeat('0', 64) WHERE case_id = %(c)s AND seq = 1", "event 1"),
    "change details": (
        """UPDATE cases_eventdetail SET data = data || '{"n": 99}' WHERE event_id =
           (SELECT id FROM cases_event WHERE case_id = %(c)s AND seq = 3)""",
        "event 3",
    ),
    "change a salt": (
        """UPDATE cases_eventdetail SET salt = repeat('a', 32) WHERE event_id =
           (SELECT id FROM cases_event WHERE case_id = %(c)s AND seq = 2)""",
        "event 2",
    ),
    "details gone": (
        "DELETE FROM cases_eventdetail WHERE event_id = (SELECT id FROM cases_event WHERE case_id = %(c)s AND seq = 2)",
        "event 2",
    ),
    "delete one": ("DELETE FROM cases_event WHERE case_id = %(c)s AND seq = 3", "event 3 is missing"),
    "delete the first": ("DELETE FROM cases_event WHERE case_id = %(c)s AND seq = 1", "event 1 is missing"),
    "cut the tail": ("DELETE FROM cases_event WHERE case_id = %(c)s AND seq = 5", "event 4"),
    "delete the whole chain": ("DELETE FROM cases_event WHERE case_id = %(c)s", "whole chain"),
    "insert one at the end": (
        """INSERT INTO cases_event (case_id, seq, at, code, actor, detail_digest, hash)
           SELECT case_id, 6, at, code, actor, detail_digest, hash FROM cases_event
           WHERE case_id = %(c)s AND seq = 5""",
        "event 6",
    ),
    "swap two": (
        """UPDATE cases_event a SET code = b.code, actor = b.actor, at = b.at, hash = b.hash,
           detail_digest = b.detail_digest FROM cases_event b
           WHERE a.case_id = %(c)s AND b.case_id = %(c)s AND (a.seq, b.seq) IN ((2, 3), (3, 2))""",
        "event 2",
    ),
    "move to another case": (
        "UPDATE cases_event SET case_id = %(o)s, seq = 6 WHERE case_id = %(c)s AND seq = 5",
        "event",
    ),
    "rewind the head": ("UPDATE cases_case SET seq = 4 WHERE id = %(c)s", "event 5"),
    "delete one of the company": ("DELETE FROM cases_event WHERE case_id IS NULL AND seq = 2", "company chain"),
    "cut the tail of the company": ("DELETE FROM cases_event WHERE case_id IS NULL AND seq = 3", "company chain"),
    "delete the company chain": ("DELETE FROM cases_event WHERE case_id IS NULL", "company chain"),
    "delete the head of the company": ("DELETE FROM cases_chainhead", "company chain"),
}


@guarantee("U03", ci=1)
@pytest.mark.parametrize("name", TAMPERINGS)
def test_verifying_names_the_first_event_that_was_tampered_with(superuser: psycopg.Connection, name: str) -> None:
    """Without the comparison with the heads, cut tails and deleted chains pass."""
    one, other = chains()
    assert verify().first_broken is None
    query, said = TAMPERINGS[name]
    values = {"c": one.pk, "o": other.pk}
    done = superuser.execute(query, values)
    assert done.rowcount, "the test did not tamper with anything"
    superuser.commit()
    found = verify().first_broken
    assert found is not None and said in found


def test_verifying_one_case_leaves_the_others_alone(superuser: psycopg.Connection) -> None:
    one, other = chains()
    superuser.execute("UPDATE cases_event SET code = 'x' WHERE case_id = %s AND seq = 2", [one.pk])
    superuser.commit()
    assert verify(case_id=other.pk).first_broken is None
    assert "event 2" in str(verify(case_id=one.pk).first_broken)


def test_details_may_be_gone_only_after_an_erased_event(superuser: psycopg.Connection) -> None:
    one, other = chains()
    erased = (
        "DELETE FROM cases_eventdetail WHERE event_id IN (SELECT id FROM cases_event WHERE case_id = %s AND seq = 2)"
    )
    superuser.execute(erased, [one.pk])
    superuser.commit()
    assert "gone without an erased event" in str(verify().first_broken)
    write(one, Entry("details.erased", BY, {"events": [2]}))
    verdict = verify()
    assert (verdict.first_broken, verdict.erased) == (None, 1)
    superuser.execute(erased, [other.pk])
    superuser.commit()
    assert f"C-{other.pk}" in str(verify().first_broken)


REFUSED = [
    "UPDATE {} SET {} = {}",
    "DELETE FROM {}",
    "TRUNCATE {} CASCADE",
]
COLUMNS = {"cases_event": "seq", "cases_eventdetail": "data", "cases_anchor": "events"}


def _attempts() -> Iterator[str]:
    for table, column in COLUMNS.items():
        yield from (one.format(table, column, column) for one in REFUSED)


@guarantee("U04", ci=1)
@pytest.mark.parametrize("query", list(_attempts()))
def test_neither_the_product_nor_the_owner_may_change_the_ledger(
    query: str, app_connection: psycopg.Connection, owner_connection: psycopg.Connection
) -> None:
    """Web and workers are one role. Without the grants the product could; without the triggers the owner could."""
    chains()
    _anchor(owner_connection)
    for session in (app_connection, owner_connection):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            session.execute(query)
        session.rollback()
    assert verify().first_broken is None and Event.objects.count() == 13


def _anchor(session: psycopg.Connection) -> None:
    """A row, so that a row trigger has something to refuse."""
    session.execute(
        "INSERT INTO cases_anchor (at, last_event, events, cases, digest, signature) VALUES (now(), 1, 1, 1, 'x', 'y')"
    )
    session.commit()


def test_the_product_may_not_switch_the_triggers_off(
    app_connection: psycopg.Connection, owner_connection: psycopg.Connection
) -> None:
    for query in (
        "SET session_replication_role = replica",
        "ALTER TABLE cases_event DISABLE TRIGGER ALL",
        "DROP TRIGGER event_append_only ON cases_event",
        "CREATE OR REPLACE FUNCTION ledger_is_append_only() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN OLD; END'",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            app_connection.execute(query)
        app_connection.rollback()


def test_the_product_cannot_pretend_to_be_erasing(app_connection: psycopg.Connection) -> None:
    """The setting alone opens nothing: only the owner's function erases, and only details."""
    chains()
    app_connection.execute("SET work_command.erasing = 'on'")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        app_connection.execute("DELETE FROM cases_eventdetail")


ODD = [
    "line\nbreak\r\nand \u2028 too",
    "\x1b[31mred\x1b[0m",
    "<script>alert(1)</script>",
    "nothing\x00here",
    "half \ud83d a pair",
    "\u202egnp.exe \u200b\u2066x\u2069",
    "訂單 88213 😀",
    "a" * 20_000,
    '{"json": "in text"}',
    "'; DROP TABLE cases_event; --",
]


@pytest.mark.django_db
@pytest.mark.parametrize("text", ODD, ids=range(len(ODD)))
def test_odd_text_stays_one_event_and_verifies(text: str) -> None:
    """U08: in values, in keys and in the name of the actor."""
    case = a_case()
    write(case, Entry("odd", Actor("person", text), {"text": text, text: [text]}))
    assert Event.objects.filter(case=case).count() == 2
    assert verify().first_broken is None


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(min_value=-(10**40), max_value=10**40)
    | st.floats()
    | st.decimals(allow_nan=True, allow_infinity=True)
    | st.datetimes(timezones=st.just(UTC))
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.django_db
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values=st.lists(VALUES, min_size=1, max_size=8))
def test_any_value_comes_back_from_the_database_with_the_same_digest(values: list[Any]) -> None:
    """What is digested is what PostgreSQL gives back: numbers, times, texts, whatever their shape."""
    kept = [plain(value) for value in values]
    with transaction.atomic():
        append_company([Entry("any", CONTROL, {"value": value}) for value in values], now=datetime.now(UTC))
        assert verify().first_broken is None
        stored = EventDetail.objects.order_by("-event_id")[: len(values)]
        for detail, value in zip(reversed(list(stored)), kept, strict=True):
            assert ledger.canonical(detail.data["value"]) == ledger.canonical(value)
        transaction.set_rollback(True)


def test_a_number_that_json_cannot_hold_is_kept_as_text() -> None:
    assert plain(Decimal("0.1")) == 0.1
    assert plain(Decimal("0.12345678901234567890")) == "0.12345678901234567890"
    assert plain(Decimal("NaN")) == "NaN" and plain(math.inf) == "inf"
    assert plain(Decimal("480.00")) == 480 and isinstance(plain(Decimal("480.00")), int)


@guarantee("U05", ci=10 * 100, release=50 * 2_000)
@pytest.mark.django_db(transaction=True)
def test_parallel_writers_leave_no_gap(size: Size) -> None:
    """All on one case and on the company's chain. Without the case lock two writers would take the same number.

    A line each in either chain a commit; the rate is held in `tests/benchmarks/test_ledger.py`.
    """
    writers = size.pick(10, 50)
    each = size.number // writers // 2
    case = a_case()
    with transaction.atomic():
        append_company([Entry("company.first", CONTROL)], now=database_now())

    def writer(n: int) -> Callable[[], None]:
        def run() -> None:
            for place in range(each):
                with transaction.atomic():
                    locked = transitions.lock(case.pk)
                    transitions.save(locked, [Entry("busy", BY, {"n": n, "place": place})], now=database_now())
                    append_company([Entry("company.busy", CONTROL, {"n": n})], now=database_now())

        return run

    assert at_once([writer(n) for n in range(writers)], seconds=3_600) == [None] * writers
    size.tried = 2 * writers * each
    verdict = verify()
    assert (verdict.first_broken, verdict.events) == (None, 2 + size.tried)


@pytest.mark.django_db
def test_an_unlocked_write_is_refused() -> None:
    """Two who read the same row: the second write finds that it moved. Without the guard the chain would fork."""
    case = a_case()
    first, second = Case.objects.get(pk=case.pk), Case.objects.get(pk=case.pk)
    transitions.save(first, [Entry("first", BY)], now=database_now())
    with pytest.raises(Exception, match=r"changed meanwhile|event_seq_in_case"), transaction.atomic():
        transitions.save(second, [Entry("second", BY)], now=database_now())
    assert verify().first_broken is None
