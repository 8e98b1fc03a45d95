"""What a person has to tick before some writes are decided, checked where the decision is made. Pure."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from agents.configuration import Configuration
from agents.models import Proposal, Write
from approvals import showing, variants
from cases.errors import Incorrect
from cases.models import Case

REJECT = "reject"
LONGEST = 1_000  # characters of what is kept beside a tick


def ticked(
    case: Case,
    proposal: Proposal,
    writes: Sequence[Write],
    *,
    option: str,
    edits: Mapping[str, Mapping[str, Any]],
    keys: Collection[str],
    config: Configuration,
    now: datetime,
) -> dict[str, str]:
    """{WRITE.SLOT: what stood there} of the ticks of this option, as it is kept in the decision.

    Raises `Incorrect` if one is missing or if what it is about was not found; a reject needs none.
    """
    asked = [w for w in writes if w.option == option and variants.ticks_of(w.operation.shows)]
    if not asked:
        return {}
    grounds = showing.Grounds(
        evidence=proposal.evidence,
        tables=case.type.tables if case.type else {},
        now=now,
        zone=config.zone,
        currency=config.company.currency,
        language="en",
    )
    kept: dict[str, str] = {}
    for write in asked:
        panel = showing.panel(write, {**write.proposed, **edits.get(write.name, {})}, grounds)
        ticks = panel.ticks if panel else []
        for tick in ticks:
            key = showing.key(write.name, tick.name)
            if key in keys and tick.known:
                kept[key] = tick.text[:LONGEST]
            elif option != REJECT:
                raise _missing(tick, key)
        unfilled = {slot.name for slot in variants.ticks_of(write.operation.shows)} - {tick.name for tick in ticks}
        if unfilled and option != REJECT:
            raise Incorrect(_("What has to be confirmed is not named by the map. Nothing was decided."))
    return kept


def _missing(tick: showing.Shown, key: str) -> Incorrect:
    if not tick.known:
        words = _("“%(what)s” was not found, so it cannot be confirmed. Nothing was decided.")
    else:
        words = _("Confirm “%(what)s” by a tick of its own. Nothing was decided.")
    return Incorrect(words % {"what": tick.title}, fields={"confirmed": [key]})
