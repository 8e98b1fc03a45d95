"""A03: an approval holds for the arguments, the case, the record and the versions that were seen, and for nothing else.

Each variant changes one thing after the decision, in the stored rows or by asking anew, and says whether that is a
change. A real one is never sent without another decision; another order of keys or another spelling of the same
number is none, and goes out.
"""

import json
import random
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from django.db import connection

from agents.models import Operation, Proposal, Write
from approvals.models import Approval
from cases.models import Case
from orchestrator.flow.calls import CallAnswer, call
from tests.company import Small
from tests.guarantees import Size, guarantee

pytestmark = pytest.mark.beside

Arguments = dict[str, Any]
REASON = "Caf\u00e9 delivery 3 days late"
DECIDED: Arguments = {"payment_id": "p1", "amount": 100, "reason": REASON}


@dataclass(frozen=True)
class Variant:
    """One change of the arguments. `real`: it has to be decided again."""

    name: str
    change: Callable[[Arguments, random.Random], Arguments]
    real: bool = True


def _put(name: str, value: Callable[[random.Random], Any]) -> Callable[[Arguments, random.Random], Arguments]:
    return lambda arguments, rng: arguments | {name: value(rng)}


def _spoil(arguments: Arguments, rng: random.Random, character: str) -> Arguments:
    at = rng.randrange(len(REASON) + 1)
    return arguments | {"reason": REASON[:at] + character + REASON[at:]}


def _shuffled(arguments: Arguments, rng: random.Random) -> Arguments:
    names = list(arguments)
    rng.shuffle(names)
    return {name: arguments[name] for name in names}


ARGUMENTS = [
    Variant("another amount", _put("amount", lambda rng: rng.choice([101, 99, 1, 100.01, 1000, 99.99, 10_000]))),
    Variant("the amount as text", _put("amount", lambda rng: rng.choice(["100", "100.0", " 100", "1e2", "１００"]))),
    Variant("the amount in a list", _put("amount", lambda rng: rng.choice([[100], {"value": 100}, [100, 100]]))),
    Variant("another sign", _put("amount", lambda _rng: -100)),
    Variant("composed letters taken apart", _put("reason", lambda _rng: unicodedata.normalize("NFD", REASON))),
    Variant("compatibility letters", _put("reason", lambda _rng: REASON.replace("3", "\uff13"))),
    Variant("a space more", lambda arguments, rng: _spoil(arguments, rng, " ")),
    Variant("a character that is not seen", lambda a, rng: _spoil(a, rng, rng.choice("\u200b\u200d\u2060\ufeff\u202e"))),
    Variant("another case of letters", _put("reason", lambda rng: rng.choice([REASON.upper(), REASON.lower()]))),
    Variant("a field more", lambda arguments, rng: arguments | {rng.choice(["pin", "note", "Amount", "to"]): "1"}),
    Variant("a field less", lambda arguments, _rng: {k: v for k, v in arguments.items() if k != "reason"}),
    Variant("an empty field", _put("reason", lambda rng: rng.choice([None, "", False, 0]))),
    Variant("another payment of the customer", _put("payment_id", lambda _rng: "p3")),
    Variant("another order of keys", _shuffled, real=False),
    Variant("the same number spelled otherwise", _put("amount", lambda rng: rng.choice([100.0, 1e2])), real=False),
]  # fmt: skip


def sql(query: str, values: list[Any]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        assert cursor.rowcount


def _row(name: str, column: str, value: Callable[[random.Random], Any]) -> Callable[[Case, random.Random], None]:
    """A change of one column of the write or its proposal."""
    table = "agents_write" if name == "write" else "agents_proposal"
    where = "case_id = %s AND decided IS NOT NULL" if name == "write" else "case_id = %s"
    return lambda case, rng: sql(f"UPDATE {table} SET {column} = %s WHERE {where}", [value(rng), case.pk])


def _other_operation(_rng: random.Random) -> int:
    return Operation.objects.get(name="shop.voucher").pk


ROWS: dict[str, Callable[[Case, random.Random], None]] = {
    "another operation of the system": _row("write", "operation_id", _other_operation),
    "another version of the record": _row(
        "write", "target_version", lambda rng: json.dumps(f"v{rng.randrange(2, 99)}")
    ),
    "another turn": _row("proposal", "turn", lambda rng: rng.randrange(2, 9)),
    "another map or rule": _row("proposal", "versions", lambda rng: json.dumps({"map": rng.randrange(10**6)})),
    "another fact": _row("proposal", "facts", lambda rng: json.dumps({"tier": f"tier {rng.randrange(99)}"})),
}


def asked(company: Small, order: str = "A100") -> tuple[Case, CallAnswer]:
    """A case in which the courier asked for the refund."""
    case = company.go(company.receive("outside", order=order))
    return case, ask(company, case, DECIDED)


def ask(company: Small, case: Case, arguments: Arguments) -> CallAnswer:
    return call(actor=company.courier(), case_id=case.pk, operation="shop.refund", arguments=arguments, turn=case.turn)


def decided(company: Small) -> Case:
    case, answer = asked(company)
    company.decide(Approval.objects.get(pk=answer.approvals[0]), "do")
    return case


@guarantee("A03", ci=20, release=200)
def test_what_is_stored_after_the_decision_is_sent_only_if_it_is_the_same(company: Small, size: Size) -> None:
    """Even the database's own owner cannot put other arguments under a permit that stands."""
    names = [v.name for v in ARGUMENTS] + list(ROWS)
    reached = 0
    for n in size.each():
        rng, name = random.Random(n), names[n % len(names)]
        case = decided(company)
        before = len(company.shop.done)
        variant = next((v for v in ARGUMENTS if v.name == name), None)
        if variant is None:
            ROWS[name](case, rng)
        else:
            changed = json.dumps(variant.change(DECIDED, rng))
            sql("UPDATE agents_write SET decided = %s WHERE case_id = %s AND option = 'do'", [changed, case.pk])
        company.go(case)
        sent = len(company.shop.done) > before
        reached += sent
        if sent == (variant is None or variant.real):
            size.failed(f"{name}: {'sent' if sent else 'not sent'}")
        if not sent and company.told(case, "write.not_started")["why"] not in ("fingerprint", "turn"):
            size.failed(f"{name}: no reason was told")
    assert reached == sum(n % len(names) in (13, 14) for n in range(size.tried)), "the same was not sent"


@guarantee("A03", ci=len(ARGUMENTS), release=150)
def test_an_agent_that_asks_with_other_arguments_is_decided_anew(company: Small, size: Size) -> None:
    """After the refund was decided and done, the same call finds it; any other one waits for people or is refused."""
    for n in size.each():
        rng, variant = random.Random(n), ARGUMENTS[n % len(ARGUMENTS)]
        case = decided(company)
        company.go(case)
        done, [first] = len(company.shop.done), Proposal.objects.filter(case=case)
        try:
            answer = ask(company, case, variant.change(DECIDED, rng))
        except Exception as refusal:
            if not variant.real or type(refusal).__name__ not in ("BadArguments", "Refused"):
                size.failed(f"{variant.name}: {refusal}")
        else:
            same = answer.proposal_id == str(first.pk) and answer.status == "done"
            waits = answer.proposal_id != str(first.pk) and answer.status == "waiting"
            if not (waits if variant.real else same):
                size.failed(f"{variant.name}: {answer.status}")
        company.go(case)
        if len(company.shop.done) != done:
            size.failed(f"{variant.name} was sent")


@guarantee("A03", ci=1, release=20)
def test_a_permit_counts_in_its_own_case_only(company: Small, size: Size) -> None:
    """Permit, decision and fingerprint copied to the same payload of another case: not sent there."""
    for _n in size.each():
        case = decided(company)
        other, _answer = asked(company)
        mine, theirs = Write.objects.get(case=case, option="do"), Write.objects.get(case=other, option="do")
        names = ("permit_fingerprint", "permit_source", "permit_until", "permit_epoch", "placed_at", "decided", "state")
        Write.objects.filter(pk=theirs.pk).update(**{name: getattr(mine, name) for name in names})
        Proposal.objects.filter(case=other).update(state="permitted", decided="do", fingerprint=mine.permit_fingerprint)
        Case.objects.filter(pk=other.pk).update(wake_at=Case.objects.get(pk=case.pk).wake_at)
        before = len(company.shop.done)
        company.go(other)
        if len(company.shop.done) != before:
            size.failed("sent in another case")
        assert company.told(other, "write.not_started")["why"] == "fingerprint"
        company.go(case)
        assert len(company.shop.done) == before + 1, "the one that was decided"
