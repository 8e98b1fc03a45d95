"""The live preview of a rule: the last finished cases of its types, judged with it and without it, in words."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from agents.configuration import Configuration
from approvals.live_rules import live_rules
from cases.models import Case
from cases.wording import SIGNS
from orchestrator.workmap.problems import Report
from orchestrator.workmap.records import Record
from orchestrator.workmap.ruling import past
from orchestrator.workmap.ruling.replaying import Replay, spec_of
from orchestrator.workmap.ruling.results import Result
from orchestrator.workmap.ruling.staffing import Staff
from orchestrator.workmap.schema import SHAPES

MOST_CASES = 200
MOST_LINES = 50


@dataclass(frozen=True, slots=True)
class Shown:
    """What the page says: sentences, what stays unknown, the load of each team, and the proposals one by one. `unseen`:
    how many of them are not shown."""

    words: list[str]
    unknown: list[str]
    teams: list["Load"]
    rows: list[dict[str, Any]]
    unseen: int


@dataclass(frozen=True, slots=True)
class Load:
    """What one team has to decide a week, now and with the rule: approvals, of them for each person, and minutes."""

    team: str
    people: int
    now: str
    with_it: str
    each_now: str
    each_with: str
    minutes_now: str
    minutes_with: str


def is_rule(rule: Record) -> bool:
    """Whether it has the shape of a rule, so that it can be judged."""
    report = Report()
    SHAPES["rule"].check(rule, (), report)
    return not report


def preview(rule: Record, config: Configuration, *, now: datetime, only_changed: bool = False) -> Result | None:
    """The rule on the last finished cases of its types; None if it is no rule yet. Three questions."""
    if not is_rule(rule):
        return None
    spec = spec_of(rule)
    types = [t.row.pk for t in config.types.values() if not spec.types or t.row.name in spec.types]
    replay = Replay(
        config,
        live_rules(config),
        name=spec.name,
        changed=spec,
        today=now.astimezone(config.zone).date(),
        most_lines=MOST_LINES,
        only_changed=only_changed,
    )
    replay.add(past.read(past.last_finished(types, MOST_CASES), config))
    return replay.result


def seen_by(user: Any, result: Result) -> Result:
    """The sums of all cases, single lines of those that `user` may see. One question."""
    ids = {line.case_id for line in (*result.lines, *result.refused_lines)}
    return result.of_cases(set(Case.objects.visible_to(user).filter(pk__in=ids).values_list("pk", flat=True)))


def shown(result: Result, config: Configuration, there: Staff, *, only_changed: bool = False) -> Shown:
    """The result as people read it, who may see its lines (`seen_by`)."""
    return Shown(
        words=words(result, config),
        unknown=unknown(result),
        teams=teams(result, config, there),
        rows=_rows(result, config, only_changed),
        unseen=result.unseen,
    )


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
    new = _("New: %(n)s (%(money)s). People had agreed to %(agreed)s, changed %(changed)s and refused %(refused)s.")
    gone = _(
        "No longer asked: %(n)s (%(money)s). "
        "People had agreed to %(agreed)s, changed %(changed)s and refused %(refused)s."
    )
    for n, amount, answers, one in (
        (result.new, result.money_new, result.new_answers, new),
        (result.gone, result.money_gone, result.gone_answers, gone),
    ):
        values = {"n": n, "money": _money(amount, config)}
        found.append(one % {**values, **{key: answers[key] for key in ("agreed", "changed", "refused")}})
    if result.used_up_now or result.used_up_with:
        found.append(
            _("A standing approval was used up in %(now)s, and with this rule in %(with)s: a person is asked then.")
            % {"now": result.used_up_now, "with": result.used_up_with}
        )
    minutes = (result.seconds_with - result.seconds_now) / 60 / result.weeks
    found.append(
        _("Time of people: %(minutes)s minutes a week (at 10, 25 or 90 seconds for each decision, by risk).")
        % {"minutes": f"{minutes:+.1f}"}
    )
    return found


def unknown(result: Result) -> list[str]:
    """What the replay cannot know, so that nobody takes its sums for more than they are."""
    found = []
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
    if result.nobody:
        text = _("Nobody was asked about %(n)s of them: what people would have said is not known.")
        found.append(text % {"n": result.nobody})
    if result.used_up_now or result.used_up_with or result.gone:
        found.append(_("Caps are counted from the first of these cases on; what was used before is not counted."))
    if result.proposals:
        found.append(_("Facts, counts and sums are those that were stored then; they are not looked up again."))
    return found


def teams(result: Result, config: Configuration, there: Staff) -> list[Load]:
    """The load of each team a week, now and with the rule."""
    names = sorted({*result.teams_now, *result.teams_with})
    found = []
    for name in names:
        people = len(there.active(name))
        a_week = [counted[name] / result.weeks for counted in (result.teams_now, result.teams_with)]
        minutes = [spent[name] / 60 / result.weeks for spent in (result.team_seconds_now, result.team_seconds_with)]
        each = [f"{n / people:.1f}" if people else "–" for n in a_week]
        found.append(
            Load(
                team=title(name, config),
                people=people,
                now=f"{a_week[0]:.1f}",
                with_it=f"{a_week[1]:.1f}",
                each_now=each[0],
                each_with=each[1],
                minutes_now=f"{minutes[0]:.1f}",
                minutes_with=f"{minutes[1]:.1f}",
            )
        )
    return found


def title(team: str, config: Configuration) -> str:
    row = config.teams.get(team)
    return (row.shown if row is not None else "") or team


def _rows(result: Result, config: Configuration, only_changed: bool) -> list[dict[str, Any]]:
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
            "changed": line.changed,
        }
        for line in reversed(result.lines)
        if line.changed or not only_changed
    ]


def _money(amount: Any, config: Configuration) -> str:
    return f"{SIGNS.get(config.company.currency, config.company.currency + ' ')}{amount:,.2f}"
