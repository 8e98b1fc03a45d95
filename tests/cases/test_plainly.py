"""The quick way to plain JSON and its canonical text gives the very same as the walk through the value."""

import hashlib
import json
import math
import uuid
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cases import plainly
from cases.canonical import canonical, digest
from cases.ledger import link
from cases.plainly import canonical_text, plain, plain_digest, plain_text

TEXTS = st.text(st.characters(codec="utf-8"), max_size=12) | st.sampled_from(
    ["\x00", "\ud800", "\ue000", "😀", "\\u0000", "現退回", "a\u2028b", '"', "\\", "\x7f", ""]
)
NUMBERS = (
    st.integers(-(10**30), 10**30)
    | st.floats()
    | st.decimals(allow_nan=True, allow_infinity=True, places=3)
    | st.sampled_from([0.1, 1e-7, 1e16, 1e22, -0.0, 100.0, Decimal("480.00"), Decimal("384.50"), 2**53])
)
OTHERS = st.none() | st.booleans() | st.datetimes(timezones=st.just(UTC)) | st.dates() | st.uuids()
VALUES = st.recursive(
    TEXTS | NUMBERS | OTHERS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4) | st.tuples(inner, inner),
    max_leaves=12,
)


@given(VALUES)
def test_plain_is_what_the_walk_gives(value: Any) -> None:
    assert canonical(plain(value)) == canonical(plainly._walked(value))
    assert json.loads(json.dumps(plain([value]))) == plain([value])


@given(VALUES)
def test_the_text_is_the_canonical_text_of_what_the_walk_gives(value: Any) -> None:
    text = plain_text({"value": value, "_actor": {"kind": "agent"}})
    assert text == canonical({"value": plainly._walked(value), "_actor": {"kind": "agent"}})
    assert canonical_text(text) == text


@given(VALUES)
def test_the_digest_is_the_canonical_one_of_the_plain_value(value: Any) -> None:
    assert plain_digest(value) == digest(plain(value))


@given(st.dictionaries(TEXTS, st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS, max_size=6))
def test_stored_json_has_the_same_canonical_text_however_it_was_written(value: dict[str, Any]) -> None:
    kept = plainly._walked(value)
    for text in (json.dumps(kept), json.dumps(kept, ensure_ascii=False, indent=1)):
        assert canonical_text(text) == canonical(json.loads(text))


@pytest.mark.parametrize(
    "value", [{2: "b", 10: "a"}, {"b": {1, 2}}, {"d": date(2026, 11, 26)}, {"u": uuid.UUID(int=7)}]
)
def test_what_json_has_no_form_for_is_as_in_the_walk(value: dict[Any, Any]) -> None:
    assert plain(value) == plainly._walked(value)
    assert plain_text(value) == canonical(plainly._walked(value))


def test_most_values_go_the_quick_way(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(_value: Any) -> Any:
        raise AssertionError("walked")

    monkeypatch.setattr(plainly, "_walked", never)
    assert plain_text({"amount": 384.5, "whole": 384.0, "text": "現退回 HK$384.50。共：一，二", "n": [1, None, True]})
    assert plain({"amount": 384.5, "rows": [{"a": 1}]}) == {"amount": 384.5, "rows": [{"a": 1}]}


def test_infinity_is_text() -> None:
    assert plain({"a": math.inf}) == {"a": "inf"} and plain_text({"a": math.nan}) == '{"a":"nan"}'


@given(TEXTS.map(plain), TEXTS.map(plain), st.none() | st.integers(1, 10**9), st.integers(1, 10**6))
def test_an_event_is_chained_over_its_canonical_json(actor: str, code: str, case_id: int | None, seq: int) -> None:
    at = datetime(2026, 11, 26, 9, 30, 15, 120, tzinfo=UTC)
    body = {
        "actor": actor,
        "at": "2026-11-26T09:30:15.000120+00:00",
        "case": "company" if case_id is None else case_id,
        "code": code,
        "details": "ab",
        "seq": seq,
    }
    wanted = hashlib.sha256(("ff" + canonical(body)).encode()).hexdigest()
    assert link("ff", case_id=case_id, seq=seq, at=at, code=code, actor=actor, details="ab") == wanted
