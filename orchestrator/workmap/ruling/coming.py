"""What waits for a rule: drafts without a second person, changes with a start time, approvals that keep theirs."""

from dataclasses import dataclass

from approvals.models import Draft, Rule
from approvals.starting import keeping
from cases.texts import LANGUAGES
from orchestrator.workmap.ruling.sentence_changes import Piece, pieces

TAGS = {"en": "en-HK", "zh-hant": "zh-Hant-HK"}


@dataclass(frozen=True, slots=True)
class Coming:
    """One change that is not in force: the sentence as it would read, against the one that is."""

    draft: Draft
    said: list[tuple[str, list[Piece]]]  # language of the page's `lang`, words gone and new


def coming(rule: Rule) -> list[Coming]:
    """The changes of this rule that wait, the soonest first. One question."""
    drafts = Draft.objects.filter(what="rule", name=rule.name, state__in=Draft.WAITING).order_by("starts_at", "pk")
    return [Coming(draft, said(draft, rule)) for draft in drafts]


def said(draft: Draft, rule: Rule | None) -> list[tuple[str, list[Piece]]]:
    """The sentence of a draft in each language, against the one in force."""
    before = rule.sentence if rule is not None else {}
    return [
        (TAGS.get(code, code), pieces(before.get(code, ""), draft.sentence.get(code, "")))
        for code in LANGUAGES
        if code in draft.sentence
    ]


def waiting(rule: Rule) -> int:
    """How many approvals wait and keep the version they show. One question."""
    return keeping(rule.name).count()
