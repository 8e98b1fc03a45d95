"""Durations and working time in Hong Kong hours, with its holidays."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cases.calendars import Duration, WorkingHours, add, between, duration

HK = ZoneInfo("Asia/Hong_Kong")
OFFICE = WorkingHours({"mon-fri": "09:00-18:00", "sat": "10:00-14:00"}, HK, "HK")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=HK)


def local(moment: datetime) -> str:
    assert moment.tzinfo is UTC
    return moment.astimezone(HK).strftime("%Y-%m-%d %H:%M")


@pytest.mark.parametrize(
    ("text", "read"),
    [("30m", Duration(1800)), ("2h", Duration(7200)), ("1d", Duration(0, 1)), ("10s", Duration(10)),
     ("8h30m", Duration(30600)), ("1d2h", Duration(7200, 1)), ("0s", Duration(0))],
)  # fmt: skip
def test_it_reads_a_length_of_time(text: str, read: Duration) -> None:
    assert duration(text) == read


@pytest.mark.parametrize("text", ["", "2", "h", "2 h", "-2h", "2h1d", "1.5h", "２h", "2h2h", "9999d", "5w", None, 30])
def test_it_refuses_what_is_no_length_of_time(text: str) -> None:
    with pytest.raises(ValueError, match=r"time|years"):
        duration(text)


@pytest.mark.parametrize(
    ("start", "length", "end"),
    [
        ("2026-11-20 10:00", "2h", "2026-11-20 12:00"),  # Friday
        ("2026-11-20 17:00", "2h", "2026-11-21 11:00"),  # into Saturday
        ("2026-11-20 18:00", "30m", "2026-11-21 10:30"),
        ("2026-11-20 16:00", "2h", "2026-11-20 18:00"),  # just to closing time
        ("2026-11-21 13:00", "2h", "2026-11-23 10:00"),  # over Sunday
        ("2026-11-22 12:00", "1h", "2026-11-23 10:00"),  # from a Sunday
        ("2026-12-24 17:00", "2h", "2026-12-28 10:00"),
        # over Christmas and a Sunday (26 December is a holiday)
        ("2026-11-19 15:00", "1d", "2026-11-20 15:00"),
        ("2026-11-20 15:00", "1d", "2026-11-21 14:00"),  # Saturday closes earlier
        ("2026-11-21 09:00", "1d", "2026-11-23 10:00"),  # counted from Saturday's opening
        ("2026-11-19 20:00", "2d", "2026-11-23 09:00"),  # begins on Friday morning
        ("2026-11-19 15:00", "1d2h", "2026-11-20 17:00"),
        ("2026-11-22 12:00", "0s", "2026-11-22 12:00"),
    ],
)  # fmt: skip
def test_it_adds_working_time(start: str, length: str, end: str) -> None:
    assert local(add(at(start), duration(length), OFFICE)) == end


def test_it_adds_clock_time_without_a_calendar() -> None:
    assert local(add(at("2026-11-20 17:00"), duration("1d2h"), None)) == "2026-11-21 19:00"


def test_it_counts_working_time_between() -> None:
    assert between(at("2026-11-20 17:00"), at("2026-11-21 11:00"), OFFICE) == 7200
    assert between(at("2026-11-21 15:00"), at("2026-11-23 08:00"), OFFICE) == 0
    assert between(at("2026-11-21 11:00"), at("2026-11-20 17:00"), OFFICE) == 0
    assert between(at("2026-11-20 17:00"), at("2026-11-21 11:00")) == 18 * 3600


@given(st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31)), st.integers(1, 200_000))
def test_it_counts_what_it_added(start: datetime, seconds: int) -> None:
    begin = start.replace(tzinfo=HK, microsecond=0)
    assert between(begin, add(begin, Duration(seconds), OFFICE), OFFICE) == seconds


@given(
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31)),
    st.integers(0, 90_000),
    st.sampled_from(["1d", "3h"]),
)
def test_it_is_never_earlier_for_a_later_start(start: datetime, later: int, length: str) -> None:
    begin = start.replace(tzinfo=HK)
    after = add(begin, Duration(later))
    assert add(begin, duration(length), OFFICE) <= add(after, duration(length), OFFICE)


def test_it_knows_hours_in_several_spans_and_around_the_clock() -> None:
    lunch = WorkingHours({"mon-fri": "09:00-13:00, 14:00-18:00"}, HK)
    assert local(add(at("2026-11-20 12:30"), duration("1h"), lunch)) == "2026-11-20 14:30"
    always = WorkingHours({"mon-sun": "00:00-24:00"}, HK)
    assert between(at("2026-11-20 12:00"), at("2026-11-22 12:00"), always) == 2 * 86_400


def test_it_takes_holidays_as_a_list_of_dates() -> None:
    own = WorkingHours({"mon-fri": "09:00-18:00"}, HK, ["2026-11-20"])
    assert own.check() == []
    assert local(add(at("2026-11-19 17:30"), duration("1h"), own)) == "2026-11-23 09:30"


@pytest.mark.parametrize(
    ("hours", "holidays", "word"),
    [
        ({}, None, "hours"), ({"mon-fry": "09:00-18:00"}, None, "mon-fry"), ({"mon": "9-18"}, None, "9-18"),
        ({"mon": "18:00-09:00"}, None, "ends before"), ({"mon": "09:00-25:00"}, None, "25:00"),
        ({"mon": "09:00-12:00,11:00-13:00"}, None, "overlap"), ({"mon": "09:00-18:00"}, "XX", "XX"),
        ({"mon-tue": "09:00-18:00", "tue": "10:00-11:00"}, None, "tue"), ({"mon": "09:00-18:00"},
        ["2026-13-01"], "2026-13-01"),
    ],
)  # fmt: skip
def test_it_says_what_is_wrong_with_a_calendar(hours: dict[str, str], holidays: object, word: str) -> None:
    problems = WorkingHours(hours, HK, holidays).check()  # type: ignore[arg-type]
    assert problems
    assert word in problems[0]


def test_it_refuses_to_count_in_a_calendar_without_hours() -> None:
    with pytest.raises(ValueError, match="no working time"):
        add(at("2026-11-20 12:00"), duration("1h"), WorkingHours({}, HK))


def test_it_refuses_a_time_without_a_zone() -> None:
    with pytest.raises(ValueError, match="zone"):
        add(datetime(2026, 11, 20), duration("1h"))
