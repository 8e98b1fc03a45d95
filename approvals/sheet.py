"""What a decision page shows of a proposal: its options, and for each exactly what will be written. Pure.

The writes shown come from the stored rows that the fingerprint covers, never from a text that a model wrote.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _

from agents.forms import Box, entries
from agents.models import Operation, Proposal, Write
from cases.calendars import duration
from cases.canonical import digest
from cases.texts import say
from cases.wording import field as spoken
from cases.wording import money, span, value

Edits = Mapping[str, Mapping[str, Any]]
REJECT = "reject"


@dataclass
class Line:
    """One write of an option, in words."""

    write: Write
    system: str
    operation: str
    values: list[tuple[str, str]]
    undo: str
    final: bool  # cannot be undone once written
    changed: list[tuple[str, str, str]] = field(default_factory=list)  # argument, from, to
    entries: list[Box] = field(default_factory=list)


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

    @property
    def rejects(self) -> bool:
        return self.name == REJECT

    @property
    def key(self) -> str:
        return str(self.index + 1) if self.index < 9 else ""

    @property
    def editable(self) -> list[Line]:
        return [line for line in self.lines if line.entries]


def options_of(
    proposal: Proposal,
    writes: Sequence[Write],
    *,
    language: str,
    hold: int,
    currency: str,
    chosen: str = "",
    edits: Edits | None = None,
) -> list[Option]:
    """The options in order. `edits` belong to the chosen one; `hold`: seconds until a write goes out."""
    made = []
    for index, stored in enumerate(proposal.options):
        own = edits if edits and stored["name"] == chosen else {}
        rows = sorted((w for w in writes if w.option == stored["name"]), key=lambda w: w.position)
        lines = [
            _line(row, own.get(row.name, {}), index=index, language=language, hold=hold, currency=currency)
            for row in rows
        ]
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
                draft=stored.get("draft") or "",
                lines=lines,
                words=_words(title, total, lines if own else []),
                money=total,
                chosen=stored["name"] == chosen,
            )
        )
    return made


def _line(row: Write, changed: Mapping[str, Any], *, index: int, language: str, hold: int, currency: str) -> Line:
    operation = row.operation
    before = row.proposed if row.decided is None else row.decided
    after = {**before, **changed}
    shown = [
        (spoken(name), _argument(operation, name, inner, row.currency or currency))
        for name, inner in after.items()
        if inner not in (None, "")
    ]
    undo, final = _undo(operation, row, hold, language)
    names = [name for name in operation.editable if name in (operation.arguments.get("properties") or {})]
    return Line(
        write=row,
        system=say(operation.system.title, language) or operation.system.name,
        operation=say(operation.title, language) or operation.name,
        values=shown,
        undo=undo,
        final=final,
        changed=[
            (
                spoken(name),
                _argument(operation, name, row.proposed.get(name), currency),
                _argument(operation, name, after.get(name), currency),
            )
            for name in after
            if after.get(name) != row.proposed.get(name)
        ],
        entries=entries(operation.arguments, after, prefix=f"edit.{index}.{row.name}.", only=names),
    )


def _argument(operation: Operation, name: str, inner: Any, currency: str) -> str:
    if name in operation.secret:
        return _("hidden")
    return value(inner, currency, "money" if name == operation.money else "")


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
            if spoken(name) in changed:
                return changed[spoken(name)]
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
    return option == REJECT or bool(edits) or bool(proposal.suggested and option != proposal.suggested)


def seal(fingerprint: str, option: str, edits: Edits) -> str:
    """What the check page showed: a digest, so that a confirmation belongs to exactly that."""
    return digest([fingerprint, option, {name: dict(values) for name, values in edits.items()}])


def needs_check(risk: str, edits: Edits) -> bool:
    """High risk and every change of an argument are shown once more before they are decided."""
    return risk == "high" or bool(edits)
