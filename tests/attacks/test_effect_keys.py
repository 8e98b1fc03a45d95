"""I05: one key for one approved action, over retries, workers, restarts and a person's look; another for another."""

import contextlib
import random
from collections import defaultdict

import pytest

from agents import executor, services
from agents.models import Write
from approvals.models import Approval
from cases.models import Case
from orchestrator.flow.calls import call
from tests.company import Small, forget
from tests.guarantees import Size, guarantee

pytestmark = pytest.mark.beside

FAULTS = ["503", "429", "cut", "cut_after"]


class Died(BaseException):
    """The worker is gone; nothing after this line of it runs."""


def approved(company: Small, rng: random.Random) -> tuple[Case, str, str]:
    """A decided action: (case, path of its system, option). Many of them have the same arguments."""
    order, option = rng.choice([("A100", "full"), ("A101", "full"), ("A100", "half"), ("A101", "half")])
    case, approval = company.waiting(order=order)
    company.decide(approval, option)
    return case, f"/payments/{'p1' if order == 'A100' else 'p3'}/refunds", option


def worker_dies(company: Small, case: Case, rng: random.Random) -> None:
    """Somewhere around the call; the next worker goes on when the lease is over."""
    with pytest.MonkeyPatch.context() as patch:
        name, real = rng.choice([("send", executor.send), ("record", executor.record)])

        def dying(*args: object, **named: object) -> object:
            if name == "record":
                raise Died
            real(*args, **named)  # type: ignore[operator]
            raise Died

        patch.setattr(executor, name, dying)
        with contextlib.suppress(Died):
            company.go(case)


def keys_sent(company: Small) -> list[str]:
    return [s.headers.get("idempotency-key", "") for s in company.shop.scripted.seen if s.method == "POST"]


@guarantee("I05", ci=20, release=500)
def test_an_action_has_one_key_and_no_other_action_has_it(company: Small, size: Size) -> None:
    """Each action is sent several times: after faults, by another worker, after a restart."""
    action_of: dict[str, str] = {}
    times: dict[str, int] = defaultdict(int)
    for n in size.each():
        rng = random.Random(n)
        case, path, option = approved(company, rng)
        company.shop.faults[path] = [rng.choice(FAULTS) for _n in range(rng.randrange(3))]
        before = len(keys_sent(company))
        if rng.random() < 0.3:
            worker_dies(company, case, rng)
        for _n in range(6):
            if rng.random() < 0.5:
                forget()  # as after a restart: nothing is left in the process
            company.later(case, 400)
            if rng.random() < 0.3 and company.write(case, option).state == "unknown":
                services.reconcile(actor=company.as_("ka"), write_id=company.write(case, option).pk)
        company.shop.faults.clear()
        company.later(case, 400)
        write = company.write(case, option)
        keys = set(keys_sent(company)[before:])
        times[str(write.pk)] = len(keys_sent(company)) - before
        if keys != {str(write.pk)}:
            size.failed(f"{case}: sent with {keys}, its write is {write.pk}")
        if any(action_of.get(key, str(case.pk)) != str(case.pk) for key in keys):
            size.failed(f"{case}: has the key of another action")
        action_of |= dict.fromkeys(keys, str(case.pk))
        done = [d for d in company.shop.effects(path) if d["key"] == str(write.pk)]
        if len(done) != 1 or write.state != "written":
            size.failed(f"{case}: {write.state}, done {len(done)} times")
        company.shop.scripted.seen[:] = [] if n % 50 == 49 else company.shop.scripted.seen
    assert sum(n > 1 for n in times.values()) >= 0.3 * size.tried, "too few were sent more than once"


@guarantee("I05", ci=1, release=20)
def test_the_same_action_approved_again_by_hand_has_a_key_of_its_own(company: Small, size: Size) -> None:
    """It failed, a person wants it once more with the same arguments, and it is decided again: another action."""
    for _n in size.each():
        case = company.go(company.receive("outside"))
        keys = []
        for fault in ("422", ""):
            company.shop.faults["/payments/p1/refunds"] = [fault] if fault else []
            arguments = {"payment_id": "p1", "amount": 7}
            answer = call(
                actor=company.courier(), case_id=case.pk, operation="shop.refund", arguments=arguments, turn=case.turn
            )
            company.decide(Approval.objects.get(pk=answer.approvals[-1]), "do")
            company.go(case)
            keys.append(keys_sent(company)[-1])
        rows = {str(pk) for pk in Write.objects.filter(case=case, option="do").values_list("pk", flat=True)}
        assert len(set(keys)) == 2 and set(keys) == rows
