"""Rules read as a sentence, in both languages, with every limit on one clear side."""

from typing import Any

import pytest

from approvals.rules import RuleSpec
from approvals.sentences import boundaries, sentence
from cases.comparing import COMPARISONS

TITLES: dict[str, Any] = {
    "operation:payments.refund": {"en": "Refund a payment", "zh-hant": "退款"},
    "team:support-managers": {"en": "Support managers", "zh-hant": "支援經理"},
    "heads": {"en": "Heads of department", "zh-hant": "部門主管"},
    "argument:amount": {"en": "Amount", "zh-hant": "金額"},
    "fact:refunds_90d": {"en": "Refunds in 90 days", "zh-hant": "90 日內退款次數"},
    "type:refund": {"en": "Refund request", "zh-hant": "退款申請"},
    "person:may.lee": "May Lee",
    "customer": {"en": "Customer", "zh-hant": "客戶"},
    "fact:vip": "VIP",
}  # fmt: skip
AMOUNT = {"argument": "amount", "is": "more than", "value": 300}


def say(when: dict[str, Any], then: dict[str, Any], language: str = "en", **more: Any) -> str:
    return sentence(RuleSpec("r", 1, when, then), titles=TITLES, language=language, **more)


def when(*conditions: dict[str, Any]) -> dict[str, Any]:
    return {"operations": ["payments.refund"], "all": list(conditions)}


def test_it_says_who_is_asked_and_what_happens_if_nobody_answers() -> None:
    then = {
        "ask": "support-managers",
        "within": "2h",
        "calendar": "office",
        "if_nobody": {"pass_to": "heads", "within": "4h"},
    }
    assert say(when(AMOUNT), then) == (
        "When “Refund a payment” is to be done and amount is over HK$300.00, ask support managers within "
        "2 working hours; if nobody answers, pass to heads of department within 4 working hours."
    )
    assert say(when(AMOUNT), then, "zh-hant") == (
        "進行「退款」時，如金額超過 HK$300.00，須於 2 個工作小時內由支援經理批核；"
        "如無人回覆，上報部門主管（4 個工作小時內）。"
    )


@pytest.mark.parametrize(
    ("then", "english", "chinese"),
    [
        ({"ask": "heads", "people": 2, "within": "1d", "calendar": "office"},
         "ask 2 people of heads of department within 1 working day.",
         "須於 1 個工作日內由部門主管其中 2 人批核。"),
        ({"ask": "heads", "within": "8h30m"}, "ask heads of department within 8 hours 30 minutes.",
        "須於 8 小時 30 分鐘內由部門主管批核。"),
        ({"forbid": "Refunds end after a year", "if_unknown": {"ask": "heads"}},
         "it is forbidden (Refunds end after a year); if something needed is not known, "
         "ask heads of department.",
         "禁止進行（Refunds end after a year）；如所需資料未知，須由部門主管批核。"),
        ({"standing_approval": {"by": "may.lee", "up_to": 300, "per_day": 20, "total_per_day": 3000,
        "total": 50000, "until": "2027-01-31"}},
         "it is pre-approved by May Lee (up to HK$300.00 each, 20 a day, HK$3,000.00 a day in total, "
         "HK$50,000.00 in all, until 31 Jan 2027).",
         "已由May Lee預先批准（每次最多 HK$300.00，每日 20 次，每日合共 HK$3,000.00，"
         "總額 HK$50,000.00，至 2027 年 1 月 31 日）。"),
        ({"stages": [{"ask": "support-managers"}, {"ask": "heads", "people": 2}], "exclusive": True},
         "ask support managers, then ask 2 people of heads of department (nobody may answer twice).",
         "須由支援經理批核，然後須由部門主管其中 2 人批核（同一人不可回覆兩次）。"),
        ({"ask": "heads", "together": {"total": 1000}},
         "ask heads of department (several decided together: at most HK$1,000.00 in total).",
         "須由部門主管批核（一併批核時合共最多 HK$1,000.00）。"),
        ({"stages": [{"ask": "support-managers"}, {"ask": "heads"}], "order": "at_once"},
         "ask support managers, and at the same time ask heads of department (nobody may answer twice).",
         "須由支援經理批核，同時須由部門主管批核（同一人不可回覆兩次）。"),
        ({"stages": [{"ask": "support-managers"}, {"ask": "heads"}], "exclusive": False},
         "ask support managers, then ask heads of department (one person may answer for more than one).",
         "須由支援經理批核，然後須由部門主管批核（同一人可回覆多於一次）。"),
    ],
)  # fmt: skip
def test_it_says_every_verdict(then: dict[str, Any], english: str, chinese: str) -> None:
    assert say(when(AMOUNT), then).endswith(f", {english}")
    assert say(when(AMOUNT), then, "zh-hant").endswith(f"，{chinese}")


@pytest.mark.parametrize(
    ("comparison", "value", "english", "chinese"),
    [
        ("is", 300, "amount is HK$300.00", "金額是HK$300.00"), ("is not", 300, "amount is not HK$300.00",
        "金額不是HK$300.00"),
        ("more than", 300, "amount is over HK$300.00", "金額超過 HK$300.00"),
        ("at least", 300, "amount is HK$300.00 or more", "金額達 HK$300.00 或以上"),
        ("less than", 300, "amount is under HK$300.00", "金額少於 HK$300.00"),
        ("at most", 300, "amount is HK$300.00 or less", "金額為 HK$300.00 或以下"),
        ("one of", [1, 2], "amount is HK$1.00 or HK$2.00", "金額是HK$1.00或HK$2.00其中之一"),
        ("none of", [1, 2], "amount is none of HK$1.00, HK$2.00", "金額不是HK$1.00或HK$2.00任何一項"),
        ("contains", "x", "amount contains “x”", "金額包含「x」"), ("starts with", "x",
        "amount starts with “x”", "金額以「x」開頭"),
        ("ends with", "x", "amount ends with “x”", "金額以「x」結尾"), ("known", None, "amount is known",
        "金額為已知"),
        ("unknown", None, "amount is not known", "金額為未知"),
        ("any of them", {"is": "starts with", "value": "x"}, "amount has at least one that starts with “x”",
        "金額至少有一項以「x」開頭"),
        ("all of them", ["a", "b"], "amount has only ones that is “a” or “b”", "金額每一項都是「a」或「b」"),
    ],
)  # fmt: skip
def test_it_says_every_comparison(comparison: str, value: Any, english: str, chinese: str) -> None:
    condition = {"argument": "amount", "is": comparison, "value": value}
    assert f" and {english}, ask" in say(when(condition), {"ask": "heads"})
    assert f"如{chinese}，須" in say(when(condition), {"ask": "heads"}, "zh-hant")


def test_it_knows_every_comparison_there_is() -> None:
    for language in ("en", "zh-hant"):
        for comparison in COMPARISONS:
            text = say(when({"fact": "vip", "is": comparison, "value": "x"}), {"ask": "heads"}, language)
            assert "{}" not in text
            if language == "zh-hant":
                assert comparison not in text


def test_it_says_what_stands_on_the_other_side() -> None:
    formula = {"formula": "days(today - order.on)", "is": "more than", "value": {"fact": "refunds_90d"}}
    assert "the result of “days(today - order.on)” is over refunds in 90 days" in say(when(formula), {"ask": "heads"})
    assert "VIP is yes" in say(when({"fact": "vip", "is": "is", "value": True}), {"ask": "heads"})
    assert "tier of customer is “gold”" in say(
        when({"fact": "customer.tier", "is": "is", "value": "gold"}), {"ask": "heads"}
    )


def test_it_groups_what_belongs_together() -> None:
    vip, few = {"fact": "vip", "is": "known"}, {"fact": "refunds_90d", "is": "less than", "value": 2}
    tree = {"all": [AMOUNT], "any": [vip, {"all": [few, {"not": vip}]}]}
    assert (
        "amount is over HK$300.00 and (VIP is known or (refunds in 90 days is under 2 and "
        "it is not so that (VIP is known)))"
    ) in say(tree, {"ask": "heads"})


def test_it_says_where_a_rule_bears() -> None:
    assert say({}, {"ask": "heads"}) == "Whenever anything controlled is to be done, ask heads of department."
    assert say({"types": ["refund"]}, {"ask": "heads"}).startswith(
        "Whenever anything controlled is to be done in “Refund request”"
    )
    assert (
        say({"types": ["refund"]}, {"ask": "heads"}, "zh-hant")
        == "凡在「退款申請」中進行任何受控操作，須由部門主管批核。"
    )


def test_it_says_money_where_it_is_money() -> None:
    days = {"fact": "days_late", "is": "more than", "value": 3}
    assert "days late is over 3," in say(when(days), {"ask": "heads"})
    assert "days late is over US$3.00," in say(
        when(days), {"ask": "heads"}, kinds={"fact:days_late": "money"}, currency="USD"
    )


def test_it_spells_out_each_boundary() -> None:
    rule = RuleSpec("r", 1, when(AMOUNT, {"fact": "refunds_90d", "is": "at least", "value": 1}), {"ask": "heads"})
    assert boundaries(rule, titles=TITLES) == ["Exactly HK$300.00: not included.", "Exactly 1: included."]
    assert boundaries(rule, titles=TITLES, language="zh-hant") == [
        "剛好 HK$300.00：不包括在內。",
        "剛好 1：包括在內。",
    ]


def test_a_common_argument_without_a_title_is_said_in_the_language_of_the_sentence() -> None:
    rule = RuleSpec("r", 1, when(AMOUNT), {"ask": "heads"})
    assert "如金額超過 HK$300.00" in sentence(rule, titles={}, language="zh-hant")
    assert "amount is over HK$300.00" in sentence(rule, titles={})


def test_it_falls_back_to_names_and_english() -> None:
    text = sentence(RuleSpec("r", 1, when(AMOUNT), {"ask": "night-shift"}), titles={}, language="fr")
    assert text == "When “payments refund” is to be done and amount is over HK$300.00, ask night shift."
