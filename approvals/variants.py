"""Kinds of approval that show more than their writes: which slots each has, and what may fill one. Pure, and no words
of a company's: an operation of the map says `shows: {as: voucher, budget_left: {fact: budget_left}}`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _

SOURCES = ("fact", "argument", "formula")  # what a slot may be filled with: exactly one of them


@dataclass(frozen=True)
class Slot:
    """One thing that a variant shows.

    `kind`: text, long, list, money, percent (32.5 is 32.5 %), or `old` and `new` (shown side by side, word by word).
    `ticked`: whoever decides must confirm it by a tick of its own.
    """

    name: str
    title: Any
    kind: str = "text"
    needed: bool = True
    ticked: bool = False


@dataclass(frozen=True)
class Variant:
    """A variant with its slots, in the order in which they are shown."""

    name: str
    title: Any
    slots: tuple[Slot, ...]

    def slot(self, name: str) -> Slot | None:
        return next((slot for slot in self.slots if slot.name == name), None)


_ALL = (
    Variant("voucher", _("Budget"), (Slot("budget_left", _("Budget left this month"), "money"),)),
    Variant(
        "discount",
        _("Price and margin"),
        (
            Slot("price_before", _("Price before"), "money", needed=False),
            Slot("price_after", _("Price after"), "money", needed=False),
            Slot("margin_before", _("Margin before"), "percent"),
            Slot("margin_after", _("Margin after"), "percent"),
        ),
    ),
    Variant(
        "contract",
        _("The clause, old and new"),
        (
            Slot("clause", _("Clause"), needed=False),
            Slot("before", _("As it stands"), "old"),
            Slot("after", _("As it would be"), "new"),
            Slot("draft", _("Draft to the customer"), "long", needed=False),
        ),
    ),
    Variant(
        "deploy",
        _("What goes live"),
        (
            Slot("ticket", _("Ticket")),
            Slot("version", _("Version"), needed=False),
            Slot("files", _("Files"), "list"),
            Slot("tests", _("Test result")),
            Slot("author", _("Written by")),
            Slot("roll_back", _("How to roll back"), "long"),
        ),
    ),
    Variant(
        "report",
        _("What the report stands on"),
        (
            Slot("source", _("Data source"), ticked=True),
            Slot("period", _("Period"), ticked=True),
            Slot("basis", _("Reporting basis"), ticked=True),
        ),
    ),
)
VARIANTS: dict[str, Variant] = {variant.name: variant for variant in _ALL}


def of(shows: Mapping[str, Any] | None) -> Variant | None:
    """The variant that an operation names; None if it names none that there is."""
    return VARIANTS.get(str((shows or {}).get("as", "")))


def ticks_of(shows: Mapping[str, Any] | None) -> tuple[Slot, ...]:
    """What has to be ticked before a write of this operation is decided."""
    variant = of(shows)
    return tuple(slot for slot in variant.slots if slot.ticked) if variant else ()
