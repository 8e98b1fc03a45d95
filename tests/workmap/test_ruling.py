"""The rule page of the admin: a rule is read and written as a sentence of choices, without code and without a script."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from approvals.models import Draft, Rule
from cases.actors import Actor
from orchestrator.workmap import services
from orchestrator.workmap.models import RuleTrial
from orchestrator.workmap.ruling import choosing
from orchestrator.workmap.ruling.choosing import Choices, Row
from tests.workmap.maps import shop, shop_text
from tests.workmap.test_admin import address, errors, filled, send

BY = Actor("control", "test")


@pytest.fixture
def page(db: None) -> Client:
    services.load(actor=BY, text=shop_text())
    client = Client()
    client.force_login(User.objects.create_superuser("boss", "boss@example.com", "a-long-test-password"))
    return client


def chosen(answer: Any) -> Any:
    return answer.context["builder"]


# --- the choices, without a page ---

KINDS = {"argument amount": "money", "fact refunds_90d": "number", "fact vip": "yes_no", "fact tier": "text"}
LEFTS = st.sampled_from(["argument amount", "fact refunds_90d", "fact tier", "fact order", "fact vip"])
TEXTS = st.from_regex(r"[a-z]{1,8}", fullmatch=True)
VALUES = st.one_of(st.integers(-(10**6), 10**6), TEXTS, st.booleans(), st.lists(TEXTS, min_size=1, max_size=3))
LEAVES = st.builds(
    lambda left, is_, value: {left.split(" ")[0]: left.split(" ")[1], "is": is_, "value": value},
    LEFTS, st.sampled_from(["is", "is not", "more than", "at most", "one of", "contains"]),
    st.one_of(VALUES, st.sampled_from([{"fact": "order_total"}, {"argument": "amount"}, {"formula": "amount * 2"}])),
)  # fmt: skip
WHENS = st.fixed_dictionaries(
    {"all": st.lists(LEAVES, min_size=1, max_size=3)},
    optional={"types": st.just(["refund"]), "any": st.lists(LEAVES, min_size=1, max_size=2)},
)
STAGES = st.lists(
    st.fixed_dictionaries(
        {"ask": st.sampled_from(["heads", "support"])},
        optional={
            "people": st.integers(1, 9), "within": st.sampled_from(["2h", "1d"]), "calendar": st.just("office"),
            "if_nobody": st.fixed_dictionaries({"pass_to": st.just("heads")}, optional={"within": st.just("30m")}),
        },
    ), min_size=1, max_size=4,
)  # fmt: skip
THENS = st.one_of(
    st.fixed_dictionaries(
        {"ask": st.just("heads")},
        optional={"people": st.integers(1, 9), "within": st.sampled_from(["2h", "30m", "1d", "1h30m"])},
    ),
    st.fixed_dictionaries({"forbid": TEXTS}, optional={"if_unknown": st.just({"ask": "heads"})}),
    st.just({"standing_approval": {"by": "may.lee", "up_to": 300, "per_day": 20, "until": "2027-01-31"}}),
    st.fixed_dictionaries(
        {"stages": STAGES},
        optional={
            "order": st.just("at_once"),
            "exclusive": st.just(False),
            "together": st.just({"total": 1000}),
            "if_unknown": st.just({"ask": "heads"}),
        },
    ),
)


@given(WHENS, THENS)
def test_choices_say_the_very_same_rule_or_leave_it_as_data(when: dict[str, Any], then: dict[str, Any]) -> None:
    found = choosing.read(when, then, KINDS)
    if found is not None:
        assert choosing.write(found, KINDS) == {"when": when, "then": then}
    else:
        assert "1h30m" in str(then) or _is_odd(when)


def _is_odd(when: dict[str, Any]) -> bool:
    """A literal that does not fit the comparison or the kind of what it stands beside: it is kept as data."""
    for leaf in [*when["all"], *when.get("any", [])]:
        value, left = leaf.get("value"), f"{'argument' if 'argument' in leaf else 'fact'}"
        kind = KINDS.get(f"{left} {leaf[left]}", "")
        listed = isinstance(value, list)
        if listed != (leaf["is"] == "one of") and not isinstance(value, dict):
            return True
        if isinstance(value, bool) != (kind == "yes_no") or (isinstance(value, int) and kind == "text"):
            return True
    return False


@pytest.mark.parametrize(
    "name", ["refund-over-300", "repeat-refund", "small-refunds-pre-approved", "no-refund-after-year"]
)
def test_every_plain_rule_of_the_shop_can_be_said_in_choices(name: str) -> None:
    rule = next(rule for rule in shop()["rules"] if rule["name"] == name)
    assert choosing.read(rule["when"], rule["then"], KINDS) is not None


def test_a_rule_with_more_in_it_stays_data() -> None:
    rule = next(rule for rule in shop()["rules"] if rule["name"] == "two-stages")
    assert choosing.read(rule["when"], rule["then"], KINDS) is None


def test_it_says_everything_that_is_missing() -> None:
    choices = Choices(rows=(Row(left="argument amount", comparison="more than"),), texts={"people": "many"})
    with pytest.raises(choosing.Unwritable) as found:
        choosing.write(choices, KINDS)
    assert [where for where, _words in found.value.problems] == ["row_0", "ask", "people"]


def test_it_compares_each_item_and_the_other_side() -> None:
    rows = (
        Row(left="fact order", inside="items[*].price", comparison="any of them: more than", value="100.5"),
        Row("any", "argument amount", "", "at most", "", "fact order_total"),
    )
    found = choosing.write(Choices(rows=rows, texts={"ask": "heads"}), KINDS)
    assert found["when"] == {
        "all": [{"fact": "order.items[*].price", "is": "any of them", "value": {"is": "more than", "value": 100.5}}],
        "any": [{"argument": "amount", "is": "at most", "value": {"fact": "order_total"}}],
    }
    assert choosing.read(found["when"], found["then"], KINDS) is not None


# --- the page ---


def test_the_page_shows_the_rule_as_choices_and_as_a_sentence_in_both_languages(page: Client) -> None:
    answer = page.get(address(Rule.objects.get(name="refund-over-300")))
    form = chosen(answer)
    assert form["s_0_left"].value() == "argument amount" and form["s_0_value"].value() == "300"
    assert form["s_ask"].value() == "support-managers" and form["s_within"].value() == "2"
    text = answer.content.decode()
    assert "is over HK$300.00" in text and "支援" not in text and "上報" in text
    assert "Exactly HK$300.00: not included." in text


def test_a_changed_choice_changes_the_rule(page: Client) -> None:
    rule = Rule.objects.get(name="refund-over-300")
    answer = send(page, rule, s_0_value="250")
    assert answer.redirect_chain, errors(answer)
    rule.refresh_from_db()
    assert rule.when["all"] == [{"argument": "amount", "is": "more than", "value": 250}] and rule.version == 2
    assert "HK$250.00" in rule.sentence["en"] and "HK$250.00" in rule.sentence["zh-hant"]


def test_a_condition_is_added_without_a_script_and_nothing_is_saved(page: Client) -> None:
    rule = Rule.objects.get(name="refund-over-300")
    data = {**filled(page, address(rule)), "_add_condition": "1", "s_0_value": "275"}
    answer = page.post(address(rule), data)
    form = chosen(answer)
    assert answer.status_code == 200 and form["s_rows"].value() == "2" and form["s_0_value"].value() == "275"
    assert not answer.context["errors"]
    rule.refresh_from_db()
    assert rule.version == 1 and rule.when["all"][0]["value"] == 300
    answer = send(
        page, rule, s_rows="2", s_1_group="all", s_1_left="fact refunds_90d", s_1_is="at least", s_1_value="2"
    )
    assert Draft.objects.count() == 0 and answer.redirect_chain  # nothing runs yet: it is in force
    rule.refresh_from_db()
    assert rule.when["all"][1] == {"fact": "refunds_90d", "is": "at least", "value": 2}


def test_a_condition_without_a_choice_is_left_out(page: Client) -> None:
    rule = Rule.objects.get(name="repeat-refund")
    assert send(page, rule, s_0_left="").redirect_chain
    rule.refresh_from_db()
    assert "all" not in rule.when


def test_the_page_says_what_is_missing_where_it_is_missing(page: Client) -> None:
    answer = send(page, Rule.objects.get(name="refund-over-300"), s_0_value="", s_ask="")
    form = chosen(answer)
    assert not answer.redirect_chain
    assert form.errors["s_ask"] and form.errors["s_0_value"]


def test_a_new_rule_is_written_with_choices_alone(page: Client) -> None:
    data = {
        "name": "big-refund", "title_0": "Big refunds", "active": "on", "change_reason": "Asked for", "edit_as": "sentence",
        "s_operations": ["payments.refund"], "s_rows": "1", "s_0_group": "all", "s_0_left": "argument amount",
        "s_0_is": "more than", "s_0_value": "9000", "s_effect": "ask", "s_ask": "heads", "s_people": "2",
        "s_within": "4", "s_within_unit": "h", "s_calendar": "office",
    }  # fmt: skip
    answer = page.post(reverse("admin:approvals_rule_add"), data, follow=True)
    assert answer.redirect_chain, errors(answer)
    rule = Rule.objects.get(name="big-refund")
    assert rule.then == {"ask": "heads", "people": 2, "within": "4h", "calendar": "office"}
    assert rule.when["operations"] == ["payments.refund"]


def test_a_rule_that_choices_cannot_say_is_edited_as_data(page: Client) -> None:
    rule = Rule.objects.get(name="two-stages")
    answer = page.get(address(rule))
    assert chosen(answer)["edit_as"].value() == "data"
    send(page, rule, title_0="Large ones")
    rule.refresh_from_db()
    assert rule.title == "Large ones" and "stages" in rule.then


def test_changing_both_the_sentence_and_the_data_is_refused(page: Client) -> None:
    rule = Rule.objects.get(name="refund-over-300")
    answer = send(page, rule, s_0_value="250", then='{"ask": "heads"}')
    assert not answer.redirect_chain and "edit_as" in chosen(answer).errors
    rule.refresh_from_db()
    assert rule.version == 1


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("[" * 900 + "]" * 900, "nested deeper than 60 levels"),
        ("[" * 90_000, "nested deeper than 60 levels"),
        ("9" * 5_000, "more than 30 digits"),
        ("NaN", "NaN is no number"),
        ("1e999", "1e999 is no number"),
        (r'"\u0000"', "cannot be stored"),
        (r'{"\ud800": 1}', "cannot be stored"),
        ("'", "This is not JSON"),
    ],
)
def test_data_that_cannot_be_read_or_stored_is_refused_in_words(page: Client, value: str, words: str) -> None:
    row = Rule.objects.get(name="refund-over-300")
    when = f'{{"all": [{{"argument": "amount", "is": "is", "value": {value}}}]}}'
    data = {**filled(page, address(row)), "edit_as": "data", "when": when, "rule": row.name, "change_reason": "Odd"}
    data |= {"since": "2026-01-01", "until": "2026-12-31"}
    preview, backtest = (reverse(f"admin:approvals_rule_{name}") for name in ("preview", "backtest"))
    for where, status in ((preview, 200), (backtest, 422), (address(row), 200)):
        answer = page.post(where, data)
        assert answer.status_code == status and words in answer.content.decode(), where
    assert page.post(address(row), {**data, "_preview": "1"}).status_code == 200
    assert not RuleTrial.objects.exists() and Rule.objects.get(pk=row.pk).when == row.when


def test_every_choice_has_a_label(page: Client) -> None:
    text = page.get(address(Rule.objects.get(name="refund-over-300"))).content.decode()
    form = chosen(page.get(address(Rule.objects.get(name="refund-over-300"))))
    for name in form.fields:
        if name.startswith("s_") and name not in ("s_rows", "s_stages", "s_types", "s_operations"):
            assert f'for="id_{name}"' in text, name
    assert "style=" not in text.split("rule-builder")[1].split("</form>")[0]
