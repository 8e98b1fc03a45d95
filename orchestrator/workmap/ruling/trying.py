"""The rule of the page on one case: who would be asked, and why. What was proposed there is judged as in a replay."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from agents.configuration import Configuration
from agents.models import Proposal
from approvals import grounds, hiding
from approvals.live_rules import live_rules
from approvals.masks import Masks
from approvals.rules import Verdict
from cases.models import Case
from cases.texts import say
from cases.wording import money
from orchestrator.workmap.records import Record
from orchestrator.workmap.ruling import offering, past
from orchestrator.workmap.ruling.previewing import is_rule, title
from orchestrator.workmap.ruling.replaying import Replay, spec_of
from orchestrator.workmap.ruling.staffing import Staff

MOST = 5  # proposals of a case, the newest
_NUMBER = re.compile(r"(?:c-?)?([0-9]{1,12})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Tried:
    """One proposal of the case: what it was, what would come of it now, and with the rule of the page."""

    what: str
    now: str
    with_it: str
    because: list[str]


def on_case(
    rule: Record, number: str, config: Configuration, there: Staff, *, user: Any, now: datetime
) -> tuple[str, list[Tried]]:
    """(what is wrong, what came of it): only for a case that `user` may see; others are not there."""
    match = _NUMBER.fullmatch(number.strip())
    case = None if match is None else Case.objects.visible_to(user).filter(pk=int(match[1])).first()
    if case is None:
        return _("There is no case %(number)s that you may see.") % {"number": number.strip()[:20]}, []
    if not is_rule(rule):
        return _("The rule is not complete yet."), []
    spec = spec_of(rule)
    today = now.astimezone(config.zone).date()
    replay = Replay(config, live_rules(config), name=spec.name, changed=spec, today=today, one_by_one=True)
    found = past.read(past.of_case(case.pk), config)
    if not found:
        return _("Nothing was proposed in this case yet, so there is nothing to judge."), []
    sentence = offering.in_words(config, rule)
    masks = hiding.masks_of(case.pk)
    tried = [_tried(one, replay, rule, sentence, config, there, masks) for one in found]  # caps go in the order of time
    return "", tried[::-1][:MOST]


def _tried(
    one: past.Past,
    replay: Replay,
    rule: Record,
    sentence: dict[str, str],
    config: Configuration,
    there: Staff,
    masks: Masks,
) -> Tried:
    now, then, _matched, missing = replay.verdicts(one)
    language = offering.language()
    what = ", ".join(dict.fromkeys(say(w.operation.title, language) or w.operation.name for w in one.writes))
    amount = f" {money(one.money, config.company.currency)}" if one.money else ""
    because = _because(then, rule, sentence, replay, masks)
    if missing:
        because.append(_("Not known, because it was not stored: %(names)s.") % {"names": ", ".join(sorted(missing))})
    return Tried(f"{what}{amount}", _said(now, config, there), _said(then, config, there), because)


def _said(verdict: Verdict, config: Configuration, there: Staff) -> str:
    """`would ask Support managers (May Lee, Ken Ho), 2 people`."""
    if verdict.kind == "forbid":
        return _("would be forbidden")
    if verdict.kind == "standing":
        by = [there.known(cap.by) for cap in verdict.standing]
        names = ", ".join(one.name if one else cap.by for one, cap in zip(by, verdict.standing, strict=True))
        return _("would go as approved beforehand by %(names)s") % {"names": names}
    if verdict.kind == "nothing":
        return _("would go by itself")
    asked = []
    for ask in verdict.asks:
        names = ", ".join(one.name for one in there.active(ask.team)) or _("nobody is there")
        people = _(", %(n)s people") % {"n": ask.people} if ask.people > 1 else ""
        asked.append(f"{title(ask.team, config)} ({names}){people}")
    joined = _(", then ") if verdict.order == "one_after_the_other" else _(" and at once ")
    return _("would ask %(who)s") % {"who": joined.join(asked)}


def _because(verdict: Verdict, rule: Record, sentence: dict[str, str], replay: Replay, masks: Masks) -> list[str]:
    """The rules that won with what they compared, as the page of an approval says it."""
    sentences = {**replay.live.sentences, str(rule["name"]): sentence}
    rows = [{**one.as_json(), "sentence": sentences.get(one.name, "")} for one in verdict.results if one.won]
    found = grounds.rules_of(Proposal(rules=rows), offering.language(), {}, ("amount",), replay.currency, masks=masks)
    said = [" ".join([one.sentence, *(f"({line})" for line in one.compared)]) for one in found]
    return said or list(verdict.reasons)
