"""The fast way to know which rules hold gives what `conditions.judge` gives."""

from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from approvals.rules import RuleSpec
from cases import conditions
from cases.comparing import COMPARISONS
from cases.values import UNKNOWN
from orchestrator.workmap.ruling.truths import Truths

ZONE = ZoneInfo("Asia/Hong_Kong")
VALUES = st.one_of(
    st.integers(-(2**60), 2**60), st.floats(allow_nan=True), st.booleans(), st.none(), st.text(max_size=4),
    st.sampled_from(["500", "5e2", "５００", "-500", "2026-01-31", "yes", 2**53 + 1, float(2**53), 300, 300.0, 300.01]),
    st.lists(st.integers(0, 3), max_size=3), st.just({"amount": 500, "currency": "HKD"}),
)  # fmt: skip
LEAVES = st.builds(
    lambda name, is_, value: {"fact": name, "is": is_, "value": value},
    st.sampled_from("abc"), st.sampled_from([*COMPARISONS, "no such"]),
    st.one_of(VALUES, st.just({"fact": "b"}), st.just({"is": "more than", "value": 1})),
)  # fmt: skip
TREES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.fixed_dictionaries({"all": st.lists(inner, max_size=3)}),
        st.fixed_dictionaries({"any": st.lists(inner, max_size=3)}),
        st.fixed_dictionaries({"not": inner}),
        st.fixed_dictionaries({"all": st.lists(inner, max_size=2), "any": st.lists(inner, max_size=2)}),
    ),
    max_leaves=6,
)


class Table:
    def __init__(self, facts: dict[str, Any]) -> None:
        self.facts = facts

    def fact(self, name: str) -> object:
        return self.facts.get(name, UNKNOWN)

    def argument(self, path: str) -> object:
        return UNKNOWN

    def formula(self, text: str) -> object:
        return UNKNOWN


def slow(tree: Any, facts: dict[str, Any]) -> bool | None:
    try:
        return conditions.judge(tree, Table(facts), zone=ZONE, currency="HKD").truth
    except (ValueError, TypeError, KeyError, ArithmeticError, RecursionError):
        return None


@settings(max_examples=600)
@given(
    st.lists(TREES, min_size=1, max_size=4),
    st.lists(st.dictionaries(st.sampled_from("abc"), VALUES), min_size=1, max_size=4),
)
def test_it_is_as_the_record_would_say(trees: list[Any], tables: list[dict[str, Any]]) -> None:
    truths = Truths(
        [RuleSpec(f"r{n}", 1, tree, {"ask": "t"}) for n, tree in enumerate(trees)], zone=ZONE, currency="HKD"
    )
    for facts in tables:
        assert truths.of(Table(facts)) == tuple(slow(tree, facts) for tree in trees)
