"""Why an approval needs a person, and what was looked at for it: rules, compared values, evidence. Pure."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from agents.models import Proposal, Write
from agents.record_links import link
from approvals.masks import MASK, Masks, covered
from cases.texts import say
from cases.wording import argument, source, value
from cases.wording import field as spoken

FRESH = timedelta(minutes=15)
WORDS_OF_COMPARISON = {
    "is": "=", "is not": "≠", "more than": ">", "at least": "≥", "less than": "<", "at most": "≤",
}  # fmt: skip


@dataclass
class Ground:
    """One rule: its sentence as stored with the version it was judged under, and each comparison in words."""

    name: str
    version: Any
    sentence: str
    result: str
    won: bool
    compared: list[str]


@dataclass
class Seen:
    """One thing that was looked for. `known` is false when it was not found; then `why` may say why."""

    what: str
    where: str
    found: str
    why: str
    at: str
    known: bool
    old: bool
    worked_out: bool = False  # by a formula, from what stands beside it
    was: str = ""  # what it said before somebody looked again
    changed_at: str = ""
    link: str = ""  # where the record can be opened in its own system


def rules_of(
    proposal: Proposal,
    language: str,
    titles: Mapping[str, Any],
    amounts: Collection[str] = (),
    currency: str = "HKD",
    *,
    masks: Masks,
) -> list[Ground]:
    """The rules of the proposal, those that won first, then those that matched, were unknown, did not match.

    `titles` of facts by name; `amounts` are the names that hold money of `currency`. What the case masks is masked.
    """
    order = {"matched": 0, "unknown": 1}
    rows = sorted(masks.hide(proposal.rules), key=lambda r: (not r.get("won"), order.get(r.get("result"), 2)))
    grounds: dict[tuple[str, str], Ground] = {}
    for row in rows:
        if row.get("effect") == "standing_approval" and not row.get("won"):
            continue  # it asks nobody and covered nothing: the story has it, this page is about why a person decides
        ground = Ground(
            name=str(row.get("name", "")),
            version=row.get("version", ""),
            sentence=say(row.get("sentence"), language) or spoken(str(row.get("name", ""))),
            result=str(row.get("result", "")),
            won=bool(row.get("won")),
            compared=[
                _compared(pair, language, titles, currency if pair.get("left") in amounts else "")
                for pair in row.get("compared") or []
            ],
        )
        same = grounds.setdefault((ground.name, ground.result), ground)  # once, with what each option compared
        same.compared += [line for line in ground.compared if line not in same.compared]
        same.won = same.won or ground.won
    return list(grounds.values())


def _compared(pair: Mapping[str, Any], language: str, titles: Mapping[str, Any], currency: str) -> str:
    """`amount: HK$480.00 > HK$300.00 (HK$180.00 over)`: by how much, when both are numbers."""
    left = str(pair.get("left", ""))
    name = say(titles.get(left), language) or argument(left)
    left_value, right_value = pair.get("left_value"), pair.get("right_value")
    if pair.get("left_known") is False or left_value is None:
        return _("%(name)s is not known") % {"name": name}
    sign = WORDS_OF_COMPARISON.get(str(pair.get("comparison", "")), str(pair.get("comparison", "")))
    compared = f"{_amount(left_value, currency)} {sign} {_amount(right_value, currency)}".rstrip()
    line = f"{name}: {compared}"
    if pair.get("result") is False:  # `0 ≥ 1` alone would read as if it were so
        return _("%(line)s does not hold") % {"line": line}
    over = _over(left_value, right_value)
    if over is not None and over > 0 and sign in (">", "≥") and pair.get("result") is True:
        return _("%(line)s (%(over)s over)") % {"line": line, "over": _amount(over, currency)}
    return line


def _amount(thing: Any, currency: str) -> str:
    return "" if thing is None else value(thing, currency, "money" if currency else "")


def _over(left: Any, right: Any) -> Decimal | None:
    try:
        return Decimal(str(left)) - Decimal(str(right))
    except ArithmeticError:
        return None


def evidence_of(proposal: Proposal, language: str, now: datetime, currency: str = "HKD", *, masks: Masks) -> list[Seen]:
    """What was looked at, in the order it was read; missing data is in the list like the rest."""
    return [_seen(row, language, now, currency) for row in masks.hide(proposal.evidence)]


def _seen(row: Mapping[str, Any], language: str, now: datetime, currency: str) -> Seen:
    known = row.get("known", True) is not False
    found = row.get("found")
    where = source(say(row.get("where"), language)) or str(row.get("operation") or "")
    return Seen(
        what=say(row.get("title"), language) or spoken(str(row.get("fact") or "")) or where,
        where=where,
        found=value(found, currency, str(row.get("kind") or "")) if known and found not in (None, "") else "",
        why=say(row.get("why"), language),
        at=str(row.get("at") or ""),
        known=known,
        old=_is_old(str(row.get("at") or ""), now),
        worked_out=known and row.get("where") == "formula",
        was=value(row["was"], currency, str(row.get("kind") or "")) if row.get("was") not in (None, "") else "",
        changed_at=str(row.get("changed_at") or ""),
        link="" if MASK in str(row.get("link")) else link(str(row.get("link") or ""), {}),
    )


def _is_old(at: str, now: datetime) -> bool:
    try:
        read = datetime.fromisoformat(at)
    except ValueError:
        return False
    return read.tzinfo is not None and now - read > FRESH


def raw_of(proposal: Proposal, writes: Sequence[Write], masks: Masks) -> list[tuple[str, str]]:
    """The stored rows as JSON, secret arguments hidden and masked ones masked: what the fingerprint was made of."""
    rows = [
        {
            "option": write.option,
            "write": write.name,
            "operation": write.operation.name,
            "arguments": covered(write.operation, write.proposed),
            "effect_key": str(write.pk),
        }
        for write in writes
    ]
    parts = {
        _("Writes"): masks.hide(rows),
        _("Facts"): masks.hide(proposal.facts),
        _("Versions"): masks.hide(proposal.versions),
        _("Rules"): masks.hide(proposal.rules),
        _("Fingerprint"): proposal.fingerprint,
    }
    return [
        (name, json.dumps(part, ensure_ascii=False, indent=1, default=str)[:20_000])
        for name, part in parts.items()
        if part
    ]
