"""What is written as YAML is read back the same, whatever the texts look like."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.workmap.dumping import write
from orchestrator.workmap.reading import read

TEXTS = [
    "no",
    "on",
    "12:30",
    "1e3",
    "0o17",
    "0x1F",
    "010",
    "1_000",
    "~",
    "null",
    "",
    " a",
    "a ",
    "- a",
    "a: b",
    "#x",
    "2027-01-01",
]
TEXTS += [
    "=",
    "<<",
    "*a",
    "&a",
    "!a",
    "%a",
    "@a",
    "`a",
    "'",
    '"',
    "\\",
    "a\nb\n",
    "\n",
    "a\n\n  b",
    "\ta",
    "a\u2028b",
    "\ufeff",
    "退款🙂",
    ".5",
    "5.",
    "+1",
    "a next\x85line",
    "a\nb\x85",
    "\x85",
]


@pytest.mark.parametrize("text", TEXTS)
def test_every_text_stays_a_text(text: str) -> None:
    whole = {"a": text, "b": [text, {"c": text}]}
    assert read(write(whole).encode()).value == whole


plain = st.none() | st.booleans() | st.integers(-(10**25), 10**25) | st.floats(allow_nan=False, allow_infinity=False)
texts = st.text(st.characters(exclude_categories=["Cs", "Cc", "Cn", "Co"]), max_size=30)
things = st.recursive(
    plain | texts, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4)
)


@settings(max_examples=200, deadline=None, database=None)
@given(thing=things)
def test_everything_that_json_can_hold_comes_back(thing: Any) -> None:
    assert read(write({"a": thing}).encode()).value == {"a": thing}
