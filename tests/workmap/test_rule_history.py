"""The history of a rule reads as its sentence, with the words struck and added; going back makes a new version."""

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from approvals.models import Rule
from orchestrator.workmap.ruling.sentence_changes import pieces
from tests.workmap.test_admin import filled, send
from tests.workmap.test_ruling import page

__all__ = ["page"]


def test_it_marks_words_and_in_chinese_signs() -> None:
    old, new = "If it is over HK$300.00, ask managers.", "If it is over HK$250.00, ask two managers."
    found = pieces(old, new)
    assert ("gone", "HK$300.00,") in found and ("new", "HK$250.00,") in found
    assert "".join(text for kind, text in found if kind != "gone") == new
    assert "".join(text for kind, text in found if kind != "new") == old
    assert ("new", "兩") in pieces("問經理", "問兩經理") and pieces("a", "a") == [("same", "a")]


def changed_four_times(page: Client) -> Rule:
    rule = Rule.objects.get(name="refund-over-300")
    for value in ("310", "320", "330"):
        assert send(page, rule, s_0_value=value).redirect_chain
    rule.refresh_from_db()
    assert rule.version == 4
    return rule


def test_the_history_strikes_what_is_gone_and_adds_what_is_new(page: Client) -> None:
    rule = changed_four_times(page)
    text = page.get(reverse("admin:approvals_rule_history", args=[rule.pk])).content.decode()
    assert "<del>HK$320.00</del><ins>HK$330.00</ins>" in text and "Go back to version 3" in text
    assert "Go back to version 4" not in text  # it is the one in force
    assert text.count("<del>") >= 6  # three changes in two languages


def test_going_back_to_version_3_makes_version_5(page: Client) -> None:
    rule = changed_four_times(page)
    third = rule.history.get(version=3)
    url = reverse("admin:approvals_rule_simple_history", args=[rule.pk, third.history_id])
    data = {**filled(page, url), "change_reason": "It was right", "edit_as": ""}
    answer = page.post(url, {name: value for name, value in data.items() if not name.startswith("s_")})
    assert answer.status_code == 302
    rule.refresh_from_db()
    assert rule.version == 5 and rule.when["all"][0]["value"] == 320
    assert rule.history.first().history_change_reason == "It was right"
    assert "HK$320.00" in rule.sentence["en"]


def test_the_history_asks_as_much_at_2_as_at_12_versions(page: Client) -> None:
    rule = Rule.objects.get(name="refund-over-300")
    counted = []
    for values in (range(301, 303), range(401, 411)):
        for value in values:
            send(page, rule, s_0_value=str(value))
        with CaptureQueriesContext(connection) as queries:
            page.get(reverse("admin:approvals_rule_history", args=[rule.pk]))
        counted.append(len(queries))
    assert counted[0] == counted[1], "\n".join(q["sql"][:150] for q in queries)
