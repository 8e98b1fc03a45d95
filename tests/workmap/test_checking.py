"""Checking: everything a map names is there, every problem is said with its line and what may have been meant."""

# one case a row, one record a line

from typing import Any

import pytest

from orchestrator.workmap import loading
from orchestrator.workmap.errors import Refused
from orchestrator.workmap.live import Live
from orchestrator.workmap.reading import read
from orchestrator.workmap.records import normal
from tests.workmap.maps import SHOP, named, of, shop, shop_text


def problems(text: Any) -> list[str]:
    """The problems of a map for an empty system, without a database."""
    try:
        said = loading._records(text, Live())
        wanted = {key: normal(key[0], record) for key, record in said.said.items() if key not in said.broken}
        loading._refuse(text, said, Live(), dict(wanted))
    except Refused as refused:
        return refused.lines
    return []


def replaced(old: str, new: str) -> list[str]:
    assert SHOP.count(old) >= 1, old
    return problems(read(SHOP.replace(old, new, 1).encode()))


def line_of(part: str) -> int:
    return SHOP[: SHOP.index(part)].count("\n") + 1


def test_a_right_map_has_no_problems() -> None:
    assert problems(shop_text()) == []


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("escalates_to: heads", "escalate_to: heads", "`escalate_to` is not a key of a team; did you mean `escalates_to`?"),
        ("escalates_to: heads", "escalates_to: head", "team `support-managers` names team `head`, which does not exist; did you mean `heads`?"),
        ("name: payments.refund\n", "name: payment.refund\n", "operation `payment.refund` names system `payment`, which does not exist; did you mean `payments`?"),
        ("look_up: crm.find", "look_up: crm.fnd", "company names operation `crm.fnd`, which does not exist; did you mean `crm.find`?"),
        ("page: \"https://pay.example.com/customers", "page: \"http://pay.example.com/customers", "begins with https://"),
        ("page: \"https://pay.example.com/customers", "page: \"https://{order_number}.example.com/", "names its host itself"),
        ("/customers/{request.customer}", "/customers/{request.custmer}", "the placeholder {request.custmer} stands for nothing here"),
        ("/customers/{request.customer}", "/customers/{record.id}", "the placeholder {record.id} stands for nothing here"),
        ("?order={order_number}", "?order={order_numbr}", "{order_numbr} stands for nothing here; did you mean `order_number`?"),
        ("connector: http", "connector: htp", "system `payments` names connector `htp`, which does not exist; did you mean `http`?"),
        ("bearer: \"env:PAYMENTS_TOKEN\"", "bearer: \"s3cret\"", "never written in clear"),
        ("level: controlled", "level: controled", "`level` must be one of reference, case, internal, controlled, not `controled`; did you mean `controlled`?"),
        ("hold: 90s", "hold: 400s", "from 0 to 300 seconds"),
        ("hold: 90s", "hold: soon", "`hold` must be a length of time"),
        ("private_network: false", "private_network: no", "`private_network` must be true or false, not `no`"),
        ("money: amount", "money: amout", "names argument `amout`, which does not exist; did you mean `amount`?"),
        ("editable: [amount, reason]", "editable: [amount, reson]", "names argument `reson`, which does not exist; did you mean `reason`?"),
        ("case_key: {payment_id: payment_ids}", "case_key: {payment_id: payment_idz}", "names fact `payment_idz`, which does not exist; did you mean `payment_ids`?"),
        ("    case_key: {payment_id: payment_ids}\n", "", "`case_key` must be said at level controlled"),
        ("read: payments.get,", "read: payments.gt,", "names operation `payments.gt`, which does not exist; did you mean `payments.get`?"),
        ("amount: \"{amount}\"}}", "amount: \"{amont}\"}}", "the placeholder {amont} stands for nothing here; did you mean `amount`?"),
        ("refund_id: \"{result.id}\"", "refnd_id: \"{result.id}\"", "operation `payments.cancel_refund` has no argument `refnd_id`; did you mean `refund_id`?"),
        ("path: \"/payments/{payment_id}/refunds\"", "path: \"/payments/{payment}/refunds\"", "the path uses payment, which is not an argument"),
        ("type: number, exclusiveMinimum", "type: numbr, exclusiveMinimum", "the schema is wrong"),
        ("owner: support-managers\n    brain", "owner: suport\n    brain", "agent `finance` names team `suport`"),
        ("brain: {kind: procedure}\n", "brain: {kind: model}\n", "a brain of kind `model` needs the key `model`"),
        ("calls_per_run: 10", "calls_per_run: \"10\"", "`calls_per_run` must be a whole number from 1 to 10,000, not `\"10\"`"),
        ("agent: finance, operation: payments.refund", "agent: finanse, operation: payments.refund", "names agent `finanse`"),
        ("steps: [work_out],\n", "steps: [workout],\n", "names step `workout`, which none of its request types has; did you mean `work_out`?"),
        ("types: [refund], steps", "types: [refnd], steps", "names request type `refnd`"),
        ("until: 2027-03-31, types", "until: 31.3.2027, types", "must be a date such as 2027-03-31"),
        ("team: support\n    lead", "team: suport\n    lead", "request type `refund` names team `suport`"),
        ("formula: \"order.total\"", "formula: \"ordr.total\"", "ordr"),
        ("formula: \"order.total\"", "formula: \"order.total +\"", "request type `refund`: The formula"),
        ("message: '\\b\\d{5,8}\\b'", "message: '(\\d{5,8'", "The pattern cannot be read"),
        ("count: payments.refund", "count: payments.refnd", "names operation `payments.refnd`"),
        ("for_each: item_ids", "for_each: item_idz", "names fact `item_idz`"),
        ("customer: customer\n", "customer: custmer\n", "names fact `custmer`"),
        ("to: late_delivery", "to: late_delivry", "names request type `late_delivry`, which does not exist; did you mean `late_delivery`?"),
        ("to: late_delivery", "to: refund", "a route cannot lead to its own type"),
        ("{fact: days_late, is: more than", "{fact: days_lat, is: more than", "days_lat"),
        ("is: more than, value: 0", "is: more then, value: 0", "more then"),
        ("calendar: office}\n    steps", "calendar: offce}\n    steps", "names calendar `offce`"),
        ("first_reply: 30m", "first_reply: half an hour", "`first_reply` must be a length of time"),
        ("after: [read]", "after: [raed]", "names step `raed`, which does not exist; did you mean `read`?"),
        ("{name: read, agent: support,", "{name: read, after: [reply], agent: support,", "steps wait for one another in a circle"),
        ("{name: check, team: support,", "{name: check, team: support, agent: support,", "needs either `agent` or `team`"),
        ("operations: [payments.refund, shop.get_order]", "operations: [shop.get_order]", "uses operation `payments.refund`, which its `operations` leave out"),
        ("missing: [order_number]", "missing: [order_nmber]", "names fact `order_nmber`"),
        ("{write: crm.note,", "{write: messages.send,", "it belongs in an option"),
        ("{read: shop.get_order, with: {number: \"{order_number}\"}", "{read: shop.get_order, with: {}", "needs the argument `number`"),
        ("{propose: [full, half, reject]}", "{propose: [ful]}", "names option `ful`, which does not exist; did you mean `full`?"),
        ("{draft: refund_full}", "{draft: refund_ful}", "names template `refund_ful`"),
        ("template: refund_full,\n", "template: refund_fll,\n", "names template `refund_fll`"),
        ("record_in: [payments, crm]", "record_in: [payments, cmr]", "names system `cmr`"),
        ("Dear {customer.name}", "Dear {custmer.name}", "the placeholder {custmer.name} stands for nothing here; did you mean `customer`?"),
        ("{argument: amount, is: more than, value: 300}", "{argument: amunt, is: more than, value: 300}", "amunt"),
        ("then: {ask: heads, people: 1, within: 1d", "then: {ask: heds, people: 1, within: 1d", "names team `heds`"),
        ("people: 1, within: 2h", "people: 0, within: 2h", "`people` must be a whole number from 1 to 20"),
        ("if_nobody: {pass_to: heads", "if_nobody: {pass_to: hads", "names team `hads`"),
        ("up_to: 300,", "up_t: 300,", "`up_t` is not a key of a standing approval; did you mean `up_to`?"),
        ("standing_approval: {by: may.lee,", "standing_approval: {", "needs the key `by`"),
        ("until: 2027-01-31}}", "until: never}}", "must be a date"),
        ("work_command_map: 1", "work_command_map: 2", "`work_command_map` must be"),
        ("work_command_map: 1\n", "", "needs the key `work_command_map`"),
        ("hours: {mon-fri", "hours: {mon-fry", "names no days"),
        ("time_zone: Asia/Hong_Kong", "time_zone: Asia/Hongkong2", "there is no time zone `Asia/Hongkong2`"),
    ],
)  # fmt: skip
def test_it_refuses_with_the_line_and_the_reason(old: str, new: str, words: str) -> None:
    found = replaced(old, new)
    assert any(words in line for line in found), found
    assert all(line.startswith("line ") for line in found)


def test_a_file_that_is_no_map_at_all_is_named_as_the_file() -> None:
    assert problems(read(b"- 1"))[0] == "line 1: the file must be a map, not `a list`"


def test_it_names_the_line_of_the_key() -> None:
    found = replaced("escalates_to: heads", "escalates_to: head")
    assert found[0].startswith(f"line {line_of('escalates_to: heads')}: ")
    found = replaced("is: more than, value: 300", "is: more then, value: 300")
    assert found[0].startswith(f"line {line_of('is: more than, value: 300')}: ")


def test_it_refuses_a_circle_of_teams() -> None:
    whole = shop()
    named(whole["teams"], "heads")["escalates_to"] = "support-managers"
    assert any("passing up goes in a circle" in line for line in problems(of(whole)))


def test_it_refuses_facts_that_lead_back_to_themselves() -> None:
    whole = shop()
    facts = named(whole["request_types"], "refund")["facts"]
    named(facts, "order_total")["from"] = {"formula": "days_late + 1"}
    named(facts, "days_late")["from"] = {"formula": "order_total + 1"}
    assert any("facts lead back to themselves" in line for line in problems(of(whole)))


@pytest.mark.parametrize("section", ["calendars", "teams", "systems", "operations", "agents", "request_types", "rules"])
def test_it_refuses_the_same_name_twice(section: str) -> None:
    whole = shop()
    whole[section].append(whole[section][0])
    assert any("is said twice" in line for line in problems(of(whole)))


@pytest.mark.parametrize("part", ["facts", "steps", "templates"])
def test_it_refuses_the_same_name_twice_in_a_type(part: str) -> None:
    whole = shop()
    refund = named(whole["request_types"], "refund")
    refund[part].append(refund[part][0])
    assert any("is said twice" in line for line in problems(of(whole)))


def test_it_lists_at_most_fifty_problems_and_counts_the_rest() -> None:
    whole = shop()
    whole["teams"] += [{"name": f"t{n}", "escalates_to": f"missing-x-{n}"} for n in range(60)]
    found = problems(of(whole))
    assert len(found) == 51 and found[-1] == "and 10 more problems"


def test_it_says_all_problems_at_once_in_the_order_of_the_file() -> None:
    text = SHOP.replace("escalates_to: heads", "escalate_to: heads").replace(
        "ask: heads, people: 1, within: 1d", "ask: hds, people: 1, within: 1d"
    )
    found = problems(read(text.encode()))
    numbers = [int(line.split()[1].rstrip(":")) for line in found]
    assert len(found) == 2 and numbers == sorted(numbers)


@pytest.mark.parametrize("value", [None, 1, "x", [], [1], {"a": 1}, True, 1.5])
@pytest.mark.parametrize("section", ["company", "teams", "operations", "request_types", "rules", "grants", "nothing"])
def test_it_refuses_a_section_of_another_kind(section: str, value: Any) -> None:
    whole = shop()
    whole[section] = value
    found = problems(of(whole))
    assert found or (value == [] and section in ("rules", "grants"))
    assert all(line.startswith("line ") for line in found)


def test_a_standing_approval_must_name_its_operations() -> None:
    whole = shop()
    del named(whole["rules"], "small-refunds-pre-approved")["when"]["operations"]
    assert any("it cannot approve everything" in line for line in problems(of(whole)))


def test_a_map_that_is_no_map_is_refused() -> None:
    assert problems(read(b"- 1\n"))[0].startswith("line 1: ")
    assert problems(read(b"text"))[0].startswith("line 1: ")
