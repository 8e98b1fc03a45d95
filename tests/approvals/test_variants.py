"""What an approval shows beside its writes, by the map: voucher, discount, contract, deploy, report. Each has a map."""

import re
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import translation

from agents.models import Operation, Write
from approvals import differing, services
from approvals.models import Approval, Decision
from cases.actors import Actor, person
from cases.errors import Incorrect
from cases.models import Event
from cases.services import Sender, take_in
from orchestrator.flow.services import advance_case
from orchestrator.workmap import services as workmap
from orchestrator.workmap.dumping import the_map
from orchestrator.workmap.errors import Refused
from orchestrator.workmap.reading import Mark, Text, read
from tests.approvals.variant_maps import BY, CONTRACT, FORMS, MAPS, REPORT, VOUCHER, company

pytestmark = pytest.mark.django_db


def page_of(user: User, approval: Approval) -> str:
    client = Client()
    client.force_login(user)
    return client.get(f"/approvals/{approval.pk}/").content.decode()


def words(page: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page)).split())


def post(user: User, approval: Approval, **sent: str) -> Any:
    client = Client()
    client.force_login(user)
    given = {"option": "go", "fingerprint": approval.fingerprint, "nonce": "n-1", **sent}
    return client.post(f"/approvals/{approval.pk}/decide/", given)


def panel(page: str, variant: str) -> str:
    found = re.search(rf'<section class="panel" data-variant="{variant}">(.*?)</section>', page, re.S)
    assert found, "no panel"
    return words(found[1])


def test_a_voucher_shows_what_is_left_of_the_budget_and_what_would_be() -> None:
    manager, approval = company("voucher")
    shown = panel(page_of(manager, approval), "voucher")
    assert "Budget left this month HK$1,000.00" in shown
    assert "Left after this HK$700.00" in shown
    changed = post(manager, approval, reason="less", **{"edit.1.it.amount": "1200"}).content.decode()
    assert "Left after this -HK$200.00" in panel(changed, "voucher")
    assert "More than what is left" in panel(changed, "voucher")


def test_the_budget_counts_what_was_decided_this_month() -> None:
    manager, approval = company("voucher")
    Write.objects.filter(proposal=approval.proposal, option="go").update(placed_at=approval.created_at, state="held")
    Approval.objects.filter(pk=approval.pk).update(state="withdrawn")
    _manager, second = another(manager)
    assert "Budget left this month HK$700.00" in panel(page_of(manager, second), "voucher")


def another(manager: User) -> tuple[User, Approval]:
    """A second case of the company that is there."""
    case, _new = take_in(
        actor=Actor("requester", "token shop", token_id=1, token_name="shop", trusted=True), source="staff",
        channel="api", sender=Sender("Lee", "lee@example.com"), text="Again", type_name="work",
    )  # fmt: skip
    advance_case(case.pk)
    return manager, Approval.objects.get(case=case)


def test_a_discount_shows_the_margin_before_and_after() -> None:
    manager, approval = company("discount")
    shown = panel(page_of(manager, approval), "discount")
    assert "Price before HK$1,000.00" in shown
    assert "Price after HK$900.00" in shown
    assert "Margin before 28.0 %" in shown
    assert "Margin after 20.0 %" in shown
    changed = post(manager, approval, reason="less", **{"edit.1.it.percent": "20"}).content.decode()
    assert "Margin after 10.0 %" in panel(changed, "discount")


def test_a_contract_shows_the_clause_old_and_new_word_by_word() -> None:
    manager, approval = company("contract")
    page = page_of(manager, approval)
    shown = panel(page, "contract")
    assert "Clause 7.2 Payment" in shown
    assert "Draft to the customer Dear client, we can agree to this." in shown
    assert re.search(r"<del>30</del> days\.", page)
    assert re.search(r"<ins>45</ins> days\.", page)
    assert 'id="edit.1.it.reply"' in page  # the draft can be changed
    changed = post(manager, approval, reason="softer", **{"edit.1.it.words": "Payment is due in 60 days."})
    assert "<ins>60</ins>" in changed.content.decode()


def test_a_deploy_shows_ticket_files_tests_author_and_the_way_back() -> None:
    manager, approval = company("deploy")
    shown = panel(page_of(manager, approval), "deploy")
    for said in (
        "OPS-311",
        "1.4.2",
        "app/views.py",
        "app/urls.py",
        "412 passed",
        "coding agent",
        "Release 1.4.1 again",
    ):
        assert said in shown


@pytest.mark.parametrize(
    ("variant", "lacking"),
    [("discount", "cost"), ("contract", "standing"), ("deploy", "tests"), ("deploy", "files"), ("report", "basis")],
)
def test_what_is_not_known_is_said_to_be_not_found(variant: str, lacking: str) -> None:
    manager, approval = company(variant, **{lacking: None})
    assert "Not found" in panel(page_of(manager, approval), variant)


def test_each_item_of_a_report_is_ticked_and_the_server_sees_to_it() -> None:
    manager, approval = company("report")
    page = page_of(manager, approval)
    sent = dict(re.findall(r'type="checkbox" id="(tick\.1\.it\.\w+)" name="[^"]+" value="(\w{64})"', page))
    ticks = list(sent)
    assert ticks == ["tick.1.it.source", "tick.1.it.period", "tick.1.it.basis"]
    sent["evidence"] = re.findall(r'name="evidence" value="(\w{64})"', page)[0]
    answer = post(manager, approval, **{name: value for name, value in sent.items() if name != ticks[2]})
    assert answer.status_code == 422
    assert "Tick “Reporting basis”" in unescape(answer.content.decode())
    assert re.search(rf'id="{re.escape(ticks[0])}" name="[^"]+" value="\w+" checked', answer.content.decode())
    assert Decision.objects.count() == 0
    assert post(manager, approval, **sent).status_code == 302
    kept = Decision.objects.get().confirmed
    assert kept == {f"it.{name}": value for name, value in FORMS["report"].items()}
    told = Event.objects.get(case=approval.case, code="approval.decided").detail.data
    assert told["confirmed"] == kept


def test_no_other_way_leads_round_the_ticks() -> None:
    manager, approval = company("report")
    for confirmed in ((), ("it.source", "it.period"), ("it.basis", "other.source")):
        with pytest.raises(Incorrect):
            services.decide(
                actor=person(manager), approval_id=approval.pk, fingerprint=approval.fingerprint, option="go",
                confirmed=confirmed,
            )  # fmt: skip
    assert Decision.objects.count() == 0


def test_what_was_not_found_cannot_be_confirmed_but_can_be_rejected() -> None:
    manager, approval = company("report", basis=None)
    ticks = {f"tick.1.it.{name}": "on" for name in ("source", "period", "basis")}
    answer = post(manager, approval, **ticks)
    assert answer.status_code == 422
    assert "“Reporting basis” was not found" in unescape(answer.content.decode())
    with pytest.raises(Incorrect, match="not found"):
        services.decide(
            actor=person(manager), approval_id=approval.pk, fingerprint=approval.fingerprint, option="go",
            confirmed=("it.source", "it.period", "it.basis"),
        )  # fmt: skip
    read = re.findall(r'name="evidence" value="(\w{64})"', page_of(manager, approval))[0]
    assert post(manager, approval, option="reject", reason="No basis", evidence=read).status_code == 302


def test_in_chinese_the_variant_is_in_chinese() -> None:
    manager, approval = company("report")
    manager.person.language = "zh-hant"
    manager.person.save()
    shown = panel(page_of(manager, approval), "report")
    assert "數據來源" in shown
    assert "報告基準" in shown


# ---------------------------------------------------------------------- the map


def problems(text: str) -> list[str]:
    try:
        with translation.override("en"):
            workmap.load(actor=BY, text=Text(read(text.encode()).value, Mark(1)), check_only=True)
    except Refused as refusal:
        return refusal.lines
    return []


@pytest.mark.parametrize("variant", MAPS)
def test_the_map_keeps_what_an_approval_shows(variant: str) -> None:
    company(variant)
    stored = Operation.objects.get(name="desk.write").shows
    assert stored["as"] == variant
    dumped = next(one for one in the_map()["operations"] if one["name"] == "desk.write")
    assert dumped["shows"] == stored


WRONG = [
    (REPORT, "as: report", "as: raport", "raport"),
    (REPORT, "basis: {fact: basis}", "bases: {fact: basis}", "`bases` is not a key"),
    (REPORT, ", basis: {fact: basis}}", "}", "needs the key `basis`"),
    (REPORT, "basis: {fact: basis}", "basis: {fact: bassis}", "bassis"),
    (REPORT, "basis: {fact: basis}", "basis: {argument: two}", "two"),
    (REPORT, "basis: {fact: basis}", 'basis: {formula: "nothing + 1"}', "nothing"),
    (REPORT, "basis: {fact: basis}", "basis: {text: basis}", "fact"),
    (REPORT, "editable: []", "secret: [to]", None),
    (VOUCHER, "money: amount\n    ", "", "a voucher needs `money`"),
    (CONTRACT, "editable: [words, reply]", "editable: [words]", "the draft must be an argument that is `editable`"),
    (CONTRACT, "editable: [words, reply]", "editable: [reply]\n    secret: [words]", "cannot be shown"),
]


@pytest.mark.parametrize(("text", "old", "new", "says"), WRONG)
def test_a_wrong_one_is_named(text: str, old: str, new: str, says: str | None) -> None:
    assert old in text
    found = problems(text.replace(old, new, 1))
    if says is None:
        assert found == []
    else:
        assert any(says in one for one in found), found


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Payment is due in 30 days.", "Payment is due in 45 working days, net."),
        ("付款期為三十日。", "付款期為四十五日，逾期另計利息。"),
        ("", "all new"),
        ("same", "same"),
        ("a " * 3_000, "b " * 3_000),
    ],
)
def test_the_pieces_of_a_difference_give_each_text_again(old: str, new: str) -> None:
    before, after = differing.words(old, new)
    assert "".join(piece.text for piece in before) == old
    assert "".join(piece.text for piece in after) == new
    assert any(piece.changed for piece in [*before, *after]) == (old != new)
