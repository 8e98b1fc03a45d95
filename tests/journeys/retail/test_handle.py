"""`manage.py handle`: one request through everything, and its story in sentences."""

import io

import pytest
from django.core.management import CommandError, call_command

from cases.models import Case
from orchestrator.demo.company import cast
from tests.journeys.retail.retailer import Retailer


def handled(text: str, contact: str) -> tuple[Case, list[str]]:
    said = io.StringIO()
    call_command("handle", text, "--from", contact, stdout=said)
    return Case.objects.order_by("-pk")[0], said.getvalue().splitlines()


def test_it_tells_the_story_to_its_end(retailer: Retailer) -> None:
    retailer.standing("fixed-status-reply-pre-approved")
    who = retailer.customer(total=75, promised=2)
    case, lines = handled(f"Where is my order {who.order}?", who.mail)
    assert retailer.comes_to(case, "done").outcome == "automatic"
    assert lines[0].endswith("came in by API.")
    assert any(line.startswith("✎ Written to Messages to customers and checked") for line in lines)
    assert lines[-1] == f"{case.number}: Done. Outcome: finished automatically."
    assert len(lines) == case.seq + 2, "a line for every event"


def test_it_says_who_has_to_decide(retailer: Retailer) -> None:
    who = retailer.customer(total=480, promised=-9)
    case, lines = handled(f"I want my money back for order {who.order}", who.mail)
    retailer.asked(case)
    assert lines[-1].startswith(f"{case.number}: ")
    assert "To be decided by Support managers: Refund" in lines[-1] and "HK$480.00" in lines[-1]


def test_it_says_what_is_wrong_with_the_text(retailer: Retailer) -> None:
    before = Case.objects.count()
    with pytest.raises(CommandError, match="There is no text"):
        call_command("handle", "  ", "--from", cast.EMILY.mail)
    assert Case.objects.count() == before
