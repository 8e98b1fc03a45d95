"""Condition trees: three-valued, exact, and unknown where nobody could say (A09, A10)."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cases.conditions import Outcome, check, judge, leaves
from cases.values import UNKNOWN, dig

HK = ZoneInfo("Asia/Hong_Kong")


class Table:
    """A look into three dicts."""

    def __init__(
        self,
        facts: Mapping[str, Any] | None = None,
        arguments: Mapping[str, Any] | None = None,
        **formulas: Any,
    ) -> None:
        self.facts, self.arguments, self.formulas = facts or {}, arguments or {}, formulas

    def fact(self, name: str) -> object:
        return dig(self.facts, name)

    def argument(self, path: str) -> object:
        return dig(self.arguments, path)

    def formula(self, text: str) -> object:
        return self.formulas.get(text, UNKNOWN)


def truth(comparison: str, left: object, right: object) -> bool | None:
    leaf = {"fact": "x", "is": comparison, "value": right}
    return judge(leaf, Table({"x": left}), zone=HK, currency="HKD").truth


@pytest.mark.parametrize(
    ("left", "comparison", "right", "result"),
    [
        (301, "more than", 300, True), (300, "more than", 300, False), (300, "at least", 300, True),
        (299.99, "at least", 300, False), (299, "less than", 300, True), (300, "less than", 300, False),
        (300, "at most", 300, True), (Decimal("300.01"), "at most", 300, False), (300.0, "is", 300, True),
        ("300.00", "is", 300, True), ("301", "is not", 300, True), ("gold", "is", "gold", True), ("Gold",
        "is", "gold", False),
        ("gold ", "is not", "gold", True), ("Zo\u00eb", "is", "Zoe\u0308", False), (True, "is", "yes", True),
        (False, "is", "yes", False), ("no", "is", False, True), ("gold", "one of", ["silver", "gold"], True),
        ("gold", "none of", ["silver"], True), (5, "one of", ["5", 6], True), ("abc", "contains", "b", True),
        ([1, 2], "contains", 2, True), (["a"], "contains", "b", False), ("abc", "starts with", "ab", True),
        ("abc", "ends with", "ab", False), ([1, 5], "any of them", {"is": "more than", "value": 4}, True),
        ([1, 5], "all of them", {"is": "more than", "value": 4}, False), (["a", "b"], "all of them", ["a",
        "b", "c"], True),
        (["a", "d"], "any of them", ["b"], False), ([], "any of them", ["a"], False), ([], "all of them",
        ["a"], True),
        (["a"], "is", ["a"], True), (["a"], "is", ["a", "b"], False), ({"a": 1.0}, "is", {"a": 1}, True),
        (date(2026, 11, 22), "more than", "2026-11-21", True), ("2026-11-22", "less than", "2026-11-23",
        True),
        ("2026-11-22T10:00:00+08:00", "is", datetime(2026, 11, 22, 2, tzinfo=UTC), True),
        ("2026-11-22 10:00", "at most", datetime(2026, 11, 22, 2, tzinfo=UTC), True),
        (datetime(2026, 11, 22, 10, tzinfo=UTC), "more than", date(2026, 11, 22), False),
        (datetime(2026, 11, 22, 17, tzinfo=UTC), "more than", date(2026, 11, 22), True),
        ({"amount": "480.00", "currency": "HKD"}, "more than", 479, True),
    ],
)  # fmt: skip
def test_it_compares(left: object, comparison: str, right: object, result: bool) -> None:
    assert truth(comparison, left, right) is result


@pytest.mark.parametrize(
    "comparison", ["is", "is not", "more than", "at least", "less than", "at most", "one of", "none of"]
)
@pytest.mark.parametrize(
    "odd",
    [
        None,
        UNKNOWN,
        float("nan"),
        float("inf"),
        "HK$500",
        "５００",
        "500 USD",
        {"amount": 500, "currency": "USD"},
        [500],
        {},
        True,
        "",
    ],
    ids=repr,
)
def test_it_does_not_compare_an_odd_amount(odd: object, comparison: str) -> None:
    right = [300, 500] if comparison.endswith(" of") else 300
    assert truth(comparison, odd, right) is None


@pytest.mark.parametrize(
    ("left", "comparison", "right"),
    [
        (5, "starts with", "5"), ("5", "contains", 5), ({"a": 1}, "contains", "a"), ("abc", "more than",
        "abd"),
        ("abc", "any of them", ["abc"]), (["x", 5], "all of them", {"is": "more than", "value": 4}), ("a",
        "is", 1),
        (date(2026, 1, 1), "more than", 5), ("maybe", "is", True), (["a", None], "all of them", ["a"]),
        ([1, "a"], "contains", 2), ("x", "one of", "x"),
        ("9999-12-31T23:59:59Z", "more than", "2026-11-22"),  # the company's day of it is in no year there is
    ],
)  # fmt: skip
def test_it_leaves_unlike_things_unknown(left: object, comparison: str, right: object) -> None:
    assert truth(comparison, left, right) is None


def test_it_always_knows_whether_something_is_known() -> None:
    for value, known in ((5, True), (None, False), (UNKNOWN, False), ("", True), ([], True), (False, True)):
        assert judge({"fact": "x", "is": "known"}, Table({"x": value})).truth is known
        assert judge({"fact": "x", "is": "unknown"}, Table({"x": value})).truth is not known


@pytest.mark.parametrize("empty", [None, {}, {"all": []}])
def test_it_always_matches_without_conditions(empty: Any) -> None:
    assert judge(empty, Table()) == Outcome(True, [], [])


def test_it_reads_the_right_side_from_facts_arguments_and_formulas() -> None:
    look = Table({"total": 480}, {"amount": 480, "lines": [{"n": 1}]}, **{"total / 2": 240})
    assert judge({"argument": "amount", "is": "is", "value": {"fact": "total"}}, look).truth is True
    assert judge({"fact": "total", "is": "at most", "value": {"argument": "amount"}}, look).truth is True
    outcome = judge({"argument": "lines[0].n", "is": "more than", "value": {"formula": "total / 2"}}, look)
    assert outcome.truth is False
    assert outcome.compared[0].as_json() == {
        "source": "argument", "left": "lines[0].n", "comparison": "more than", "left_value": "1",
        "left_known": True,
        "right": "formula total / 2", "right_value": "240", "result": False,
    }  # fmt: skip


def test_it_names_what_was_unknown_on_either_side() -> None:
    tree = {
        "any": [
            {"fact": "a", "is": "is", "value": 1},
            {"argument": "b", "is": "is", "value": {"fact": "c"}},
            {"formula": "d + 1", "is": "is", "value": 1},
            {"fact": "odd", "is": "more than", "value": 1},
            {"fact": "a", "is": "unknown"},
        ]
    }
    outcome = judge(tree, Table({"odd": "HK$5"}))
    assert outcome.truth is True
    assert outcome.unknown == ["a", "argument b", "c", "formula d + 1", "odd"]


def leaf(truth: bool | None) -> dict[str, Any]:
    name = {True: "yes", False: "no", None: "lost"}[truth]
    return {"fact": name, "is": "is", "value": 1}


LOOK = Table({"yes": 1, "no": 0})
truths = st.sampled_from([True, False, None])
trees = st.recursive(
    truths.map(lambda t: (leaf(t), t)),
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=4).map(lambda parts: ({"all": [p[0] for p in parts]}, kleene_and(parts))),
        st.lists(inner, min_size=1, max_size=4).map(lambda parts: ({"any": [p[0] for p in parts]}, kleene_or(parts))),
        inner.map(lambda part: ({"not": part[0]}, None if part[1] is None else not part[1])),
    ),
    max_leaves=12,
).filter(lambda tree: str(tree[0]).count("[") + str(tree[0]).count("not") < 10)


def kleene_and(parts: list[tuple[Any, bool | None]]) -> bool | None:
    rank = {False: 0, None: 1, True: 2}
    return min((truth for _tree, truth in parts), key=rank.__getitem__)


def kleene_or(parts: list[tuple[Any, bool | None]]) -> bool | None:
    rank = {False: 0, None: 1, True: 2}
    return max((truth for _tree, truth in parts), key=rank.__getitem__)


@given(trees)
def test_it_is_kleene_logic(tree: tuple[dict[str, Any], bool | None]) -> None:
    outcome = judge(tree[0], LOOK)
    assert outcome.truth is tree[1]
    assert len(outcome.compared) == len(list(leaves(tree[0])))
    assert check(tree[0], facts={"yes", "no", "lost"}) == []


@given(st.lists(truths, max_size=4), st.lists(truths, min_size=1, max_size=4), truths)
def test_it_needs_all_any_and_not_beside_each_other_to_hold(every: Any, some: Any, opposite: Any) -> None:
    tree = {"all": [leaf(t) for t in every], "any": [leaf(t) for t in some], "not": leaf(opposite)}
    inverse = None if opposite is None else not opposite
    either = kleene_or([({}, t) for t in some])
    assert judge(tree, LOOK).truth is kleene_and([*(({}, t) for t in every), ({}, either), ({}, inverse)])


@given(
    st.sampled_from(["is", "is not", "more than", "less than", "one of", "none of", "contains"]),
    st.integers() | st.text(),
)
def test_it_never_answers_for_an_unknown_value(comparison: str, value: object) -> None:
    right = [value] if comparison.endswith(" of") else value
    assert judge({"fact": "lost", "is": comparison, "value": right}, LOOK).truth is None
    assert judge({"not": {"fact": "lost", "is": comparison, "value": right}}, LOOK).truth is None


@given(
    st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**9), max_value=10**9),
    st.integers(-(10**9), 10**9),
)
def test_it_has_exactly_one_side_of_each_limit(left: Decimal, right: int) -> None:
    assert truth("more than", left, right) is (not truth("at most", left, right))
    assert truth("less than", left, right) is (not truth("at least", left, right))
    assert truth("is", left, right) is (not truth("is not", left, right))


@pytest.mark.parametrize(
    ("tree", "words"),
    [
        ({"fact": "amunt", "is": "is", "value": 1}, "Did you mean “amount”"), ({"fact": "amount",
        "is": "over", "value": 1}, "over"),
        ({"fact": "amount", "is": "is"}, "needs a value"), ({"fact": "amount", "is": "is", "value": None},
        "known or unknown"),
        ({"fact": "amount", "is": "known", "value": 1}, "takes no value"), ({"al": []}, "Did you mean “all”"),
        ({"is": "is", "value": 1}, "left side"), ({"fact": "amount", "argument": "a", "is": "is",
        "value": 1}, "one left side"),
        ({"any": []}, "at least one"), ({"all": {}}, "list"), ({"not": {}}, "needs a condition"),
        ({"all": [{}]}, "empty"),
        ({"argument": "sum", "is": "is", "value": 1}, "argument “sum”"), ([], "mapping"), ({"fact": "a b",
        "is": "known"}, "path"),
        ({"fact": "amount", "is": "one of", "value": 5}, "list of values"), ({"fact": "amount",
        "is": "one of", "value": []}, "list"),
        ({"fact": "amount", "is": "more than", "value": "much"}, "number, a date"), ({"fact": 5,
        "is": "known"}, "left side"),
        ({"fact": "amount", "is": "starts with", "value": 5}, "text"), ({"fact": "amount", "is": "is",
        "value": {"a": 1}}, "literal"),
        ({"fact": "amount", "is": "any of them", "value": 5}, "inner"), ({"fact": "amount",
        "is": "more than", "value": True}, "number"),
        ({"fact": "amount", "is": "any of them", "value": {"is": "all of them", "value": []}},
        "no comparison"),
        ({"formula": "amout > 1", "is": "is", "value": True}, "did you mean “amount”"),
        ({"fact": "amount", "is": "is", "value": {"formula": "a b"}}, "cannot be read"),
        ({"fact": "amount", "is": "is", "value": {"fact": "other"}}, "“other”"), ({"formula": "argument.x",
        "is": "known"}, "argument.x"),
        ({"formula": "tables.gone[1]", "is": "known"}, "tables.gone"),
    ],
)  # fmt: skip
def test_it_says_what_is_wrong_with_a_condition(tree: Any, words: str) -> None:
    problems = check(tree, facts={"amount", "tier"}, arguments={"a"}, tables={"free"})
    assert problems
    assert words in problems[0]


def test_it_refuses_conditions_without_end() -> None:
    deep: dict[str, Any] = {"fact": "a", "is": "known"}
    for _ in range(30):
        deep = {"not": deep}
    assert "nested" in check(deep, facts={"a"})[0]
    with pytest.raises(ValueError, match=r"."):
        judge(deep, LOOK)
    assert "200" in check({"all": [{"fact": "a", "is": "known"}] * 201}, facts={"a"})[0]


@pytest.mark.parametrize(
    "broken",
    [{"al": []}, {"fact": "a"}, {"fact": "a", "is": "over"}, {"all": "x"}, {"value": 1}, {"all": ["x"]}],
)
def test_it_raises_rather_than_match_what_it_does_not_understand(broken: Any) -> None:
    with pytest.raises(ValueError, match=r"."):
        judge(broken, LOOK)


def test_it_keeps_long_values_short_in_the_record() -> None:
    shown = judge({"fact": "x", "is": "is", "value": "y"}, Table({"x": "a" * 9_000})).compared[0].as_json()
    assert len(shown["left_value"]) == 501
