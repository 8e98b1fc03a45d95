"""Canonical text: what counts as the same value and what does not (guarantee A03)."""

import json
import unicodedata
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cases.canonical import canonical, decimal_text, digest

plain_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize("same", [100, 100.0, Decimal("100"), Decimal("100.00"), Decimal("1E+2"), 1e2])
def test_it_takes_one_amount_written_in_many_ways_for_one_value(same: object) -> None:
    assert canonical({"amount": same}) == '{"amount":100}'


@pytest.mark.parametrize("other", ["100", 100.01, -100, True, None, [100], "１００", Decimal("100.0000001"), 1000])
def test_it_tells_every_other_amount_apart(other: object) -> None:
    assert digest({"amount": other}) != digest({"amount": 100})


def test_it_keeps_text_as_it_is() -> None:
    composed, apart = unicodedata.normalize("NFC", "Zoë"), unicodedata.normalize("NFD", "Zoë")
    assert canonical(composed) != canonical(apart)
    assert canonical("a ") != canonical("a")


def test_it_sorts_keys_by_utf16_as_rfc_8785_does() -> None:
    keys = ["\u20ac", "\r", "\ufb33", "1", "\U0001f600", "\u0080", "\u00f6"]
    assert list(json.loads(canonical(dict.fromkeys(keys, 0)))) == [
        "\r", "1", "\u0080", "\u00f6", "\u20ac", "\U0001f600", "\ufb33",
    ]  # fmt: skip


def test_it_escapes_as_rfc_8785_does() -> None:
    assert canonical('\u20ac$\u000f\nA\'B"\\\\"/') == '"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"'


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.1 + 0.2, "0.30000000000000004"), (-0.0, "0"), (Decimal("-0.00"), "0"), (1e21, "1" + "0" * 21),
        (1e-7, "0.0000001"), (2**63, "9223372036854775808"), (Decimal("480.50"), "480.5"), (5e-324, None),
    ],
)  # fmt: skip
def test_it_writes_numbers_as_plain_decimal_text(value: float, text: str | None) -> None:
    assert decimal_text(value) == (text or format(Decimal(repr(value)), "f"))


def test_it_takes_times_dates_and_uuids() -> None:
    noon = datetime(2026, 11, 22, 12, tzinfo=timezone(timedelta(hours=8)))
    assert canonical(noon) == canonical(noon.astimezone(UTC)) == '"2026-11-22T04:00:00Z"'
    assert canonical([date(2026, 11, 22), UUID(int=1)]) == '["2026-11-22","00000000-0000-0000-0000-000000000001"]'


@pytest.mark.parametrize(
    "bad",
    [
        float("nan"), float("inf"), Decimal("NaN"), Decimal("Infinity"), Decimal("1E+999999"), datetime(2026,
        1, 1),
        {1: "a"}, {"a": object()}, {"a": {1, 2}}, "\ud800", b"bytes",
    ],
    ids=repr,
)  # fmt: skip
def test_it_refuses_what_has_no_single_text(bad: object) -> None:
    with pytest.raises(ValueError, match=r"."):
        canonical(bad)


def test_it_refuses_what_is_nested_without_end() -> None:
    deep: list[object] = []
    for _ in range(5_000):
        deep = [deep]
    with pytest.raises(ValueError, match="deeper"):
        canonical(deep)


@given(plain_values)
def test_it_can_be_read_back_as_json(value: object) -> None:
    assert json.loads(canonical(value)) == value


@given(st.dictionaries(st.text(max_size=6), plain_values, max_size=6), st.randoms())
def test_it_does_not_depend_on_the_order_of_keys(record: dict[str, object], rng: object) -> None:
    keys = list(record)
    rng.shuffle(keys)  # type: ignore[attr-defined]
    assert digest({key: record[key] for key in keys}) == digest(record)


@given(plain_values, plain_values)
def test_it_gives_two_values_one_text_only_if_they_are_equal(one: object, two: object) -> None:
    assert (canonical(one) == canonical(two)) == (json.dumps(one, sort_keys=True) == json.dumps(two, sort_keys=True))
