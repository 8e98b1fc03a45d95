"""The story tells every event that the code can write, in both languages, and leaves out nothing it does not know."""

import re
from pathlib import Path

import pytest
from django.utils import translation

from cases import story
from cases.models import Team
from tests.company import Small

ROOT = Path(__file__).resolve().parents[2]
CODE = re.compile(r'(?:Entry|record)\(\s*"((?:[a-z]+)\.(?:[a-z_]+))"')
OF_THE_COMPANY = (
    "token",
    "people",
    "policy",
    "standing",
    "ai",
    "map",
    "account",
    "ledger",
    "channel",
)  # no case's timeline


def codes() -> set[str]:
    """Event codes that stand in the source as they are."""
    files = [path for app in ("cases", "agents", "approvals", "orchestrator") for path in (ROOT / app).rglob("*.py")]
    return {code for path in files for code in CODE.findall(path.read_text())}


def test_every_code_of_a_case_has_a_sentence_of_its_own() -> None:
    found = {code for code in codes() if not code.startswith(OF_THE_COMPANY)}
    assert len(found) > 20
    assert sorted(found - set(story.SENTENCES)) == []


@pytest.mark.parametrize("code", sorted(story.SENTENCES))
@pytest.mark.parametrize("language", ["en", "zh-hant"])
def test_a_sentence_needs_no_details(code: str, language: str) -> None:
    """Details can be erased; the sentence must still stand."""
    with translation.override(language):
        words = story.sentence(code, "May Lee (may.lee)", {})
    assert words
    assert "%(" not in words
    assert "(may.lee)" not in words


def test_an_unknown_code_is_told_by_its_name() -> None:
    assert story.sentence("dragon.flew", "control layer", {}) == "Control layer: dragon flew."
    assert story.kind_of("dragon.flew") == "request"


def test_a_decision_tells_what_was_changed_and_why() -> None:
    data = {
        "option_title": {"en": "Full refund", "zh-hant": "全數退款"},
        "edits": {"refund": {"amount": 300}},
        "before": {"refund": {"amount": 480}},
        "reason": "Half was on time",
    }
    words = story.sentence("approval.decided", "May Lee (may.lee)", data)
    assert words == "May Lee decided: Full refund. Changed amount from 480 to 300. Reason: Half was on time"


def test_every_kind_is_found_again_by_its_codes_and_areas() -> None:
    for code in story.SENTENCES:
        kind = story.kind_of(code)
        named, areas = story.codes_of(kind)
        assert code in named or (code.startswith(tuple(areas)) and code not in story.other_codes(kind)), code


def test_why_a_case_is_here_is_one_sentence() -> None:
    why = {"code": "missing_data", "missing": [{"en": "Order number", "zh-hant": "訂單編號"}]}
    assert story.why_here(why) == "AI stopped: Order number not found."
    assert story.why_here({}) == ""


def test_a_case_that_goes_to_a_team_is_told_with_its_title_in_the_language_of_the_reader(company: Small) -> None:
    """The story said `support has the case now`: the name of the record, in Chinese too."""
    team = Team.objects.get(name="support")
    team.title = {"en": "Customer support", "zh-hant": "客戶服務"}
    team.save()
    company.shop.faults["/orders"] = ["400"] * 9
    told = company.told(company.go(company.receive()), "case.with_people")
    assert "Customer support has the case now." in story.sentence("case.with_people", "control layer", told)
    missing = {str(one) for one in told["why"]["missing"]}
    assert missing == {"Payments", "Total"}  # not `payment_ids[0]`
    with translation.override("zh-hant"):
        assert "個案現由客戶服務處理" in story.sentence("case.with_people", "control layer", told)
