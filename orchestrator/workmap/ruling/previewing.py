"""The live preview of a rule: the last finished cases of its types, judged with it and without it, in words."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from agents.configuration import Configuration
from approvals.asking import EscalationLines
from approvals.live_rules import live_rules
from cases.wording import SIGNS
from orchestrator.workmap.problems import Report
from orchestrator.workmap.records import Record
from orchestrator.workmap.ruling import past, warning
from orchestrator.workmap.ruling.replaying import Replay, Result, spec_of
from orchestrator.workmap.schema import SHAPES

MOST_CASES = 200
MOST_LINES = 50


@dataclass(frozen=True, slots=True)
class Shown:
    """What the page says: sentences, the load of each team, and the proposals that would go another way."""

    words: list[str]
    teams: list[tuple[str, str, str]]  # team, approvals a week now, with the rule
    rows: list[dict[str, Any]]


def is_rule(rule: Record) -> bool:
    """Whether it has the shape of a rule, so that it can be judged."""
    report = Report()
    SHAPES["rule"].check(rule, (), report)
    return not report


def preview(rule: Record, config: Configuration) -> Result | None:
    """The rule on the last finished cases of its types; None if it is no rule yet. Three questions."""
    if not is_rule(rule):
        return None
    spec = spec_of(rule)
    types = [t.row.pk for t in config.types.values() if not spec.types or t.row.name in spec.types]
    replay = Replay(config, live_rules(config), name=spec.name, changed=spec, most_lines=MOST_LINES)
    replay.add(past.read(past.last_finished(types, MOST_CASES), config))
    return replay.result


def warnings(rule: Record, config: Configuration, result: Result | None) -> list[str]:
    """What a person should know before this is published. One question more: who is there."""
    if result is None:
        return []
    others = [{"name": spec.name, "when": spec.when, "then": spec.then} for spec in live_rules(config).specs]
    lines = EscalationLines(config.lines)
    people = User.objects.filter(is_active=True).values_list("username", "groups__team__name")
    pairs = set(people)
    manned = Counter(team for _name, team in pairs if team)
    return [
        *warning.of_past(result),
        *(words for _code, words in warning.of_rules(rule, others, lines)),
        *warning.of_people(rule, manned, {name for name, _team in pairs}),
        *warning.overlaps(rule, others, lines),
    ]


def shown(result: Result, config: Configuration) -> Shown:
    """The result as people read it."""
    return Shown(words=words(result, config), teams=teams(result, config), rows=_rows(result, config))


def words(result: Result, config: Configuration) -> list[str]:
    """The sums as sentences."""
    if not result.proposals:
        return [_("No finished case of this kind has a proposal yet, so nothing can be said.")]
    money = _money(result.money, config)
    found = [
        _("%(n)s of %(all)s past proposals match (%(money)s).")
        % {"n": result.matched, "all": result.proposals, "money": money},
        _("Today's rules ask people in %(now)s; with this rule it is %(with)s. Then, people were asked in %(then)s.")
        % {"now": result.asked_now, "with": result.asked_with, "then": result.asked_then},
    ]
    if result.forbidden_with:
        found.append(_("It ends in a prohibition in %(n)s.") % {"n": result.forbidden_with})
    new = _("New: %(n)s. People had agreed to %(agreed)s, changed %(changed)s and refused %(refused)s.")
    gone = _("No longer asked: %(n)s. People had agreed to %(agreed)s, changed %(changed)s and refused %(refused)s.")
    for n, answers, one in ((result.new, result.new_answers, new), (result.gone, result.gone_answers, gone)):
        found.append(one % {"n": n, **{key: answers[key] for key in ("agreed", "changed", "refused")}})
    minutes = (result.seconds_with - result.seconds_now) / 60 / result.weeks
    found.append(
        _("Time of people: %(minutes)s minutes a week (at 10, 25 or 90 seconds for each decision, by risk).")
        % {"minutes": f"{minutes:+.1f}"}
    )
    if result.cannot_know:
        names = ", ".join(f"{name} ({n})" for name, n in result.lacking.most_common(5))
        found.append(
            ngettext(
                "In %(n)s case this cannot be known, because it was not stored: %(names)s.",
                "In %(n)s cases this cannot be known, because it was not stored: %(names)s.",
                result.cannot_know,
            )
            % {"n": result.cannot_know, "names": names}
        )
    return found


def teams(result: Result, config: Configuration) -> list[tuple[str, str, str]]:
    """Approvals a week for each team, now and with the rule."""
    names = sorted({*result.teams_now, *result.teams_with})
    return [
        (
            title(name, config),
            f"{result.teams_now[name] / result.weeks:.1f}",
            f"{result.teams_with[name] / result.weeks:.1f}",
        )
        for name in names
    ]


def title(team: str, config: Configuration) -> str:
    row = config.teams.get(team)
    return (row.shown if row is not None else "") or team


def _rows(result: Result, config: Configuration) -> list[dict[str, Any]]:
    kinds = {
        "ask": _("asks"),
        "forbid": _("forbidden"),
        "standing": _("approved beforehand"),
        "nothing": _("goes by itself"),
    }
    answers = {"agreed": _("agreed"), "changed": _("changed"), "refused": _("refused"), "nobody": _("nobody was asked")}

    def said(kind: str, names: tuple[str, ...]) -> str:
        return f"{kinds[kind]} {', '.join(title(name, config) for name in names)}".strip()

    return [
        {
            "number": f"C-{line.case_id}",
            "case_id": line.case_id,
            "money": _money(line.money, config),
            "now": said(line.now, line.teams_now),
            "with": said(line.then, line.teams_then),
            "answer": answers[line.answer],
        }
        for line in result.lines
    ]


def _money(amount: Any, config: Configuration) -> str:
    return f"{SIGNS.get(config.company.currency, config.company.currency + ' ')}{amount:,.2f}"
