"""Rules: the strictest wins in any order, and level 4 never goes by itself (A08 to A10)."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from approvals.asking import Ask
from approvals.rules import (
    RANK,
    EscalationLines,
    RuleSpec,
    Verdict,
    WriteView,
    ask_lead,
    combine,
    judge,
    stricter,
    strictness,
    without_standing,
)
from cases.values import UNKNOWN, dig
from tests.guarantees import Size, guarantee

LINES = EscalationLines({"support": "managers", "managers": "heads", "finance": "heads", "heads": None, "legal": None})
REFUND = "payments.refund"


class Table:
    def __init__(self, facts: Mapping[str, Any], arguments: Mapping[str, Any]) -> None:
        self.facts, self.arguments = facts, arguments

    def fact(self, name: str) -> object:
        return dig(self.facts, name)

    def argument(self, path: str) -> object:
        return dig(self.arguments, path)

    def formula(self, text: str) -> object:
        return UNKNOWN


def rule(name: str, then: dict[str, Any], *conditions: dict[str, Any], **when: Any) -> RuleSpec:
    return RuleSpec(name, 1, {"operations": [REFUND], **when, "all": list(conditions)}, then, f"Sentence of {name}.")


def over(limit: object) -> dict[str, Any]:
    return {"argument": "amount", "is": "more than", "value": limit}


def at_most(limit: object) -> dict[str, Any]:
    return {"argument": "amount", "is": "at most", "value": limit}


SMALL = rule(
    "small",
    {"standing_approval": {"by": "may.lee", "up_to": 300, "per_day": 20, "until": "2027-01-31"}},
    at_most(300),
)
LARGE = rule(
    "large",
    {"ask": "managers", "within": "2h", "calendar": "office", "if_nobody": {"pass_to": "heads"}},
    over(300),
)
REPEAT = rule(
    "repeat",
    {"ask": "heads", "within": "1d", "calendar": "office"},
    {"fact": "refunds", "is": "at least", "value": 1},
)
OLD = rule(
    "old",
    {"forbid": "Refunds end after a year", "if_unknown": {"ask": "legal"}},
    {"fact": "age", "is": "more than", "value": 365},
)
RETAIL = [SMALL, LARGE, REPEAT, OLD]


def decide(rules: list[RuleSpec], amount: object = 480, level: str = "controlled", **facts: Any) -> Verdict:
    known = {"refunds": 0, "age": 10, **facts}
    write = WriteView(REFUND, level, "write", {"amount": amount}, amount)
    look = Table(known, {"amount": amount})
    return judge(rules, request_type="refund", write=write, look=look, lines=LINES, lead_team="support")


def teams(verdict: Verdict) -> list[str]:
    return [ask.team for ask in verdict.asks]


def won(verdict: Verdict) -> set[str]:
    return {result.name for result in verdict.results if result.won}


# --- the retail stories ---


def test_it_lets_a_standing_approval_stand_at_exactly_its_limit() -> None:
    verdict = decide(RETAIL, Decimal("300.00"))
    assert (verdict.kind, verdict.asks, won(verdict)) == ("standing", (), {"small"})
    cap = verdict.standing[0]
    assert (cap.rule, cap.by, cap.up_to, cap.per_day, cap.total, cap.until) == (
        "small",
        "may.lee",
        300,
        20,
        None,
        "2027-01-31",
    )


def test_it_asks_a_manager_one_cent_above() -> None:
    verdict = decide(RETAIL, Decimal("300.01"))
    assert (verdict.kind, teams(verdict), won(verdict)) == ("ask", ["managers"], {"large"})
    ask = verdict.asks[0]
    assert (ask.people, ask.within, ask.calendar, ask.if_nobody, ask.rule) == (
        1,
        "2h",
        "office",
        {"pass_to": "heads"},
        "large",
    )


def test_it_asks_the_highest_team_on_a_line_with_the_shortest_time() -> None:
    verdict = decide(RETAIL, 480, refunds=1)
    assert teams(verdict) == ["heads"]
    assert (verdict.asks[0].within, verdict.asks[0].if_nobody) == ("2h", None)
    assert won(verdict) == {"large", "repeat"}


def test_it_asks_for_a_repeat_however_small() -> None:
    verdict = decide(RETAIL, 50, refunds=1)
    assert (verdict.kind, teams(verdict), verdict.standing) == ("ask", ["heads"], ())
    assert {result.name: result.result for result in verdict.results}["small"] == "matched"


def test_it_forbids_above_all_else() -> None:
    verdict = decide(RETAIL, 480, refunds=1, age=366)
    assert (verdict.kind, verdict.asks, verdict.reasons) == ("forbid", (), ("Refunds end after a year",))
    assert won(verdict) == {"old"}


def test_it_asks_a_person_where_a_fact_is_unknown_and_says_which() -> None:
    verdict = decide(RETAIL, 50, refunds=None)
    assert (verdict.kind, teams(verdict), verdict.lacked) == ("ask", ["support"], ("refunds",))
    assert "refunds" in verdict.reasons[0]
    assert {result.name: result.result for result in verdict.results}["repeat"] == "unknown"


def test_it_asks_whom_the_rule_names_for_the_unknown() -> None:
    assert teams(decide(RETAIL, 50, age=None)) == ["legal"]
    strict = rule(
        "strict",
        {"ask": "heads", "if_unknown": {"forbid": "Not without its age"}},
        {"fact": "age", "is": "is", "value": 1},
    )
    assert decide([strict], 50, age=None).reasons[0] == "Not without its age"


def test_it_does_not_let_a_standing_approval_stand_on_the_unknown() -> None:
    careful = rule("careful", {"standing_approval": {"by": "may.lee"}}, {"fact": "tier", "is": "is", "value": "gold"})
    verdict = decide([careful], 50)
    assert (verdict.kind, teams(verdict), verdict.lacked) == ("ask", ["support"], ("tier",))


@pytest.mark.parametrize(
    "odd",
    ["500", 500.0, 5e2, -500, float("nan"), float("inf"), 1e309, "HK$500", "５００", {"amount": 5,
    "currency": "USD"}, None,
     [500], "NaN", True, 2**63, "1e2", "-1", Decimal("-0.01"), UNKNOWN, 300.00000000000006],
    ids=repr,
)  # fmt: skip
def test_it_lets_no_amount_pass_by_being_odd(odd: object) -> None:
    assert decide(RETAIL, odd).kind == "ask" or odd is None
    if odd is None:  # no amount at all: the conditions on it are unknown
        assert teams(decide(RETAIL, odd)) == ["support"]


# --- shapes of rules ---


def test_it_asks_the_lead_where_nothing_matches() -> None:
    verdict = decide([LARGE], 5)
    assert (verdict.kind, teams(verdict), won(verdict)) == ("ask", ["support"], set())
    assert "No rule" in verdict.reasons[-1]


def test_it_forbids_where_there_is_no_team_at_all() -> None:
    write = WriteView(REFUND, "controlled")
    verdict = judge([], request_type="t", write=write, look=Table({}, {}), lines=LINES, lead_team="")
    assert verdict.kind == "forbid"


@pytest.mark.parametrize("level", ["reference", "case", "internal"])
def test_it_can_raise_a_lower_level_and_never_lower_one(level: str) -> None:
    assert decide(RETAIL, 480, level).kind == "ask"
    assert decide(RETAIL, 480, level, age=400).kind == "forbid"
    assert decide(RETAIL, 480, level, age=None).kind == "ask"
    assert decide([SMALL], 5, level).kind == "nothing"
    assert decide([LARGE], 5, level).kind == "nothing"


def test_it_takes_a_missing_level_for_controlled() -> None:
    assert decide([], 5, "").kind == "ask"
    assert decide([], 5, "unheard of").kind == "ask"


def test_it_applies_a_rule_without_operations_to_controlled_writes_only() -> None:
    general = RuleSpec("general", 1, {"types": ["refund"]}, {"ask": "legal"})
    assert teams(decide([general])) == ["legal"]
    assert decide([general], level="internal").kind == "nothing"


def test_it_leaves_rules_of_other_types_and_operations_out() -> None:
    others = [
        RuleSpec("a", 1, {"types": ["return"], "operations": [REFUND]}, {"forbid": "no"}),
        RuleSpec("b", 1, {"operations": ["payments.get"]}, {"forbid": "no"}),
        RuleSpec("c", 1, {}, {"forbid": "no"}, types=("return",)),
        RuleSpec("d", 1, {}, {"forbid": "no"}, operations=("payments.get",)),
    ]
    assert decide(others).results == ()


def test_it_asks_teams_of_different_lines_at_once() -> None:
    verdict = decide([LARGE, rule("law", {"ask": "legal", "people": 2})])
    assert [(ask.team, ask.people, ask.stage) for ask in verdict.asks] == [
        ("legal", 2, 0),
        ("managers", 1, 0),
    ]
    assert verdict.order == "at_once"


def test_it_takes_the_most_people_and_the_shortest_time() -> None:
    a = rule("a", {"ask": "heads", "people": 3, "within": "1d", "calendar": "office"})
    b = rule("b", {"ask": "managers", "people": 1, "within": "9h", "calendar": "office"})
    c = rule("c", {"ask": "heads", "within": "30m"})
    assert [(x.team, x.people, x.within, x.calendar) for x in decide([a, b, c]).asks] == [("heads", 3, "30m", None)]
    assert [(x.within, x.calendar) for x in decide([a, b]).asks] == [("1d", "office")]


def test_it_keeps_the_stages_that_a_rule_spells_out() -> None:
    staged = rule("staged", {"stages": [{"ask": "managers"}, {"ask": "heads", "people": 2}], "exclusive": True})
    verdict = decide([staged])
    assert [(a.stage, a.team, a.people) for a in verdict.asks] == [(0, "managers", 1), (1, "heads", 2)]
    assert (verdict.order, verdict.exclusive, verdict.people) == ("one_after_the_other", True, 3)
    at_once = rule("once", {"stages": [{"ask": "managers"}, {"ask": "heads"}], "order": "at_once"})
    assert [(a.stage, a.team) for a in decide([at_once]).asks] == [(0, "heads"), (0, "managers")]


def test_it_puts_a_plain_ask_into_the_stage_that_covers_it() -> None:
    staged = rule("staged", {"stages": [{"ask": "managers"}, {"ask": "heads"}]})
    more = rule("more", {"ask": "managers", "people": 2, "within": "10m"})
    assert [(a.stage, a.team, a.people, a.within) for a in decide([staged, more]).asks] == [
        (0, "managers", 1, None), (1, "heads", 2, "10m"),
    ]  # fmt: skip
    law = rule("law", {"ask": "legal"})
    assert [(a.stage, a.team) for a in decide([staged, law]).asks] == [
        (0, "managers"),
        (1, "heads"),
        (1, "legal"),
    ]


@pytest.mark.parametrize(
    "broken",
    [
        rule("broken", {"ask": "heads"}, {"fact": "age", "is": "over", "value": 1}),
        rule("broken", {"forbid": "no"}, {"fact": "age", "is": "is"}, {"al": []}),
        RuleSpec("broken", 1, {"operations": [REFUND], "any": "x"}, {"forbid": "no"}),
        RuleSpec("broken", 1, {"operations": [REFUND]}, {"allow": True}),
        RuleSpec("broken", 1, {"operations": [REFUND]}, {"ask": None}),
    ],
)  # fmt: skip
def test_it_asks_a_person_where_a_rule_itself_is_broken(broken: RuleSpec) -> None:
    verdict = decide([broken, SMALL], 5)
    assert (verdict.kind, teams(verdict)) == ("ask", ["support"])


def test_it_does_not_hide_an_error_of_the_look() -> None:
    class Down(Table):
        def fact(self, name: str) -> object:
            raise ConnectionError

    with pytest.raises(ConnectionError):
        judge(
            [OLD],
            request_type="t",
            write=WriteView(REFUND, "controlled"),
            look=Down({}, {}),
            lines=LINES,
            lead_team="support",
        )


@pytest.mark.parametrize(
    ("cap", "money", "stands"),
    [
        ({"up_to": 300}, 300, True), ({"up_to": 300}, 301, False), ({"total_per_day": 100}, 101, False),
        ({"total": 100}, 101, False),
        ({}, UNKNOWN, False), ({}, -1, False), ({}, None, True), ({"up_to": "much"}, 5, False),
        ({"per_day": 1}, 5_000, True),
    ],
)  # fmt: skip
def test_it_counts_one_write_against_its_own_caps(cap: dict[str, Any], money: object, stands: bool) -> None:
    standing = rule("standing", {"standing_approval": {"by": "may.lee", **cap}})
    write = WriteView(REFUND, "controlled", "write", {}, money)
    verdict = judge([standing], request_type="t", write=write, look=Table({}, {}), lines=LINES, lead_team="support")
    assert (verdict.kind == "standing") is stands


def test_it_asks_the_lead_where_no_standing_approval_is_in_force() -> None:
    verdict = without_standing(decide(RETAIL, 50), "May Lee has not confirmed it.")
    assert (verdict.kind, teams(verdict), verdict.standing, won(verdict)) == ("ask", ["support"], (), set())
    assert verdict.reasons[0] == "May Lee has not confirmed it."
    asked = decide(RETAIL, 480)
    assert without_standing(asked) is asked


def test_it_shows_the_values_it_compared() -> None:
    result = decide(RETAIL, 480).results[0].as_json()
    assert (result["name"], result["version"], result["effect"], result["result"], result["won"]) == (
        "large",
        1,
        "ask",
        "matched",
        True,
    )
    assert result["sentence"] == "Sentence of large."
    assert (result["compared"][0]["left_value"], result["compared"][0]["right_value"]) == ("480", "300")


def test_it_does_not_go_round_in_a_circle_of_teams() -> None:
    circle = EscalationLines({"a": "b", "b": "a"})
    assert circle.above("a") == ("b",)
    write = WriteView(REFUND, "controlled")
    rules = [rule("a", {"ask": "a"}), rule("b", {"ask": "b", "people": 2})]
    verdict = judge(rules, request_type="t", write=write, look=Table({}, {}), lines=circle, lead_team="a")
    assert verdict.people >= 2


# --- options with several writes ---


def test_it_takes_the_strictest_of_an_options_writes() -> None:
    small, large, odd = decide(RETAIL, 50), decide(RETAIL, 480), decide(RETAIL, 50, age=400)
    lower = decide([], 5, "internal")
    assert combine([small, lower]).kind == "standing"
    assert combine([small, small]).standing == small.standing * 2
    assert combine([lower, lower]).kind == "nothing"
    assert teams(combine([small, large])) == ["managers"]
    assert combine([small, large]).standing == ()
    assert combine([large, odd]).kind == "forbid"
    assert teams(combine([large, decide(RETAIL, 480, refunds=1)])) == ["heads"]
    assert teams(without_standing(combine([small, lower]))) == ["support"]


def test_it_gives_no_verdict_on_an_option_without_writes() -> None:
    with pytest.raises(ValueError, match="person"):
        combine([])
    assert teams(ask_lead("support", LINES, "It writes nothing.")) == ["support"]
    assert ask_lead("", LINES).kind == "forbid"


# --- stricter than what was decided ---


def asking(*asks: Ask, **more: Any) -> Verdict:
    return Verdict("ask", asks=asks, **more)


HEADS, MANAGERS, LEGAL = Ask("heads"), Ask("managers", above=("heads",)), Ask("legal")
SHARED = (replace(MANAGERS, shared=True), replace(LEGAL, shared=True))


@pytest.mark.parametrize(
    ("now", "decided", "result"),
    [
        (asking(MANAGERS), asking(HEADS), False), (asking(HEADS), asking(MANAGERS), True), (asking(MANAGERS),
        asking(MANAGERS), False),
        (asking(MANAGERS, LEGAL), asking(HEADS), True), (asking(LEGAL), asking(HEADS, LEGAL), False),
        (asking(Ask("managers", 2, above=("heads",))), asking(HEADS), True), (asking(MANAGERS),
        Verdict("standing"), True),
        (Verdict("forbid"), asking(HEADS), True), (Verdict("standing"), asking(HEADS), False),
        (Verdict("nothing"), Verdict("standing"), False),
        (Verdict("forbid"), Verdict("forbid"), False), (asking(MANAGERS), Verdict("nothing"), True),
        (asking(MANAGERS, LEGAL), asking(*SHARED), True),
    ],
)  # fmt: skip
def test_it_knows_what_is_stricter_than_what_was_decided(now: Verdict, decided: Verdict, result: bool) -> None:
    assert stricter(now, decided) is result


def test_it_sorts_verdicts_by_how_strict_they_are() -> None:
    rising = [
        Verdict("nothing"),
        Verdict("standing"),
        asking(MANAGERS),
        asking(HEADS),
        asking(HEADS, LEGAL),
        Verdict("forbid"),
    ]
    assert sorted([rising[i] for i in (3, 0, 5, 1, 4, 2)], key=strictness) == rising


# --- any rules at all ---

conditions = st.sampled_from(
    [{"argument": "amount", "is": "more than", "value": 300}, {"fact": "age", "is": "at least", "value": 5},
     {"fact": "lost", "is": "is", "value": 1}, {"fact": "lost", "is": "unknown"}, {"fact": "age",
     "is": "bad", "value": 1}]
)  # fmt: skip
asks = st.fixed_dictionaries(
    {"ask": st.sampled_from(["support", "managers", "heads", "finance", "legal"])},
    optional={
        "people": st.integers(1, 3), "within": st.sampled_from(["1h", "2h", "1d", "90m"]),
        "calendar": st.just("office"),
        "if_nobody": st.sampled_from([{"pass_to": "heads", "within": "4h"}, {"pass_to": "legal"}]),
    },
)  # fmt: skip
effects = st.one_of(
    asks,
    asks,
    st.builds(lambda stages, order: {"stages": stages, "order": order},
              st.lists(asks, min_size=1, max_size=3), st.sampled_from(["at_once", "one_after_the_other"])),
    st.just({"forbid": "No"}),
    st.fixed_dictionaries({"standing_approval": st.just({"by": "may.lee", "up_to": 300})}),
    st.builds(lambda other: {"forbid": "No", "if_unknown": other}, asks),
    st.just({}),
)  # fmt: skip
specs = st.lists(
    st.builds(
        lambda name, then, tree: RuleSpec(f"r{name}", 1, {"operations": [REFUND], **tree}, then),
        st.integers(0, 10**6),
        effects,
        st.lists(conditions, max_size=2).map(lambda parts: {"all": parts}),
    ),
    max_size=6,
    unique_by=lambda spec: spec.name,
)
amounts = st.sampled_from([5, 300, 301, "500", "HK$5", None, float("nan"), -5, UNKNOWN])


@given(specs, amounts, st.randoms())
def test_it_never_depends_on_the_order_of_the_rules(rules: list[RuleSpec], amount: object, rng: Any) -> None:
    mixed = list(rules)
    rng.shuffle(mixed)
    assert decide(mixed, amount) == decide(rules, amount)


@guarantee("A11", ci=1_000, release=100_000)
def test_it_never_lets_level_4_go_without_an_approval(size: Size) -> None:
    @settings(max_examples=size.number, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(specs, amounts)
    def one(rules: list[RuleSpec], amount: object) -> None:
        size.tried += 1
        _needs_an_approval(rules, amount)

    one()


def _needs_an_approval(rules: list[RuleSpec], amount: object) -> None:
    verdict = decide(rules, amount)
    assert verdict.kind in ("forbid", "ask", "standing")
    if verdict.kind == "ask":
        assert verdict.asks
        assert all(ask.team and ask.people >= 1 for ask in verdict.asks)
    if verdict.kind == "standing":
        assert {cap.rule for cap in verdict.standing} <= {r.name for r in rules if "standing_approval" in r.then}
        assert verdict.fallback
        assert not any(
            result.result == "unknown" and result.effect != "standing_approval" for result in verdict.results
        )


@given(specs, effects, amounts)
def test_it_is_never_looser_with_one_rule_that_asks_or_forbids_more(
    rules: list[RuleSpec], then: dict[str, Any], amount: object
) -> None:
    if "standing_approval" in then:
        return
    before, after = (
        decide(rules, amount),
        decide([*rules, RuleSpec("zz", 1, {"operations": [REFUND]}, then)], amount),
    )
    assert RANK[after.kind] >= RANK[before.kind]
    if before.kind == after.kind == "ask" and any(result.won for result in before.results):
        assert not stricter(before, after)


@given(specs, amounts)
def test_it_asks_only_the_highest_team_of_a_line(rules: list[RuleSpec], amount: object) -> None:
    asked = [ask for ask in decide(rules, amount).asks if not ask.staged]
    assert not [ask for ask in asked if any(other.team in ask.above for other in asked)]


@given(st.lists(st.tuples(specs, amounts), min_size=1, max_size=3), st.randoms())
def test_it_combines_writes_in_any_order_to_the_same_asks(writes: list[Any], rng: Any) -> None:
    verdicts = [decide(rules, amount) for rules, amount in writes]
    mixed = list(verdicts)
    rng.shuffle(mixed)
    one, two = combine(verdicts), combine(mixed)
    assert (one.kind, one.asks, one.fallback) == (two.kind, two.asks, two.fallback)
    assert all(RANK[one.kind] >= RANK[verdict.kind] for verdict in verdicts)
    assert not any(verdict.kind == one.kind == "ask" and stricter(verdict, one) for verdict in verdicts)
