"""How money, times and values are written, in both languages."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.utils import translation
from django.utils.formats import date_format

from cases import wording

ZONE = ZoneInfo("Asia/Hong_Kong")
NOW = datetime(2026, 11, 22, 2, 42, tzinfo=UTC)  # 10:42 in Hong Kong


@pytest.mark.parametrize(
    ("amount", "currency", "words"),
    [
        (480, "HKD", "HK$480.00"),
        ("1480.5", "HKD", "HK$1,480.50"),
        (-3, "USD", "-US$3.00"),
        ("12", "CHF", "CHF 12.00"),
        ("lots", "HKD", "lots"),
        ("NaN", "HKD", "NaN"),
    ],
)
def test_money_always_has_its_currency(amount: Any, currency: str, words: str) -> None:
    assert wording.money(amount, currency) == words


@pytest.mark.parametrize(
    ("minutes", "english", "chinese"),
    [
        (48, "Due in 48 min (11:30)", "尚餘 48 分鐘（11:30 到期）"),
        (-5, "Overdue by 5 min", "已逾期 5 分鐘"),
        (438, "Due today 18:00", "今日 18:00 到期"),
        (1440, "Due tomorrow 10:42", "明日 10:42 到期"),
        (3 * 1440, "Due 25 Nov 10:42", "11 月 25 日 10:42 到期"),
    ],
)
def test_time_left_is_said_in_words(minutes: int, english: str, chinese: str) -> None:
    due = NOW + timedelta(minutes=minutes)
    with translation.override("en"):
        assert wording.time_left(due, NOW, ZONE) == english
    with translation.override("zh-hant"):
        assert wording.time_left(due, NOW, ZONE) == chinese


def test_another_year_is_named() -> None:
    assert wording.moment(datetime(2025, 9, 14, 2, 42, tzinfo=UTC), NOW, ZONE) == "14 Sep 2025 10:42"


@pytest.mark.parametrize(
    ("thing", "words"),
    [
        (None, "not known"),
        (True, "yes"),
        (["a", 2], "a, 2"),
        ({"status": "late", "days_late": 9}, "status: late · days late: 9"),
        ({"en": "Orders", "zh-hant": "訂單"}, "Orders"),
        (0, "0"),
    ],
)
def test_values_read_as_words(thing: Any, words: str) -> None:
    assert wording.value(thing) == words


def test_a_huge_value_is_cut_and_says_so() -> None:
    words = wording.value("x" * 5000)
    assert len(words) < 500
    assert "5000 characters" in words


def test_names_lose_the_account_and_requesters_stay_pseudonyms() -> None:
    assert wording.name_of("May Lee (may.lee)") == "May Lee"
    assert wording.name_of("requester of C-1042") == "the requester"


def test_the_answer_of_a_search_that_found_nothing_says_so() -> None:
    assert wording.value({"results": []}, kind="record") == "nothing found"
    assert wording.value({"results": [1, 2]}, kind="record") == "results: 2"


def test_a_record_is_read_field_by_field_and_whole() -> None:
    record = {"number": "88213", "promised_on": "2026-11-20", "items": [{"id": "G-1"}], "notes": [], "text": "x" * 900}
    assert wording.pairs(record) == [
        ("number", "88213"),
        ("promised on", "2026-11-20"),
        ("items", "id: G-1"),
        ("text", "x" * 900),
    ]
    assert wording.pairs("no record") == []


def test_the_admin_writes_dates_as_the_pages_do() -> None:
    at = datetime(2026, 11, 9, 19, 38, tzinfo=UTC)
    with translation.override("en"):
        assert date_format(at, "DATETIME_FORMAT") == "9 Nov 2026 19:38"
