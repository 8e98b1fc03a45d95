"""Gaps of the configuration in force, in words: nothing is wrong with a record, but the company would notice."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from django.contrib.auth.models import User
from django.utils.translation import gettext as _

from agents.brains import KINDS
from approvals.asking import EscalationLines
from approvals.models import Draft, StandingApproval
from cases.models import Team
from orchestrator.workmap import live
from orchestrator.workmap.checking import check_whole
from orchestrator.workmap.publishing import teams_asked
from orchestrator.workmap.records import Records
from orchestrator.workmap.ruling import warning


@dataclass(frozen=True, slots=True)
class Gap:
    """`code` for programs, `what` and `name` for the record, `text` for people."""

    code: str
    what: str
    name: str
    text: str


def gaps(now: datetime) -> list[Gap]:
    """Every gap, by kind."""
    records = live.read().records
    found = [Gap("broken", str(p.at[0]), str(p.at[1]), p.text) for p in check_whole(records)]
    zone = ZoneInfo(records.get(("company", ""), {}).get("time_zone", "Asia/Hong_Kong"))
    today = now.astimezone(zone).date().isoformat()
    return [
        *found,
        *_teams(records),
        *_rules(records),
        *_standing(today),
        *_types(records),
        *_grants(records, today),
        *_operations(records),
        *_drafts(),
    ]


def _teams(records: Records) -> Iterator[Gap]:
    """Teams that must decide or work, with nobody who could."""
    manned = set(Team.objects.filter(group__user__is_active=True).values_list("name", flat=True))
    for (what, name), record in records.items():
        if what == "rule" and record.get("active", True):
            for team in sorted(set(teams_asked(record["then"])) - manned):
                text = _("Rule %(rule)s asks team %(team)s, which has no active member.")
                yield Gap("no_member", what, name, text % {"rule": name, "team": team})
        if what == "request_type":
            for team in sorted({record["team"], record["lead"]} - manned):
                text = _("Request type %(type)s belongs to team %(team)s, which has no active member.")
                yield Gap("no_member", what, name, text % {"type": name, "team": team})
    known = {name for what, name in records if what == "team"}
    leads = set(Team.objects.filter(leads__is_active=True).values_list("name", flat=True))
    for team in sorted(known - leads):
        yield Gap("no_lead", "team", team, _("Team %(team)s has no lead who could pause AI.") % {"team": team})


def _rules(records: Records) -> Iterator[Gap]:
    """Rules that never have an effect, or that pass what nobody answers in a circle."""
    found = [record for (what, _name), record in records.items() if what == "rule" and record.get("active", True)]
    lines = EscalationLines({name: r.get("escalates_to") for (what, name), r in records.items() if what == "team"})
    for rule in found:
        for code, words in warning.of_rules(rule, found, lines):
            yield Gap(
                code, "rule", rule["name"], _("Rule %(rule)s: %(words)s") % {"rule": rule["name"], "words": words}
            )


def _standing(today: str) -> Iterator[Gap]:
    active = set(User.objects.filter(is_active=True).values_list("username", flat=True))
    rows = StandingApproval.objects.filter(rule__retired=False, rule__active=True).select_related(
        "rule", "confirmed_by"
    )
    for row in rows:
        said = row.rule.then.get("standing_approval")
        if not said:
            continue
        values = {"rule": row.rule.name, "by": row.by}
        if row.by not in active:
            yield Gap(
                "unknown_person",
                "rule",
                row.rule.name,
                _("Standing approval %(rule)s names %(by)s, who has no account.") % values,
            )
        elif not row.in_force:
            yield Gap(
                "not_confirmed",
                "rule",
                row.rule.name,
                _("Standing approval %(rule)s waits until %(by)s confirms it in the browser.") % values,
            )
        if str(said.get("until", today)) < today:
            yield Gap("ended", "rule", row.rule.name, _("Standing approval %(rule)s has ended.") % values)


def _types(records: Records) -> Iterator[Gap]:
    for (what, name), record in records.items():
        if what != "request_type":
            continue
        if "fallback" not in record:
            yield Gap("no_card", what, name, _("Request type %(type)s has no fallback card.") % {"type": name})
        if not record.get("examples") and not record.get("phrases"):
            text = _("Request type %(type)s has no examples and no phrases, so nothing is sorted into it.")
            yield Gap("no_examples", what, name, text % {"type": name})
        for template in record.get("templates", []):
            languages = records.get(("company", ""), {}).get("languages", ["en"])
            for language in languages:
                if language not in template:
                    text = _("Template %(template)s of request type %(type)s has no text in %(language)s.")
                    values = {"template": template["name"], "type": name, "language": language}
                    yield Gap("no_text", what, name, text % values)


def _grants(records: Records, today: str) -> Iterator[Gap]:
    ruled = {
        operation
        for (what, _name), record in records.items()
        if what == "rule" and record.get("active", True)
        for operation in record.get("when", {}).get("operations", [])
    }
    general = any(
        what == "rule" and not record.get("when", {}).get("operations") for (what, _name), record in records.items()
    )
    for (what, name), record in records.items():
        if what != "grant":
            continue
        if record["until"] < today:
            yield Gap(
                "expired",
                what,
                name,
                _("Grant %(grant)s ended on %(day)s.") % {"grant": name, "day": record["until"]},
            )
        operation = records.get(("operation", record["operation"]), {})
        controlled = operation.get("level", "controlled") == "controlled" and operation.get("kind", "write") == "write"
        if controlled and not general and record["operation"] not in ruled:
            text = _("Agent %(agent)s can propose %(operation)s, and no rule says who decides: the lead is asked.")
            yield Gap("no_rule", what, name, text % {"agent": record["agent"], "operation": record["operation"]})


def _operations(records: Records) -> Iterator[Gap]:
    for (what, name), record in records.items():
        if what == "system" and "owner" not in record:
            yield Gap(
                "no_owner",
                what,
                name,
                _("System %(system)s has no owner who repairs its records.") % {"system": name},
            )
        if what == "agent" and "owner" not in record:
            yield Gap("no_owner", what, name, _("Agent %(agent)s has no owner.") % {"agent": name})
        if what == "agent" and (kind := record.get("brain", {}).get("kind", "procedure")) not in KINDS:
            text = _("Agent %(agent)s has a brain of the kind %(kind)s, which is not available here: %(then)s")
            by_recipe = "fall_back" in record["brain"]
            then = _("its steps follow their recipes.") if by_recipe else _("people get its steps.")
            yield Gap("no_brain", what, name, text % {"agent": name, "kind": kind, "then": then})
        if what == "operation" and record.get("kind") == "read" and record.get("level", "controlled") == "controlled":
            text = _("Operation %(operation)s reads at level controlled, so nothing can look it up.")
            yield Gap("controlled_read", what, name, text % {"operation": name})
        if what == "operation" and "suspended" in record:
            text = _("Operation %(operation)s is suspended: %(why)s")
            yield Gap("suspended", what, name, text % {"operation": name, "why": record["suspended"]})


def _drafts() -> Iterator[Gap]:
    for draft in Draft.objects.filter(state=Draft.OPEN).order_by("pk"):
        text = _("A change by %(by)s waits for a second person: %(words)s")
        yield Gap("draft", draft.what, draft.name, text % {"by": draft.by_label, "words": draft.words})
