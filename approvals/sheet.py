"""What a decision page shows of a proposal: its options, and for each exactly what will be written. Pure.

The writes shown come from the stored rows that the fingerprint covers, never from a text that a model wrote.
"""

import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from agents.forms import Box, entries
from agents.models import Operation, Proposal, Write
from approvals import showing
from approvals.masks import masked
from approvals.models import Decision
from cases.calendars import duration
from cases.canonical import digest
from cases.plain_sight import has_hidden, visible
from cases.texts import say
from cases.wording import LONGEST, money, span, value
from cases.wording import argument as named
from cases.wording import field as spoken

Edits = Mapping[str, Mapping[str, Any]]
REJECT = "reject"
SHORT = 400  # characters; a longer value stands folded, whole, with its length
PLAIN = re.compile(r"[\w .@/+-]+")  # no sign that a list or record is written with


@dataclass
class Argument:
    """One argument as it is sent, with what cannot be seen made visible. `opens`: masked, and how it is named."""

    name: str
    text: str
    hidden: bool = False  # it holds signs that are not what they look like
    opens: str = ""

    @property
    def is_long(self) -> bool:
        return len(self.text) > SHORT

    @property
    def start(self) -> str:
        return self.text[:SHORT]


@dataclass
class Line:
    """One write of an option, in words."""

    write: Write
    system: str
    operation: str
    values: list[Argument]
    undo: str
    final: bool  # cannot be undone once written
    changed: list[tuple[str, str, str]] = field(default_factory=list)  # argument, from, to
    entries: list[Box] = field(default_factory=list)
    closed: dict[str, str] = field(default_factory=dict)  # fields of masked arguments, shown once these were opened
    marker: str = ""  # a field that says that the entries were there: of a box that is not ticked nothing is sent
    panel: showing.Panel | None = None

    @property
    def ticks_there(self) -> str:
        """The boxes to tick that stand among the entries."""
        return " ".join(box.argument for box in self.entries if box.kind == "yes_no")


@dataclass
class Option:
    """One answer a person may give. `words` are the words of the button when it is chosen."""

    index: int
    name: str
    title: str
    suggested: bool
    allowed: bool
    why: str
    draft: str
    lines: list[Line]
    words: str
    money: str
    chosen: bool = False
    fixed_by: str = ""  # who chose it first, where others confirm it: option and values are as they fixed them

    @property
    def is_changed(self) -> bool:
        return any(line.changed for line in self.lines)

    @property
    def rejects(self) -> bool:
        return self.name == REJECT

    @property
    def place(self) -> str:
        return str(self.index)

    @property
    def key(self) -> str:
        return str(self.index + 1) if self.index < 9 else ""

    @property
    def editable(self) -> list[Line]:
        return [] if self.fixed_by else [line for line in self.lines if line.entries]

    @property
    def ticks(self) -> list[tuple[str, showing.Shown]]:
        """(`WRITE.SLOT`, what stands there) of all that has to be ticked before this is decided."""
        return [
            (showing.key(line.panel.write, tick.name), tick)
            for line in self.lines
            if line.panel is not None
            for tick in line.panel.ticks
        ]


def options_of(
    proposal: Proposal,
    writes: Sequence[Write],
    *,
    language: str,
    hold: int,
    currency: str,
    chosen: str = "",
    edits: Edits | None = None,
    ticked: showing.Ticked = showing.NO_TICKS,
    opened: Collection[str] = (),
    grounds: showing.Grounds | None = None,
    first: Decision | None = None,
) -> list[Option]:
    """The options in order. `edits` and `ticked` belong to the chosen one; `hold`: seconds until a write goes out.

    `first`: the answer that fixed one of them, whose values the `writes` have already (`first_answer.as_fixed`).
    `opened`: masked arguments (`OPTION.WRITE.ARGUMENT`) that the reader has opened. Without `grounds` no variant shows.
    """
    made = []
    for index, stored in enumerate(proposal.options):
        fixed = first is not None and stored["name"] == first.option
        own = edits if edits and stored["name"] == chosen and not fixed else {}
        rows = sorted((w for w in writes if w.option == stored["name"]), key=lambda w: w.position)
        here = ticked if stored["name"] == chosen else showing.NO_TICKS
        lines = [
            _line(
                row, own.get(row.name, {}), index=index, language=language, hold=hold, currency=currency, opened=opened
            )
            for row in rows
        ]
        if grounds is not None:
            for line in lines:
                line.panel = _panel(line.write, own.get(line.write.name, {}), grounds, index, here)
        title = say(stored.get("title"), language) or spoken(stored["name"])
        if stored["name"] == REJECT and not stored.get("title"):
            title = _("Reject")
        total = _total(lines, currency)
        made.append(
            Option(
                index=index,
                name=stored["name"],
                title=title,
                suggested=bool(stored.get("suggested")),
                allowed=stored.get("allowed", True) is not False,
                why=say(stored.get("why"), language),
                draft=visible(stored.get("draft") or ""),
                lines=lines,
                words=_words(title, total, lines if own or fixed else []),
                money=total,
                chosen=stored["name"] == chosen,
                fixed_by=first.who if first is not None and fixed else "",
            )
        )
    return made


def offered(options: Sequence[Option]) -> list[Option]:
    """What a person can answer: once one is fixed, that and to reject."""
    if any(option.fixed_by for option in options):
        return [option for option in options if option.fixed_by or option.rejects]
    return list(options)


def _panel(
    row: Write, changed: Mapping[str, Any], grounds: showing.Grounds, index: int, ticked: showing.Ticked
) -> showing.Panel | None:
    return showing.panel(row, {**_standing(row), **changed}, grounds, prefix=f"tick.{index}.", ticked=ticked)


def _standing(row: Write) -> Mapping[str, Any]:
    """The arguments as they stand: decided if they are, else as proposed."""
    standing: Mapping[str, Any] = row.proposed if row.decided is None else row.decided
    return standing


def _line(
    row: Write,
    changed: Mapping[str, Any],
    *,
    index: int,
    language: str,
    hold: int,
    currency: str,
    opened: Collection[str],
) -> Line:
    operation = row.operation
    after = {**_standing(row), **changed}
    currency = row.currency or currency
    shown = [_seen(row, name, inner, currency, opened) for name, inner in after.items() if inner is not None]
    undo, final = _undo(operation, row, hold, language)
    names = [name for name in operation.editable if name in (operation.arguments.get("properties") or {})]
    closed = [name for name in names if name in operation.masked and opening(row, name) not in opened]
    return Line(
        write=row,
        system=say(operation.system.title, language) or operation.system.name,
        operation=say(operation.title, language) or operation.name,
        values=shown,
        undo=undo,
        final=final,
        changed=[
            (
                named(name),
                _argument(operation, name, row.proposed.get(name), currency),
                _argument(operation, name, after.get(name), currency),
            )
            for name in after
            if after.get(name) != row.proposed.get(name)
        ],
        entries=entries(
            operation.arguments,
            after,
            prefix=f"edit.{index}.{row.name}.",
            only=[n for n in names if n not in closed],
            money=operation.money if isinstance(operation.money, str) else "",
            currency=currency,
        ),
        closed={f"edit.{index}.{row.name}.{name}": name for name in closed},
        marker=f"editing.{index}.{row.name}",
    )


def keep_entered(options: Sequence[Option], entered: Mapping[str, Box]) -> None:
    """Put fields back that hold what cannot be used: what was typed stays, with what is wrong beside it."""
    for line in (line for option in options for line in option.lines):
        line.entries = [entered.get(box.name, box) for box in line.entries]


def arguments_of(row: Write, arguments: Mapping[str, Any], currency: str) -> list[Argument]:
    """What was proposed, decided or carried out, in the words it was decided in; masked arguments stay masked."""
    currency = row.currency or currency
    seen = [_seen(row, name, inner, currency, ()) for name, inner in arguments.items() if inner is not None]
    return [replace(one, opens="") for one in seen]


def opening(row: Write, name: str) -> str:
    """How a masked argument is named when it is opened: `OPTION.WRITE.ARGUMENT`."""
    return f"{row.option}.{row.name}.{name}"


def _seen(row: Write, name: str, inner: Any, currency: str, opened: Collection[str]) -> Argument:
    """One argument: secret ones never, masked ones when they were opened, text whole and as it really is."""
    opens = opening(row, name)
    if name in row.operation.secret:
        return Argument(named(name), _("hidden"))
    if name in row.operation.masked and opens not in opened:
        return Argument(named(name), masked(inner), opens=opens)
    text = _as_sent(row.operation, name, inner, currency)
    return Argument(named(name), visible(text), hidden=has_hidden(text))


def _argument(operation: Operation, name: str, inner: Any, currency: str) -> str:
    """An argument in words, for what was changed."""
    if name in operation.secret:
        return _("hidden")
    if name in operation.masked:
        return masked(inner)
    return visible(_as_sent(operation, name, inner, currency))


def _as_sent(operation: Operation, name: str, inner: Any, currency: str) -> str:
    """An argument whole: what is shown is what is decided, and nothing of it stands for another."""
    if inner == "":
        return _("empty")
    if isinstance(inner, str):
        return inner
    if name == operation.money:
        shown = value(inner, currency, "money")
        return shown if _is_exact(inner) else f"{shown} ({inner})"
    if isinstance(inner, (list, dict)) and not _is_plain(inner):
        return json.dumps(inner, ensure_ascii=False, indent=1, default=str)
    return value(inner, currency, whole=True)


def _is_exact(amount: Any) -> bool:
    """Whether two places say all of it."""
    try:
        return Decimal(str(amount)) == Decimal(str(amount)).quantize(Decimal("0.01"))
    except ArithmeticError:
        return True  # shown as it is


def _is_plain(inner: Any) -> bool:
    """Whether a list or record can be written with commas and colons, and is still read as what it is."""
    pairs = inner.items() if isinstance(inner, dict) else ((None, one) for one in inner)
    leaves = [part for pair in pairs for part in pair if part is not None]
    return len(str(inner)) <= LONGEST and all(
        isinstance(part, (int, float)) or (isinstance(part, str) and part and PLAIN.fullmatch(part)) for part in leaves
    )


def _undo(operation: Operation, row: Write, hold: int, language: str) -> tuple[str, bool]:
    """In words, whether this can be taken back; true beside them if not."""
    note = say(row.receipt.get("note") or operation.undo.get("note"), language)
    if operation.undo.get("operation"):
        within = operation.undo.get("within")
        words = _("Can be undone")
        if within:
            words = _("Can be undone within %(time)s") % {"time": span(duration(within).clock_seconds)}
        return f"{words}. {note}" if note and note != words else words, False
    if not row.controlled:
        return note or _("Internal record"), False
    seconds = hold if operation.hold_seconds is None else operation.hold_seconds
    if seconds:
        return _("Cannot be undone after %(time)s") % {"time": span(seconds)}, True
    return _("Cannot be undone"), True


def _total(lines: Sequence[Line], currency: str) -> str:
    """The money that an option moves, of the first write that moves money; '' if none does."""
    for line in lines:
        name = line.write.operation.money
        if isinstance(name, str):
            changed = {argument: after for argument, _before, after in line.changed}
            if named(name) in changed:
                return changed[named(name)]
        if line.write.money is not None:
            return money(line.write.money, line.write.currency or currency)
    return ""


def _words(title: str, total: str, edited: Sequence[Line]) -> str:
    """The button: the option's words and amount; after a change the operation's words and the new amount."""
    for line in edited:
        if line.changed and total:
            return f"{line.operation} {total}"
    if edited and any(line.changed for line in edited):
        return _("%(option)s, as changed") % {"option": title}
    return title if not total or total in title else f"{title} {total}"


def reason_needed(proposal: Proposal, option: str, edits: Edits) -> bool:
    """Reject, edit, and differing from the suggestion need a reason."""
    return option == REJECT or bool(edits) or differs(proposal, option)


def differs(proposal: Proposal, option: str) -> bool:
    """Whether it is another option than the suggested one."""
    return bool(proposal.suggested and option != proposal.suggested)


def seal(fingerprint: str, option: str, edits: Edits) -> str:
    """What the check page showed: a digest, so that a confirmation belongs to exactly that."""
    return digest([fingerprint, option, {name: dict(values) for name, values in edits.items()}])


def needs_check(risk: str, edits: Edits, option: Option | None) -> bool:
    """High risk and every change of an argument, one's own or of who answered first, are shown once more."""
    return risk == "high" or bool(edits) or bool(option and option.fixed_by and option.is_changed)
