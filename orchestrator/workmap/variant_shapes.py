"""The shape of `shows`: an operation names a variant of the approval page and says what fills its slots. Pure."""

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_noop as _

from approvals.variants import SOURCES, VARIANTS
from orchestrator.workmap.problems import Path, Report
from orchestrator.workmap.shapes import Choice, Kinds, Record, Shape, Text, wanted

_filled = Kinds(
    _("a source of what is shown"),
    {
        source: Record(_("a source of what is shown"), {source: Text(2000 if source == "formula" else 300)}, (source,))
        for source in SOURCES
    },
)


@dataclass(frozen=True, slots=True)
class Shows:
    """`{as: VARIANT, SLOT: {fact: …}}`: the slots of that variant and no other, and all that it needs."""

    def check(self, value: Any, at: Path, report: Report) -> None:
        if not isinstance(value, dict):
            report.add(at, wanted(_("what its approval shows"), value, at))
            return
        variant = VARIANTS.get(str(value.get("as")))
        if variant is None:
            Record(_("what its approval shows"), {"as": Choice(tuple(VARIANTS))}, ("as",)).check(
                {"as": value["as"]} if "as" in value else {}, at, report
            )
            return
        keys: dict[str, Shape] = {"as": Choice(tuple(VARIANTS)), **{slot.name: _filled for slot in variant.slots}}
        needs = tuple(slot.name for slot in variant.slots if slot.needed)
        Record(_("what its approval shows"), keys, needs).check(value, at, report)
