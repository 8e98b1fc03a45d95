"""Values: the right number, date or path, or UNKNOWN; never a guess (guarantee A09)."""

from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cases.values import UNKNOWN, check_path, coerce, dig, moment, number, yes_no

HK = ZoneInfo("Asia/Hong_Kong")


def test_it_has_no_truth_so_that_nobody_takes_unknown_for_false() -> None:
    with pytest.raises(TypeError):
        bool(UNKNOWN)
    with pytest.raises(TypeError):
        assert not UNKNOWN


@pytest.mark.parametrize(
    ("value", "right"),
    [
        ("500", 500), (500.00, 500), (5e2, 500), (-500, -500), (0, 0), ("480.00", 480), ("-1.5", "-1.5"),
        (2**63, 2**63), (0.1 + 0.2, "0.30000000000000004"), (Decimal("0.10"), "0.1"), (1e308, "1e308"),
    ],
)  # fmt: skip
def test_it_reads_an_odd_amount_right(value: object, right: object) -> None:
    assert number(value) == Decimal(str(right))


@pytest.mark.parametrize(
    "value",
    [
        float("nan"), float("inf"), 1e309, Decimal("NaN"), "NaN", "Infinity", "1e309", "HK$500", "５００",
        "٥٠٠",
        "500 USD", "1,000", " 500", "500 ", "500\n", "", "0x10", "1_000", "+5", ".5", "5.", None, [], [500],
        {}, True,
        False, {"amount": 500}, {"amount": 500, "currency": "USD"}, {"amount": True, "currency": "HKD"},
        b"500",
        {"amount": {"amount": 5, "currency": "HKD"}, "currency": "HKD"}, "9" * 5_000, Decimal("1E+1000"),
        UNKNOWN,
    ],
    ids=lambda value: repr(value)[:30],
)  # fmt: skip
def test_it_does_not_guess_at_an_odd_amount(value: object) -> None:
    assert number(value, "HKD") is UNKNOWN


def test_it_takes_money_in_the_companys_currency_only() -> None:
    assert number({"amount": "480.00", "currency": "HKD"}, "HKD") == 480
    assert number({"amount": "480.00", "currency": "HKD"}) is UNKNOWN
    assert number({"amount": "480.00", "currency": "USD"}, "HKD") is UNKNOWN


@given(st.one_of(st.text(max_size=12), st.floats(), st.integers(), st.booleans(), st.none(), st.decimals()))
def test_it_never_fails_and_never_gives_what_is_no_number(value: object) -> None:
    read = number(value)
    assert read is UNKNOWN or read.is_finite()


def test_it_reads_times_without_a_zone_in_the_companys() -> None:
    assert moment("2026-11-22 10:00", HK) == datetime(2026, 11, 22, 2, tzinfo=UTC)
    assert moment("2026-11-22T10:00:00Z", HK) == datetime(2026, 11, 22, 10, tzinfo=UTC)
    assert moment("2026-11-22", HK) == date(2026, 11, 22)
    assert moment(datetime(2026, 11, 22, 10), HK) == datetime(2026, 11, 22, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    "value",
    [
        "2026-02-30",
        "20261122",
        "22/11/2026",
        "2026-W01-1",
        "tomorrow",
        "２０２６-11-22",
        5,
        None,
        "0001-01-01T00:00",
    ],
)
def test_it_does_not_guess_at_a_date(value: object) -> None:
    assert moment(value, HK) is UNKNOWN


@pytest.mark.parametrize(
    ("text", "kind", "zone"),
    [
        ("0001-01-01", "time", HK),  # its midnight, by UTC, is in the year before
        ("9999-12-31T23:59:59Z", "date", HK),  # what many systems write for never; here it is in the year 10000
        ("0001-01-01T00:00:00Z", "date", ZoneInfo("America/New_York")),
    ],
)
def test_a_day_outside_the_years_there_are_is_unknown(text: str, kind: str, zone: ZoneInfo) -> None:
    assert coerce(text, kind, zone, "HKD") is UNKNOWN


def test_the_first_and_last_days_and_times_are_read() -> None:
    assert coerce("0001-01-01", "date", HK, "HKD") == date.min
    assert coerce("9999-12-31", "date", HK, "HKD") == date.max
    assert coerce("9999-12-31T23:59:59Z", "time", HK, "HKD") == datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)


def test_it_digs_along_a_path() -> None:
    record = {"a": {"b": [{"c": 5}, {"c": None}]}, "flights": [{"status": "late"}, {"status": ["ok", "ok"]}]}
    assert dig(record, "a.b[0].c") == 5
    assert dig(record, "flights[*].status") == ["late", "ok", "ok"]
    assert dig(record, "flights[*]") == record["flights"]
    assert dig({"flights": []}, "flights[*].status") == []
    for path in ("a.b[1].c", "a.b[2].c", "a.x", "a.b.c", "a.b[*].c", "flights[*].gate", "x", "a[0]"):
        assert dig(record, path) is UNKNOWN, path


@pytest.mark.parametrize(
    "path", ["", ".", "a.", ".a", "a..b", "a[b]", "a[-1]", "a[0", "[0]x", "a.[0]", "a b", "a.*", "a{b}"]
)
def test_it_refuses_what_is_no_path(path: str) -> None:
    with pytest.raises(ValueError, match="path"):
        check_path(path)


def test_it_does_not_reach_python_through_a_path() -> None:
    assert dig({"a": "text"}, "a.__class__") is UNKNOWN
    assert dig(object(), "__class__") is UNKNOWN


@pytest.mark.parametrize(
    ("value", "kind", "result"),
    [
        (480, "money", Decimal("480.00")), (160.335, "money", Decimal("160.34")), ("HK$5", "money", UNKNOWN),
        ("3", "number", Decimal(3)), (None, "number", UNKNOWN), (True, "number", UNKNOWN),
        ("2026-11-21T20:00:00Z", "date", date(2026, 11, 22)), ("2026-11-22", "time", datetime(2026, 11, 21,
        16, tzinfo=UTC)),
        ("2h", "duration", 7200), (90, "duration", 90), (-1, "duration", UNKNOWN), ("soon", "duration",
        UNKNOWN),
        ("Yes", "yes_no", True), (0, "yes_no", False), ("maybe", "yes_no", UNKNOWN), (2, "yes_no", UNKNOWN),
        ((1, 2), "list", [1, 2]), ("ab", "list", UNKNOWN), ({"a": 1}, "record", {"a": 1}), ([], "record",
        UNKNOWN),
        (88213, "text", "88213"), (" ", "text", UNKNOWN), ("x", "text", "x"), (False, "text", UNKNOWN), ({},
        "text", UNKNOWN),
        (1.0, "text", "1"), (date(2026, 1, 2), "text", "2026-01-02"), (UNKNOWN, "text", UNKNOWN),
    ],
)  # fmt: skip
def test_it_makes_a_fact_of_its_kind_or_leaves_it_unknown(value: object, kind: str, result: object) -> None:
    made = coerce(value, kind, HK, "HKD")
    assert made == result
    assert type(made) is type(result)


def test_it_refuses_a_kind_that_is_none() -> None:
    with pytest.raises(ValueError, match="kind"):
        coerce(1, "amount", HK, "HKD")


def test_it_reads_yes_in_both_languages() -> None:
    assert yes_no("是") is True
    assert yes_no("沒有") is False
