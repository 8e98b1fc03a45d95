"""What a variant of the approval page shows of one write: its slots filled from facts and arguments. Pure.

The values come from what was looked at for the proposal and from the write itself, with the approver's changes: never
from a text that a model wrote. What is not known is said to be not found, and never left out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from agents.models import Write
from approvals import differing, variants
from approvals.masks import masked
from cases import formulas
from cases.canonical import digest
from cases.texts import say
from cases.values import UNKNOWN, coerce, dig
from cases.wording import money, source, value

LONGEST = 20_000  # characters of one value
Ticked = Mapping[str, str]  # WRITE.SLOT: digest of the text that stood there
NO_TICKS: Ticked = {}


def digest_of(evidence: Sequence[Mapping[str, Any]], tables: Mapping[str, Any]) -> str:
    """The mark of what there was to read."""
    read = [[row.get("fact"), row.get("known", True), row.get("found")] for row in evidence]
    return digest([read, dict(tables)])


@dataclass(frozen=True)
class Grounds:
    """What the slots of a proposal may be filled from."""

    evidence: Sequence[Mapping[str, Any]]
    tables: Mapping[str, Any]
    now: datetime
    zone: tzinfo
    currency: str
    language: str

    @property
    def digest(self) -> str:
        """What there was to read: an answer names it, so that it is for that and nothing else."""
        return digest_of(self.evidence, self.tables)

    def facts(self) -> dict[str, Any]:
        """The facts that were known, as values of their kind."""
        known: dict[str, Any] = {}
        for row in self.evidence:
            if row.get("fact") and row.get("known", True) is not False and row.get("found") is not None:
                kind = str(row.get("kind") or "")
                known[str(row["fact"])] = coerce(row["found"], kind, self.zone, self.currency) if kind else row["found"]
        return known

    def row(self, fact: str) -> Mapping[str, Any]:
        return next((row for row in self.evidence if row.get("fact") == fact), {})


@dataclass
class Shown:
    """One slot in words. `tick`: the name of its check box, '' if it needs none."""

    name: str
    title: str
    kind: str
    text: str
    known: bool
    why: str = ""
    where: str = ""
    items: list[str] = field(default_factory=list)
    tick: str = ""
    ticked: bool = False

    @property
    def digest(self) -> str:
        """The value of its check box: a tick is for this very text."""
        return digest(self.text)


@dataclass
class Panel:
    """What one write shows beside its arguments. `old` and `new`: pieces of two texts, marked where they differ."""

    write: str
    variant: str
    title: str
    rows: list[Shown]
    old: list[differing.Piece] = field(default_factory=list)
    new: list[differing.Piece] = field(default_factory=list)
    compared: bool = False

    @property
    def ticks(self) -> list[Shown]:
        return [row for row in self.rows if row.tick]

    @property
    def plain(self) -> list[Shown]:
        """The rows that stand in the list: all but those with a tick, and but two texts that stand side by side."""
        apart = ("old", "new") if self.compared else ()
        return [row for row in self.rows if not row.tick and row.kind not in apart]


def panel(
    write: Write, arguments: Mapping[str, Any], grounds: Grounds, *, prefix: str = "", ticked: Ticked = NO_TICKS
) -> Panel | None:
    """The panel of one write with these arguments (the approver's changes among them); None if it shows nothing more.

    `prefix` begins the names of its check boxes; `ticked`: what is ticked already.
    """
    shows = write.operation.shows
    variant = variants.of(shows)
    if variant is None:
        return None
    seen = {
        name: masked(inner) if name in write.operation.masked else inner
        for name, inner in arguments.items()
        if name not in write.operation.secret
    }
    facts = grounds.facts()
    rows: list[Shown] = []
    raw: dict[str, Any] = {}
    for slot in variant.slots:
        spec = shows.get(slot.name)
        if not isinstance(spec, Mapping):
            continue
        raw[slot.name] = found = _find(spec, facts, seen, grounds)
        row = _row(slot, spec, found, grounds)
        if slot.ticked:
            row.tick = f"{prefix}{write.name}.{slot.name}"
            row.ticked = ticked.get(key(write.name, slot.name)) == row.digest
        rows.append(row)
    made = Panel(write.name, variant.name, str(variant.title), rows)
    _after_this(made, raw.get("budget_left", UNKNOWN), write, seen, grounds)
    old, new = _text_of(variant, raw, "old"), _text_of(variant, raw, "new")
    if old is not None and new is not None:
        made.old, made.new, made.compared = *differing.words(old, new), True
    return made


def key(write: str, slot: str) -> str:
    """How a tick is named in a decision: `WRITE.SLOT`."""
    return f"{write}.{slot}"


def _find(spec: Mapping[str, Any], facts: Mapping[str, Any], arguments: Mapping[str, Any], grounds: Grounds) -> Any:
    try:
        if "fact" in spec:
            root, _dot, path = str(spec["fact"]).partition(".")
            known = facts.get(root, UNKNOWN)
            return dig(known, path) if path and known is not UNKNOWN else known
        if "argument" in spec:
            return dig(arguments, str(spec["argument"]))
    except ValueError:  # a path that the map's check refuses
        return UNKNOWN
    values = {**facts, "argument": dict(arguments), "tables": dict(grounds.tables)}
    return formulas.evaluate(str(spec.get("formula", "")), values, now=grounds.now, zone=grounds.zone)


def _row(slot: variants.Slot, spec: Mapping[str, Any], found: Any, grounds: Grounds) -> Shown:
    row = grounds.row(str(spec.get("fact", "")).split(".")[0].split("[")[0])
    known = found is not UNKNOWN and found is not None and found not in ("", [])
    items = [_words(one, "text", grounds) for one in found] if known and isinstance(found, list | tuple) else []
    return Shown(
        name=slot.name,
        title=str(slot.title),
        kind=slot.kind,
        text=_words(found, slot.kind, grounds) if known else "",
        known=known,
        why="" if known else say(row.get("why"), grounds.language),
        where=source(say(row.get("where"), grounds.language)) if row else "",
        items=items if slot.kind == "list" else [],
    )


def _words(found: Any, kind: str, grounds: Grounds) -> str:
    if kind == "money":
        return value(found, grounds.currency, "money")
    if kind == "percent":
        number = _number(found)
        return f"{number.quantize(Decimal('0.1'))} %" if number is not None else str(found)
    if isinstance(found, str):
        return found[:LONGEST]
    return value(found, grounds.currency)


def _number(found: Any) -> Decimal | None:
    number = coerce(found, "number", UTC, "") if not isinstance(found, bool) else None
    return number if isinstance(number, Decimal) else None


def _after_this(made: Panel, left: Any, write: Write, arguments: Mapping[str, Any], grounds: Grounds) -> None:
    """What of the budget is left once this is given, with the amount as it stands now."""
    name = write.operation.money
    if made.variant != "voucher" or not isinstance(name, str):
        return
    budget, amount = _number(left), _number(dig(arguments, name))
    row = Shown("after", _("Left after this"), "money", "", known=budget is not None and amount is not None)
    if budget is not None and amount is not None:
        row.text = money(budget - amount, grounds.currency)
        if budget < amount:
            row.why = _("More than what is left")
    made.rows.append(row)


def _text_of(variant: variants.Variant, raw: Mapping[str, Any], kind: str) -> str | None:
    slot = next((slot for slot in variant.slots if slot.kind == kind), None)
    found = raw.get(slot.name) if slot else None
    return found[:LONGEST] if isinstance(found, str) and found.strip() else None
