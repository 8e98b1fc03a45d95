"""An answer belongs to what its reader read: ticks and evidence are named by it, as the arguments are."""

import re
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.test import Client

from agents.models import Operation, Proposal
from approvals import bulk, services
from approvals.errors import Changed
from approvals.models import Approval, Decision
from cases.actors import person
from cases.errors import Incorrect
from tests.api.program import program
from tests.approvals.variant_maps import FORMS, company
from tests.company import Small

pytestmark = pytest.mark.django_db


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def text_of(answer: Any) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", answer.content.decode())).split())


def boxes(html: str) -> dict[str, str]:
    """The ticks of a page, each with the value it is sent with."""
    found = re.findall(r'<input type="checkbox"[^>]* name="(tick\.[^"]+)" value="([^"]*)"', html)
    return dict(found)


def filled(html: str, **more: Any) -> dict[str, Any]:
    """What a browser would send: the hidden fields of the decision form, every tick, and `more`."""
    form = re.search(r'<form method="post" action="/approvals/[^"]+/decide/".*?</form>', html, re.S)
    assert form
    hidden = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form[0])
    return {**{name: unescape(value) for name, value in hidden}, **boxes(form[0]), "option": "go", **more}


def at(approval: Approval, part: str = "decide/") -> str:
    return f"/approvals/{approval.pk}/{part}"


def now_says(approval: Approval, fact: str, found: Any) -> None:
    """Somebody else looked again, and the evidence says something else."""
    rows = Proposal.objects.get(pk=approval.proposal_id).evidence
    for row in rows:
        if row["fact"] == fact:
            row |= {"was": row["found"], "found": found, "changed_at": "2027-01-04T10:00:00+08:00"}
    Proposal.objects.filter(pk=approval.proposal_id).update(evidence=rows)


def test_a_tick_is_for_the_text_that_stood_there() -> None:
    manager, approval = company("report")
    client = client_of(manager)
    sent = filled(client.get(at(approval, "")).content.decode(), reason="as agreed")
    assert len([name for name in sent if name.startswith("tick.")]) == 3
    now_says(approval, "source", "A guess")
    answer = client.post(at(approval), sent)
    assert answer.status_code == 409
    assert "changed while you were reading" in text_of(answer)
    assert Decision.objects.count() == 0
    html = answer.content.decode()
    assert ">as agreed</textarea>" in html and re.search(r'value="go"[^>]*checked', html)
    shown = {name: re.search(rf'id="{re.escape(name)}"[^>]*checked', html) is not None for name in boxes(html)}
    assert shown == {"tick.1.it.source": False, "tick.1.it.period": True, "tick.1.it.basis": True}
    assert client.post(at(approval), filled(html)).status_code == 302
    assert Decision.objects.get().confirmed == {
        "it.source": "A guess", "it.period": FORMS["report"]["period"], "it.basis": FORMS["report"]["basis"],
    }  # fmt: skip


def test_a_tick_alone_is_compared_with_what_stands_there() -> None:
    """Also where the page says that it read the rest as it is."""
    manager, approval = company("report")
    client = client_of(manager)
    ticks = boxes(client.get(at(approval, "")).content.decode())
    now_says(approval, "source", "A guess")
    fresh = filled(client.get(at(approval, "")).content.decode())
    for old in (ticks["tick.1.it.source"], "on"):
        assert client.post(at(approval), {**fresh, "tick.1.it.source": old}).status_code == 409
    assert Decision.objects.count() == 0


@pytest.mark.parametrize(("variant", "fact"), [("deploy", "tests"), ("contract", "standing"), ("discount", "cost")])
def test_what_a_panel_showed_is_what_is_decided(variant: str, fact: str) -> None:
    manager, approval = company(variant)
    client = client_of(manager)
    sent = filled(client.get(at(approval, "")).content.decode())
    if approval.risk == "high":
        check = client.post(at(approval), sent)
        assert check.status_code == 200
        sent = filled(check.content.decode())
        assert sent["seal"]
    now_says(approval, fact, "9")
    answer = client.post(at(approval), sent)
    assert answer.status_code == 409
    assert "changed while you were reading" in text_of(answer)
    without = {name: value for name, value in sent.items() if name != "evidence"}
    assert client.post(at(approval), without).status_code == 409
    assert Decision.objects.count() == 0


def test_that_it_changed_is_said_before_the_check_page() -> None:
    manager, approval = company("deploy")
    client = client_of(manager)
    sent = filled(client.get(at(approval, "")).content.decode())
    now_says(approval, "tests", "3 failed")
    answer = client.post(at(approval), sent)
    assert answer.status_code == 409
    assert "Check before it counts" not in text_of(answer)


def test_who_looked_again_goes_on_with_what_they_saw() -> None:
    """`Check again` on the check page: the answer is for what that page shows now."""
    manager, approval = company("deploy")
    client = client_of(manager)
    check = client.post(at(approval), filled(client.get(at(approval, "")).content.decode()))
    now_says(approval, "tests", "3 failed")
    again = client.post(at(approval, "look-again/"), filled(check.content.decode()))
    assert "Check before it counts" in text_of(again)
    assert client.post(at(approval), filled(again.content.decode())).status_code == 302
    assert Decision.objects.count() == 1


def test_evidence_that_changed_is_said_also_without_a_panel(company: Small) -> None:
    _case, approval = company.waiting()
    client = client_of(User.objects.get(username="may"))
    sent = filled(client.get(at(approval, "")).content.decode(), option="full")
    now_says(approval, "total", "120.00")
    assert client.post(at(approval), sent).status_code == 409
    assert Decision.objects.count() == 0


def test_what_is_decided_together_is_what_was_shown() -> None:
    manager, approval = company("voucher")
    Approval.objects.update(risk="low")
    cache.clear()
    client = client_of(manager)
    html = client.get(f"/approvals/bulk/?a={approval.pk}").content.decode()
    row = re.search(r'name="row" value="([^"]+)"', html)
    assert row and "Budget left this month" in html
    now_says(approval, "budget_left", "10.00")
    for sent in (row[1], f"{approval.pk}.{approval.fingerprint}"):
        pk, _dot, shown = sent.partition(".")
        done = bulk.decide_each(
            actor=person(manager), seen=[(pk, shown)], option="go", nonce=f"n-{len(sent)}", language="en"
        )
        assert [one.approved for one in done] == [False]
    assert Decision.objects.count() == 0


# ---------------------------------------------------------------------- programs


def body(approval: Approval, confirmed: Any) -> dict[str, Any]:
    return {"fingerprint": approval.fingerprint, "option": "go", "confirmed": confirmed}


def test_a_program_confirms_by_the_text_or_by_its_digest() -> None:
    manager, approval = company("report")
    digests = boxes(client_of(manager).get(at(approval, "")).content.decode())
    said = {f"it.{name}": text for name, text in FORMS["report"].items()} | {"it.basis": digests["tick.1.it.basis"]}
    own = program("staff", "decide", user=manager)
    path = f"approvals/{approval.pk}/decision/"
    wrong = own.post(path, body(approval, {**said, "it.source": "Another ledger"}))
    assert (wrong.status_code, wrong.json()["code"]) == (409, "changed")
    assert "Data source" in wrong.json()["message"]
    assert own.post(path, body(approval, {"it.source": said["it.source"]})).status_code == 422
    answer = own.post(path, body(approval, said))
    assert answer.status_code == 200, answer.content
    assert Decision.objects.get().confirmed == {f"it.{name}": text for name, text in FORMS["report"].items()}


def test_names_alone_confirm_only_what_nobody_saw_otherwise() -> None:
    """A list of names, as programs sent it so far: it stands for what the approval was raised with."""
    manager, approval = company("report")
    own, path = program("staff", "decide", user=manager), f"approvals/{approval.pk}/decision/"
    names = [f"it.{name}" for name in FORMS["report"]]
    now_says(approval, "source", "A guess")
    assert own.post(path, body(approval, names)).json()["code"] == "changed"
    with pytest.raises(Changed):
        services.decide(
            actor=person(manager), approval_id=approval.pk, fingerprint=approval.fingerprint, option="go",
            confirmed=names,
        )  # fmt: skip
    assert Decision.objects.count() == 0
    now_says(approval, "source", None)
    Operation.objects.filter(name="desk.write").update(shows={"as": "report"})
    with pytest.raises(Incorrect):
        services.decide(
            actor=person(manager), approval_id=approval.pk, fingerprint=approval.fingerprint, option="go",
            confirmed=dict.fromkeys(names, ""),
        )  # fmt: skip


def test_names_alone_still_confirm_what_did_not_change() -> None:
    manager, approval = company("report")
    own = program("staff", "decide", user=manager)
    names = [f"it.{name}" for name in FORMS["report"]]
    assert own.post(f"approvals/{approval.pk}/decision/", body(approval, names)).status_code == 200


@pytest.mark.parametrize(("variant", "fact"), [("contract", "standing"), ("discount", "cost")])
def test_a_program_decides_on_the_evidence_that_it_read(variant: str, fact: str) -> None:
    """A panel without ticks: what it showed is named by its digest, and unsaid it is what people were asked with."""
    manager, approval = company(variant)
    Approval.objects.update(risk="medium")
    own, path = program("staff", "decide", user=manager), f"approvals/{approval.pk}/"
    read = own.get(path).json()["evidence_digest"]
    now_says(approval, fact, "9")
    for sent in ({}, {"evidence_digest": read}):
        answer = own.post(f"{path}decision/", body(approval, []) | sent)
        assert (answer.status_code, answer.json()["code"]) == (409, "changed"), answer.json()
    assert Decision.objects.count() == 0
    read = own.get(path).json()["evidence_digest"]
    assert answer.json()["detail"]["evidence_digest"] == read
    assert own.post(f"{path}decision/", body(approval, []) | {"evidence_digest": read}).status_code == 200


def test_a_program_confirms_nothing_that_is_not_there() -> None:
    manager, approval = company("report")
    own, path = program("staff", "decide", user=manager), f"approvals/{approval.pk}/decision/"
    answer = own.post(path, body(approval, [*(f"it.{name}" for name in FORMS["report"]), "it.sorce"]))
    assert (answer.status_code, answer.json()["detail"]["fields"]) == (422, {"confirmed": ["it.sorce"]})
    assert "it.sorce" in answer.json()["message"] and Decision.objects.count() == 0


# ---------------------------------------------------------------------- looking again


def test_who_has_it_open_is_told_that_the_evidence_changed(company: Small) -> None:
    _case, approval = company.waiting()
    may, ken = (client_of(User.objects.get(username=name)) for name in ("may", "ken"))
    ken.get(at(approval, ""))
    sent = filled(may.get(at(approval, "")).content.decode(), option="full")
    may.post(at(approval, "look-again/"), sent)
    approval.refresh_from_db()
    assert approval.changed_at is None  # nothing changed, so nobody is stirred
    company.shop.orders["A100"]["total"] = 120
    may.post(at(approval, "look-again/"), sent)
    approval.refresh_from_db()
    assert approval.changed_at is not None
    assert "changed since you opened it" in text_of(ken.get("/approvals/"))
