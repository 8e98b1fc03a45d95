"""What a mail says (ux.md 4.13): subject, a few rows, one link that only opens a page. Text and simple HTML.

Everything is written in the language of the person it goes to, with times in the company's zone.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from urllib.parse import urlsplit

from django.conf import settings
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from agents import configuration
from approvals import ladder
from approvals.models import Approval, Asked, Decision
from approvals.raising import customer_name
from cases.models import Case, Team
from cases.texts import say
from cases.wording import clock, day, moment, words
from cases.wording import field as spoken
from orchestrator.notices.plain import cut, fit, line, short_name, shortened

OPTIONS = 4
TITLE = 16  # words of a title, in the subject and above the mail
TAGS = {"en": "en-HK", "zh-hant": "zh-Hant-HK"}


@dataclass(frozen=True)
class Setting:
    """In which language, when and where a mail is written."""

    language: str
    now: datetime
    zone: tzinfo


@dataclass
class Letter:
    """One mail. `rows` are (label, words), `groups` (heading, lines); `thread` keeps the mails of a case together."""

    subject: str
    lead: str
    link: str
    go: str
    tag: str
    rows: list[tuple[str, str]] = field(default_factory=list)
    groups: list[tuple[str, list[str]]] = field(default_factory=list)
    thread: str = ""

    @property
    def host(self) -> str:
        return urlsplit(settings.PUBLIC_URL).hostname or "localhost"

    @property
    def text(self) -> str:
        return render_to_string("notices/mail.txt", {"letter": self})

    @property
    def html(self) -> str:
        return render_to_string("notices/mail.html", {"letter": self})


def of_approval(approval: Approval, kind: str, mine: Sequence[Asked], at: Setting) -> Letter:
    """To somebody who can decide it: asked, reminded, passed up to them, or late."""
    title, due = title_of(approval, at), due_words(approval.due_at, at)
    asks = {"due": _overdue(due), "passed_up": _passed(due), "half": _reminded(due)}
    subject = asks.get(kind.split(":")[0]) or _asked(due)
    parts = {
        _("Case"): _case_line(approval, at),
        _("Why you"): _why(approval, kind, mine, at),
        _("Options"): _options(approval, at),
        _("Due"): _due_line(approval, kind, mine, due, at),
    }
    return _letter(
        subject % {"what": _lower(title, at), "due": due},
        title,
        parts,
        at,
        link=_url("approvals:approval", approval.pk),
        go=_("Open and decide"),
        case=approval.case,
    )


def of_outcome(approval: Approval, decisions: Sequence[Decision], at: Setting) -> Letter:
    """To who asked for it: what was decided, by whom, and why."""
    title, last = title_of(approval, at), decisions[-1]
    rejected = approval.decided_option == "reject"
    who = ", ".join(dict.fromkeys(one.who for one in decisions))
    chosen = next((o["title"] for o in approval.proposal.options if o["name"] == approval.decided_option), "")
    option = line(say(chosen, at.language)) or (_("Reject") if rejected else spoken(approval.decided_option))
    decided = _("%(option)s, with changes") % {"option": option} if any(one.edits for one in decisions) else option
    reasons = [line(one.reason) for one in decisions if one.reason]
    parts = {
        _("Case"): _case_line(approval, at),
        _("Decided"): decided,
        _("By"): _("%(who)s, %(when)s")
        % {"who": line(who), "when": moment(approval.decided_at or last.at, at.now, at.zone)},
        _("Reason"): cut(reasons[-1], 40) if reasons else "",
    }
    subject = _("Rejected: %(what)s") if rejected else _("Approved: %(what)s")
    return _letter(
        subject % {"what": _lower(title, at)},
        title,
        parts,
        at,
        link=_url("approvals:approval", approval.pk),
        go=_("See the decision"),
        case=approval.case,
    )


def of_case(case: Case, due: datetime | None, at: Setting) -> Letter:
    """To the team that a case was handed to."""
    type_ = line(say(case.type.title, at.language) or case.type.name) if case.type else _("Request to sort")
    team = line(say(case.holder_team.title, at.language) or case.holder_team.name) if case.holder_team else ""
    parts = {
        _("Case"): case.number,
        _("Why you"): _("The AI handed it over, and %(team)s has it now. Nobody has taken it yet.") % {"team": team},
        _("Due"): due_words(due, at),
    }
    return _letter(
        _("With your team: %(what)s") % {"what": type_},
        type_,
        parts,
        at,
        link=_url("desk:case", case.pk),
        go=_("Open the case"),
        case=case,
    )


def of_digest(
    approvals: Sequence[Approval], cases: Sequence[Case], dues: dict[int, datetime | None], at: Setting
) -> Letter:
    """Everything that still waits, by type, the next due first; what does not fit is counted."""
    groups: dict[str, list[str]] = {}
    times = [one.due_at for one in approvals if one.due_at]
    for one in approvals:
        groups.setdefault(_type(one.case, at), []).append(_item(title_of(one, at), one.due_at, one.case, at))
    for case in cases:
        groups.setdefault(_type(case, at), []).append(_item(_("handed over"), dues.get(case.pk), case, at))
    waiting, n_cases = len(approvals), len(cases)
    parts = []
    if waiting:
        parts.append(ngettext("%(n)s approval", "%(n)s approvals", waiting) % {"n": waiting})
    if n_cases:
        parts.append(ngettext("%(n)s case", "%(n)s cases", n_cases) % {"n": n_cases})
    what = _(" and ").join(parts)
    subject = _("Waiting for you: %(what)s") % {"what": what}
    if times:
        subject = _("Waiting for you: %(what)s, the next due %(due)s") % {
            "what": what,
            "due": due_words(min(times), at),
        }
    letter = Letter(
        line(subject),
        _("Still open: %(what)s.") % {"what": what},
        f"{settings.PUBLIC_URL}/",
        _("Open my work"),
        TAGS.get(at.language, at.language),
    )
    letter.groups = _fitting(groups, words(letter.lead) + words(letter.go) + 10)
    return letter


def _fitting(groups: dict[str, list[str]], used: int) -> list[tuple[str, list[str]]]:
    """As many lines as a mail may have; each type says how many it has and how many are left out."""
    used += sum(words(name) + 6 for name in groups)
    shown: dict[str, list[str]] = {name: [] for name in groups}
    for name, lines in groups.items():
        for text in lines:
            if used + words(text) > 90:
                break
            shown[name].append(text)
            used += words(text)
    made = []
    for name, lines in groups.items():
        left = len(lines) - len(shown[name])
        more = [ngettext("and %(n)s more", "and %(n)s more", left) % {"n": left}] if left and shown[name] else []
        made.append((_("%(name)s: %(n)s") % {"name": name, "n": len(lines)}, shown[name] + more))
    return made


def _letter(subject: str, lead: str, parts: dict[str, str], at: Setting, *, link: str, go: str, case: Case) -> Letter:
    labels = [label for label, said in parts.items() if said]
    rest = words(lead) + words(go) + sum(map(words, labels)) + 8  # the note at the foot
    rows = fit([parts[label] for label in labels], rest)
    return Letter(
        line(f"{subject} [{case.number}]"),
        lead,
        link,
        go,
        TAGS.get(at.language, at.language),
        rows=list(zip(labels, rows, strict=True)),
        thread=f"case-{case.pk}",
    )


# ---------------------------------------------------------------------- parts of a mail


def title_of(approval: Approval, at: Setting) -> str:
    """`Refund HK$480.00 to Chan T.`"""
    case = approval.case
    fact = case.facts.get(case.type.customer_fact if case.type else "", {})
    record = fact.get("value") if isinstance(fact, dict) else None
    in_record = [v for k, v in record.items() if "name" in k and isinstance(v, str)] if isinstance(record, dict) else []
    names = [customer_name(case), case.requester_name, case.contact, *in_record]
    return cut(shortened(say(approval.title, at.language), names), TITLE)


def _asked(due: str) -> str:
    return _("Decide by %(due)s: %(what)s") if due else _("Decide: %(what)s")


def _reminded(due: str) -> str:
    return _("Reminder, decide by %(due)s: %(what)s") if due else _("Reminder, decide: %(what)s")


def _passed(due: str) -> str:
    return _("Passed up to you, decide by %(due)s: %(what)s") if due else _("Passed up to you: %(what)s")


def _overdue(due: str) -> str:
    return _("Overdue, decide by %(due)s: %(what)s") if due else _("Overdue: %(what)s")


def due_words(due: datetime | None, at: Setting) -> str:
    """`11:30` today, else with the day."""
    if due is None:
        return ""
    same = due.astimezone(at.zone).date() == at.now.astimezone(at.zone).date()
    return clock(due, at.zone) if same else f"{day(due, at.now, at.zone)} {clock(due, at.zone)}"


def _due_line(approval: Approval, kind: str, mine: Sequence[Asked], due: str, at: Setting) -> str:
    if kind.startswith("due:"):
        above = [one.team for one in approval.asked.all() if not one.closed and one.passed_up_from]
        if above:
            names = ", ".join(say(team.title, at.language) or team.name for team in above)
            return _("the time is over; %(teams)s was asked as well") % {"teams": line(names)}
        return _("the time is over; it stays with you")
    following = _next(approval, mine, at)
    if due and following:
        return _("%(due)s, then %(team)s is asked") % {"due": due, "team": following}
    return due


def _next(approval: Approval, mine: Sequence[Asked], at: Setting) -> str:
    """The team that is asked when nobody decides in time; where nobody is in it, also the one that is asked then."""
    config = configuration.current()
    found = ladder.steps(approval, list(approval.asked.all()), config.lines)
    following = next((step.to for step in found if step.asked in mine), "")
    if not following:
        return ""
    manned = set(Team.objects.filter(group__user__is_active=True).values_list("name", flat=True))
    way = [config.teams[name] for name in ladder.way_up(following, config.lines, manned) if name in config.teams]
    return _(", then ").join(line(say(team.title, at.language) or team.name) for team in way)


def _case_line(approval: Approval, at: Setting) -> str:
    risk = {"low": _("low risk"), "medium": _("medium risk"), "high": _("high risk")}.get(approval.risk, "")
    return ", ".join(part for part in (approval.case.number, _type(approval.case, at), risk) if part)


def _why(approval: Approval, kind: str, mine: Sequence[Asked], at: Setting) -> str:
    if kind.startswith("passed_up:"):
        teams = ", ".join(say(one.team.title, at.language) or one.team.name for one in mine if one.passed_up_from)
        return _("Nobody decided in time, so %(team)s is asked.") % {"team": line(teams)}
    rules = [line(say(rule.get("sentence"), at.language)) for rule in approval.proposal.deciding_rules]
    if rules:
        return " ".join(rules)
    teams = ", ".join(dict.fromkeys(say(one.team.title, at.language) or one.team.name for one in mine))
    return _("%(team)s decides this.") % {"team": line(teams)}


def _options(approval: Approval, at: Setting) -> str:
    shown = []
    for one in approval.proposal.options:
        if one.get("allowed", True) is False:
            continue
        title = say(one.get("title"), at.language) or (_("Reject") if one["name"] == "reject" else spoken(one["name"]))
        shown.append(cut(shortened(title, [customer_name(approval.case)]), 6))
    more = len(shown) - OPTIONS
    kept = shown[:OPTIONS] + ([_("%(n)s more") % {"n": more}] if more > 0 else [])
    return "; ".join(kept)


def _type(case: Case, at: Setting) -> str:
    return line(say(case.type.title, at.language) or case.type.name) if case.type else _("Request to sort")


def _item(what: str, due: datetime | None, case: Case, at: Setting) -> str:
    shown = due_words(due, at)
    return (
        _("%(what)s, due %(due)s [%(case)s]") % {"what": what, "due": shown, "case": case.number}
        if shown
        else f"{what} [{case.number}]"
    )


def _lower(title: str, at: Setting) -> str:
    """A title inside an English sentence begins small, unless it begins with a name or an abbreviation."""
    first = title[:2]
    return title[:1].lower() + title[1:] if at.language == "en" and first.istitle() else title


def _url(name: str, key: object) -> str:
    return settings.PUBLIC_URL + reverse(name, args=[key])


__all__ = ["Letter", "Setting", "of_approval", "of_case", "of_digest", "of_outcome", "short_name", "title_of"]
