"""A rule tried on the past, in the worker: 100,000 cases and 50 rules in 30 seconds at the release size.

CPU seconds of this process are measured, so that other work on the machine does not count.
"""

import time
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from agents.models import Proposal
from approvals.models import StandingApproval
from cases.clock import database_now
from orchestrator.workmap import services
from orchestrator.workmap.ruling import trials
from tests.guarantees import Size
from tests.workmap.maps import of, shop
from tests.workmap.pasts import finished
from tests.workmap.test_replaying import BY, capped, rule

RULES = 50
SECONDS = 30.0  # for 100,000 cases
TO_BEGIN = 3.0  # until each verdict that there is was judged once
PERIOD = timedelta(days=40)


def rules() -> list[dict[str, Any]]:
    """Of every kind, and a standing approval with caps that everything passes through."""
    made = [capped(per_day=20, total_per_day=4_000)]
    for n in range(RULES - 1):
        over = {"argument": "amount", "is": "more than", "value": 200 + 13 * n}
        often = {"fact": "refunds_90d", "is": "at least", "value": 1 + n % 3}
        sums = {"formula": f"order_total * {n} / 10", "is": "more than", "value": 3_000}
        tier = {"argument": "payment_id", "is": "one of", "value": ["P-1", f"P-{n}"]}
        made.append(rule(f"r{n}", {"ask": ("heads", "support-managers")[n % 2]}, over, (often, sums, tier)[n % 3]))
    return made


@pytest.mark.django_db(transaction=True)
@pytest.mark.guarantee("ux 4.8", ci=4_000, release=100_000, seconds=300)
def test_a_rule_is_tried_on_the_past_in_time(size: Size) -> None:
    whole = shop()
    whole["rules"] = rules()
    services.load(actor=BY, text=of(whole))
    may = User.objects.create(username="may.lee")
    StandingApproval.objects.update(confirmed_at=timezone.now(), rule_version=1, confirmed_by=may)
    amounts = [str(50 + 7 * (n % 120)) for n in range(size.number)]
    finished(amounts, [("agreed", "refused", "changed", "nobody")[n % 4] for n in range(size.number)], days=30)
    now = timezone.now()
    changed = rule("r7", {"ask": "heads"}, {"argument": "amount", "is": "more than", "value": 150})
    trial = trials.start(actor=BY, rule=changed, since=now - PERIOD, until=now, now=now)
    size.tried = Proposal.objects.count()
    begun, wall = time.process_time(), time.monotonic()
    trials.work(now=database_now)
    cpu = time.process_time() - begun
    trial.refresh_from_db()
    assert trial.state == "done" and trial.result["proposals"] == size.number and trial.result["used_up_now"]
    print(f"{size.number} cases x {RULES} rules: {cpu:.1f} s CPU, {time.monotonic() - wall:.1f} s")
    assert cpu <= SECONDS * size.number / 100_000 + (0 if size.release else TO_BEGIN)
