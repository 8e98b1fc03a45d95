"""A person has a write of unknown outcome looked up again: what that finds stands, and nothing else."""

from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F

from agents import executor, services
from agents.models import Write
from cases.ledger import verify
from cases.models import Case
from tests.company import Small


def unknown(company: Small) -> Case:
    """A gift of which nobody knows whether it was given: long enough ago for a look-up to tell."""
    company.shop.faults["/gifts"] = ["cut"]
    case, approval = company.waiting("gifts")
    company.decide(approval, "gift")
    company.go(case)
    assert company.write(case, "gift").state == "unknown"
    Write.objects.filter(case=case).update(reserved_at=F("reserved_at") - timedelta(hours=1))
    return case


def look_up(company: Small, case: Case) -> None:
    services.reconcile(actor=company.as_("ka"), write_id=company.write(case, "gift").pk)


def test_what_was_found_not_done_is_done_as_it_was_decided(company: Small) -> None:
    """Looking it up takes no decision back, and asks nobody a second time."""
    case = unknown(company)
    look_up(company, case)
    assert company.write(case, "gift").state == company.proposal(case).state == "permitted"
    assert company.later(case).status == "done" and len(company.shop.effects("/gifts")) == 1
    assert company.codes(case).count("approval.asked") == 1 and verify().first_broken is None


def test_a_look_up_from_before_the_next_sending_tells_nothing(racing: Small, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the system took its time to say that it had not been done, a worker sent it again, and it was done."""
    case, real = unknown(racing), executor.recover

    def slow(*given: Any) -> Any:
        monkeypatch.undo()
        found = real(*given)
        racing.shop.faults["/gifts"] = ["cut_after"]
        racing.later(case)
        racing.later(case)
        assert racing.write(case, "gift").claim == 2 and len(racing.shop.effects("/gifts")) == 1
        return found

    monkeypatch.setattr(executor, "recover", slow)
    look_up(racing, case)
    assert racing.write(case, "gift").state == "unknown"
    racing.shop.done[0]["key"] = str(racing.write(case, "gift").pk)  # now it shows
    assert racing.later(case).status == "done"
    assert len(racing.shop.effects("/gifts")) == 1
