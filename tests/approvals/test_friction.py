"""The friction of a decision: what is masked, old evidence, changes judged beforehand, and what came in between."""

import re
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.test import Client

from agents.models import Operation, Proposal, SystemHealth, Write
from approvals import filters, looking_again, masking, services
from approvals.errors import AlreadyDecided, HigherNeeded
from approvals.models import Approval, Decision
from cases.actors import person
from cases.errors import Incorrect, NoRight
from cases.models import Event
from tests.company import Small
from tests.world import FINGERPRINT, World, add_approval, add_case_row, build


@pytest.fixture
def world(db: None) -> World:
    cache.clear()
    return build()


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def words(answer: Any) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", answer.content.decode())).split())


def path(approval: Approval, part: str = "") -> str:
    return f"/approvals/{approval.pk}/{part}"


# ---------------------------------------------------------------------- masked arguments


@pytest.fixture
def masked(world: World) -> World:
    Operation.objects.filter(name="payments.refund").update(masked=["payment_id"])
    Write.objects.filter(name="refund").update(
        proposed={"payment_id": "HK-0042-9981-4242", "amount": 480, "reason": "Late"}
    )
    return world


def test_a_masked_argument_is_opened_by_a_press_that_is_recorded(masked: World) -> None:
    client = signed_in(masked.manager)
    page = client.get(path(masked.approval)).content.decode()
    assert "HK-0042-9981-4242" not in page
    assert "•••• 4242" in page
    sent = {"open": "full.refund.payment_id", "option": "full", "reason": "my words", "fingerprint": FINGERPRINT}
    opened = client.post(path(masked.approval, "open/"), sent)
    assert opened.status_code == 200
    page = opened.content.decode()
    assert "HK-0042-9981-4242" in page
    assert re.search(r'value="full"[^>]*checked', page)  # the entry is kept
    assert ">my words</textarea>" in page
    event = Event.objects.get(case=masked.case, code="approval.opened")
    assert "May Lee" in event.actor
    assert event.detail.data["argument"] == "payment_id"
    assert Decision.objects.count() == 0
    assert "HK-0042-9981-4242" not in signed_in(masked.deputy).get(path(masked.approval)).content.decode()


def test_a_masked_argument_can_be_changed_only_while_it_is_open(masked: World) -> None:
    Operation.objects.filter(name="payments.refund").update(editable=["payment_id", "amount"], case_key="none")
    client = signed_in(masked.manager)
    page = client.get(path(masked.approval)).content.decode()
    assert "HK-0042" not in page and not re.search(r'name="edit[^"]*payment_id"', page)
    assert re.search(r'name="edit[^"]*amount"', page)
    page = client.post(path(masked.approval, "open/"), {"open": "full.refund.payment_id"}).content.decode()
    box = re.search(r'name="(edit[^"]*payment_id)"[^>]*>', page)
    assert box is not None and "HK-0042-9981-4242" in box[0] + page[box.end() :][:30]
    fields = dict(re.findall(r'name="(nonce|evidence|noted|editing[^"]*)" value="([^"]*)"', page))
    sent = {**fields, "option": "full", "reason": "typo", "fingerprint": FINGERPRINT, box[1]: "HK-0042-9981-4243"}
    check = client.post(path(masked.approval, "decide/"), sent)
    assert "Check before it counts" in words(check) and "HK-0042-9981-4243" in check.content.decode()
    session = client.session
    session["approvals_opened"] = {}
    session.save()
    late = client.post(path(masked.approval, "decide/"), sent)
    assert late.status_code == 422 and "was masked again" in words(late) and "HK-0042" not in late.content.decode()
    same = client.post(path(masked.approval, "decide/"), {**sent, box[1]: "HK-0042-9981-4242"})
    assert same.status_code == 302 and Decision.objects.get().edits == {}


def with_argument(world: World, spec: dict[str, object], value: object, **more: object) -> None:
    """The refund has one more argument, that may be changed."""
    operation = Operation.objects.get(name="payments.refund")
    operation.arguments["properties"]["extra"] = spec
    Operation.objects.filter(pk=operation.pk).update(
        arguments=operation.arguments, editable=["extra", "amount"], **{"masked": [], **more}
    )
    for write in Write.objects.filter(name="refund"):
        Write.objects.filter(pk=write.pk).update(proposed={**write.proposed, "extra": value})


def as_it_stands(client: Client, world: World) -> dict[str, str]:
    """What a browser sends of the page as it is, for the full refund."""
    page = client.get(path(world.approval)).content.decode()
    form = page.partition("/decide/")[2].partition("</form>")[0]
    sent = dict(re.findall(r'<input[^>]* name="([^"]+)"[^>]* value="([^"]*)"', form))
    sent |= {k: v for v, k in re.findall(r'<input[^>]* value="([^"]*)"[^>]* name="([^"]+)"', form)}
    for name, body in re.findall(r'<select[^>]* name="([^"]+)"[^>]*>(.*?)</select>', form, re.DOTALL):
        chosen = re.findall(r"<option[^>]* selected[^>]*>([^<]*)", body)
        sent[name] = chosen[0] if chosen else ""
    sent |= dict(re.findall(r'<textarea[^>]* name="([^"]+)"[^>]*>([^<]*)</textarea>', form))
    for tick in re.findall(r'<input type="checkbox"[^>]*>', form):
        name = re.findall(r' name="([^"]+)"', tick)[0]
        sent.pop(name, None)
        sent |= {name: "on"} if " checked" in tick else {}
    sent.pop("csrfmiddlewaretoken", None)
    return {name: unescape(value) for name, value in sent.items()} | {"option": "full", "reason": "because"}


@pytest.mark.parametrize(
    ("spec", "value"),
    [
        ({"type": "integer", "enum": [1, 2, 3]}, 2),
        ({"type": ["string", "null"]}, "hello"),
        ({"type": ["string", "number"]}, "hello"),
        ({"type": "boolean"}, True),
        ({"type": "array"}, ["a"]),
    ],
    ids=str,
)
def test_an_untouched_page_changes_nothing(masked: World, spec: dict[str, object], value: object) -> None:
    with_argument(masked, spec, value)
    client = signed_in(masked.manager)
    answer = client.post(path(masked.approval, "decide/"), as_it_stands(client, masked))
    assert answer.status_code == 302, words(answer)
    assert Decision.objects.get().edits == {}


def test_opening_a_masked_box_unticks_nothing(masked: World) -> None:
    with_argument(masked, {"type": "boolean"}, True, masked=["extra"])
    client = signed_in(masked.manager)
    sent = as_it_stands(client, masked)
    opened = client.post(path(masked.approval, "open/"), {**sent, "open": "full.refund.extra"})
    assert "You changed" not in words(opened)
    assert re.search(r'type="checkbox"[^>]*extra"[^>]* checked', opened.content.decode())


def test_what_was_emptied_is_not_sent_as_it_was(masked: World) -> None:
    Operation.objects.filter(name="payments.refund").update(masked=[], editable=["reason", "amount"])
    client = signed_in(masked.manager)
    page = client.get(path(masked.approval)).content.decode()
    boxes = dict.fromkeys(re.findall(r'name="(edit[^"]*[.]reason)"', page), "  ")
    sent = {"option": "full", "reason": "typo", "fingerprint": FINGERPRINT, "nonce": "n", **boxes}
    answer = client.post(path(masked.approval, "decide/"), sent)
    assert answer.status_code == 422 and "cannot be left out" in words(answer) and not Decision.objects.exists()


def test_only_who_decides_may_open_and_only_what_is_masked(masked: World) -> None:
    for user in (masked.frontline, masked.auditor):
        with pytest.raises(NoRight):
            masking.open_masked(actor=person(user), approval_id=masked.approval.pk, name="full.refund.payment_id")
        assert "Show it" not in signed_in(user).get(path(masked.approval)).content.decode()
    for name in ("full.refund.amount", "full.refund", "", "other.refund.payment_id"):
        with pytest.raises(Incorrect):
            masking.open_masked(actor=person(masked.manager), approval_id=masked.approval.pk, name=name)
    assert not Event.objects.filter(code="approval.opened").exists()


def test_a_masked_argument_stands_nowhere_else_in_clear(masked: World) -> None:
    client = signed_in(masked.manager)
    Approval.objects.update(risk="high")
    check = client.post(path(masked.approval, "decide/"), {"option": "full", "fingerprint": FINGERPRINT, "nonce": "n"})
    assert "Check before it counts" in words(check)
    assert "HK-0042" not in check.content.decode()
    Approval.objects.update(state="decided", decided_option="full")
    closed = client.get(path(masked.approval)).content.decode()
    assert "•••• 4242" in closed
    assert "HK-0042" not in closed


def test_a_secret_argument_is_shown_neither_before_nor_after(world: World) -> None:
    Operation.objects.filter(name="payments.refund").update(secret=["payment_id"])
    Write.objects.filter(name="refund").update(proposed={"payment_id": "very-secret", "amount": 480})
    client = signed_in(world.manager)
    assert "very-secret" not in client.get(path(world.approval)).content.decode()
    Approval.objects.update(state="decided", decided_option="full")
    assert "very-secret" not in client.get(path(world.approval)).content.decode()


# ---------------------------------------------------------------------- evidence


def test_old_evidence_can_be_read_again_and_says_what_changed(company: Small) -> None:
    case, approval = company.waiting()
    page = signed_in(User.objects.get(username="may"))
    Proposal.objects.filter(pk=approval.proposal_id).update(
        evidence=[{**row, "at": "2020-01-01T00:00:00+00:00"} for row in approval.proposal.evidence]
    )
    shown = page.get(path(approval)).content.decode()
    assert "Over 15 min old" in shown
    assert "Check again" in shown
    company.shop.orders["A100"]["total"] = 120
    answer = page.post(path(approval, "look-again/"), {"option": "half", "reason": "so far"})
    assert answer.status_code == 200
    assert "Looked again: something changed" in words(answer)
    assert re.search(r"Total .*120\.00 .*Changed \d\d:\d\d .*before: HK\$100\.00", words(answer))
    assert re.search(r'value="half"[^>]*checked', answer.content.decode())
    told = Event.objects.get(case=case, code="approval.looked_again").detail.data
    assert set(told["changed"]) == {"order", "total"}
    approval.refresh_from_db()
    assert approval.state == "waiting"


def test_only_who_decides_has_it_read_again(company: Small) -> None:
    case, approval = company.waiting()
    before = len(company.shop.calls)
    for name in ("ka", "fin"):
        with pytest.raises(Exception, match=r"must decide|nothing here"):
            looking_again.look_again(actor=company.as_(name), approval_id=approval.pk)
    assert len(company.shop.calls) == before
    assert not Event.objects.filter(case=case, code="approval.looked_again").exists()


def test_the_check_page_names_old_evidence_and_the_exact_writes(world: World) -> None:
    Approval.objects.update(risk="high")
    evidence = [{**row, "at": "2020-01-01T00:00:00+00:00"} for row in world.proposal.evidence]
    Proposal.objects.update(evidence=evidence)
    sent = {"option": "full", "fingerprint": FINGERPRINT, "nonce": "n"}
    check = signed_in(world.manager).post(path(world.approval, "decide/"), sent)
    assert words(check).count("Over 15 min old") == 2
    assert "Check again" in words(check)
    shown = re.findall(r'data-option="(\w+)"', check.content.decode())
    assert shown == ["full"]
    for said in ("amount: HK$480.00", "payment id: P-4242", "We refund HK$480.00.", "full refund"):
        assert said in words(check)


# ---------------------------------------------------------------------- changes


def test_that_a_change_needs_somebody_higher_is_said_before_it_is_confirmed(company: Small) -> None:
    company.rule("big", {"ask": "heads"}, all=[{"argument": "amount", "is": "more than", "value": 200}])
    _case, approval = company.waiting()
    client = signed_in(User.objects.get(username="may"))
    sent = {"option": "full", "fingerprint": approval.fingerprint, "nonce": "n", "reason": "more"}
    name = re.search(r'id="(edit\.\d\.[^"]+\.amount)"', client.get(path(approval)).content.decode())
    assert name
    less = client.post(path(approval, "decide/"), {**sent, name[1]: "150"})
    assert "data-confirm" in less.content.decode()
    more = client.post(path(approval, "decide/"), {**sent, name[1]: "300"})
    assert "With these values heads must decide" in words(more)
    assert "data-confirm" not in more.content.decode()
    assert Decision.objects.count() == 0
    approval.refresh_from_db()
    assert approval.state == "waiting"


def changed(client: Client, approval: Approval, amount: str) -> dict[str, str]:
    """A decision with another amount, as the page of `client` would send it."""
    found = re.search(r'id="(edit\.\d\.[^"]+\.amount)"', client.get(path(approval)).content.decode())
    assert found
    return {"option": "full", "fingerprint": approval.fingerprint, "nonce": "n", "reason": "more", found[1]: amount}


def big_sums_are_for_heads(company: Small) -> None:
    """A rule that stands on a fact: to judge a change, the order is read again."""
    big = [{"fact": "total", "is": "at least", "value": 100}, {"argument": "amount", "is": "more than", "value": 200}]
    company.rule("big", {"ask": "heads"}, all=big)


def read_events(case: Any) -> int:
    return Event.objects.filter(case=case, code="data.read").count()


def test_nobody_has_systems_read_for_a_decision_that_is_not_theirs(company: Small) -> None:
    """Neither on the way to the check page nor past it; what they tried is remembered."""
    big_sums_are_for_heads(company)
    case, approval = company.waiting()
    sent = changed(signed_in(User.objects.get(username="may")), approval, "80")
    before = len(company.shop.calls)
    answer = signed_in(User.objects.get(username="ka")).post(path(approval, "decide/"), sent)
    assert answer.status_code == 403
    assert "Check before it counts" not in words(answer)
    with pytest.raises(NoRight):
        company.decide(approval, by="ka", edits={"shop.refund": {"amount": 80}})
    assert len(company.shop.calls) == before
    refused = Event.objects.filter(case=case, code="approval.refused")
    assert [event.actor for event in refused] == ["Ka (ka)", "Ka (ka)"]
    company.decide(approval)
    with pytest.raises(AlreadyDecided):
        company.decide(approval, by="ken", edits={"shop.refund": {"amount": 80}})
    assert len(company.shop.calls) == before


def test_what_is_read_for_a_change_is_recorded_also_where_it_is_refused(company: Small) -> None:
    big_sums_are_for_heads(company)
    case, approval = company.waiting()
    client = signed_in(User.objects.get(username="may"))
    calls, events = len(company.shop.calls), read_events(case)
    assert "heads must decide" in words(client.post(path(approval, "decide/"), changed(client, approval, "300")))
    seen = len(company.shop.calls) - calls
    assert seen and read_events(case) - events == seen
    with pytest.raises(HigherNeeded):
        company.decide(approval, edits={"shop.refund": {"amount": 300}})
    assert read_events(case) - events == len(company.shop.calls) - calls > seen
    calls, events = len(company.shop.calls), read_events(case)
    company.decide(approval, edits={"shop.refund": {"amount": 80}})
    assert read_events(case) - events == len(company.shop.calls) - calls > 0


def test_limits_stand_beside_the_field(world: World) -> None:
    arguments = world.refund_payment.arguments
    arguments["properties"]["amount"] |= {"maximum": 480}
    Operation.objects.filter(pk=world.refund_payment.pk).update(arguments=arguments)
    page = signed_in(world.manager).get(path(world.approval)).content.decode()
    assert re.search(r'id="edit\.2\.refund\.amount-hint">up to HK\$480\.00, more than HK\$0\.00<', page)
    sent = {"option": "full", "fingerprint": FINGERPRINT, "nonce": "n", "reason": "r", "edit.2.refund.amount": "481"}
    answer = signed_in(world.manager).post(path(world.approval, "decide/"), sent)
    assert answer.status_code == 422
    assert Decision.objects.count() == 0


def test_a_reason_is_kept_as_code_and_as_text(company: Small) -> None:
    _case, approval = company.waiting()
    services.decide(
        actor=company.as_("may"), approval_id=approval.pk, fingerprint=approval.fingerprint, option="reject",
        reason="Outside policy: too late", reason_code="Outside policy",
    )  # fmt: skip
    kept = Decision.objects.get()
    assert (kept.reason_code, kept.reason) == ("Outside policy", "Outside policy: too late")
    told = Event.objects.get(case=approval.case_id, code="approval.decided").detail.data
    assert told["reason_code"] == "Outside policy"


# ---------------------------------------------------------------------- what came in between


def test_what_changed_while_one_read_stands_in_a_table_with_before_and_after(world: World) -> None:
    client = signed_in(world.manager)
    client.get(path(world.approval))
    Write.objects.filter(proposal=world.proposal, option="full", name="refund").update(
        proposed={"payment_id": "P-4242", "amount": 460, "reason": "Late delivery"}
    )
    Proposal.objects.update(fingerprint="e" * 64)
    Approval.objects.update(fingerprint="e" * 64)
    answer = client.post(
        path(world.approval, "decide/"),
        {"option": "full", "fingerprint": FINGERPRINT, "nonce": "n", "reason": "as I said"},
    )
    assert answer.status_code == 409
    page = answer.content.decode()
    assert "This changed while you were reading" in page
    assert re.search(r"Full refund, HK\$480\.00: amount HK\$480\.00 HK\$460\.00", words(answer))
    assert re.search(r'value="full"[^>]*checked', page)
    assert ">as I said</textarea>" in page
    assert 'name="fingerprint" value="eeee' in page
    assert Decision.objects.count() == 0


def test_ones_own_second_tab_is_told_so(company: Small) -> None:
    _case, approval = company.waiting()
    company.decide(approval)
    sent = {"option": "half", "fingerprint": approval.fingerprint, "nonce": "n", "reason": "r"}
    answer = signed_in(User.objects.get(username="may")).post(path(approval, "decide/"), sent)
    assert answer.status_code == 409
    assert "You decided this already" in words(answer)
    assert "in another tab or window" in words(answer)
    other = signed_in(User.objects.get(username="ken")).post(path(approval, "decide/"), sent)
    assert re.search(r"May \(may\) decided this already", words(other))
    assert "See the decision" in words(other)
    assert Decision.objects.count() == 1


def test_a_system_that_does_not_answer_is_named_before_one_decides(world: World) -> None:
    health = {"failures": 5, "openings": 1, "open_until": 4_000_000_000, "probing": False}
    SystemHealth.objects.create(system=world.payments, breaker=health)
    page = words(signed_in(world.manager).get(path(world.approval)))
    assert "Payments does not answer now. You can decide: it is sent when Payments is back." in page
    assert "Customer records does not answer" not in page


def test_the_next_one_opens_for_who_wants_that(world: World) -> None:
    add_approval(world, add_case_row(world.refund, world.now))
    client = signed_in(world.manager)
    wanted = re.compile(r'name="next" value="([0-9a-f-]{36})"')
    assert not wanted.search(client.get(path(world.approval)).content.decode())
    filters.choose_next(actor=person(world.manager), open_next=True)
    page = client.get(path(world.approval)).content.decode()
    following = wanted.search(page)
    assert following
    assert following[1] != str(world.approval.pk)
    settings = client.get("/settings/").content.decode()
    assert re.search(r'name="open_next"[^>]*checked', settings)


def test_after_the_decision_the_next_one_is_open(company: Small) -> None:
    _case, first = company.waiting()
    _case, second = company.waiting(order="A101")
    client = signed_in(User.objects.get(username="may"))
    sent = {"option": "full", "fingerprint": first.fingerprint, "nonce": "n", "next": str(second.pk)}
    assert client.post(path(first, "decide/"), sent).headers["Location"] == path(second)
    odd = {**sent, "fingerprint": second.fingerprint, "nonce": "m", "next": "https://example.com/"}
    assert client.post(path(second, "decide/"), odd).headers["Location"] == "/approvals/"
