"""What a person has to tick before some writes are decided, and that it is what they read: checked where the decision
is made. Pure."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from agents.configuration import Configuration
from agents.models import Proposal, Write
from approvals import showing, variants
from approvals.errors import Changed
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
    said: Collection[str] | Mapping[str, str],
    evidence: str | None,
    config: Configuration,
    now: datetime,
) -> dict[str, str]:
    """{WRITE.SLOT: what stood there} of the ticks of this option, as it is kept in the decision.

    `said`: what was ticked, with the text that stood there or its digest; names alone stand for what the approval was
    raised with. `evidence`: digest of what was read; a program that names none stands for what the approval was
    raised with, too.
    Raises `Changed` if something else stands there now, `Incorrect` if a tick is missing, if there is nothing of its
    name to tick, or if what it is about was not found; a reject needs none.
    """
    grounds = showing.Grounds(
        evidence=proposal.evidence,
        tables=case.type.tables if case.type else {},
        now=now,
        zone=config.zone,
        currency=config.company.currency,
        language="en",
    )
    own = [write for write in writes if write.option == option]
    if not (_as_raised(proposal, own) if evidence is None else was_read(evidence, grounds, own)):
        words = _("What was looked at for this changed in the meantime. Nothing was decided.")
        raise Changed(words, evidence_digest=grounds.digest)
    kept: dict[str, str] = {}
    keys: set[str] = set()
    for write in own:
        if not variants.ticks_of(write.operation.shows):
            continue
        panel = showing.panel(write, {**write.proposed, **edits.get(write.name, {})}, grounds)
        ticks = panel.ticks if panel else []
        for tick in ticks:
            key = showing.key(write.name, tick.name)
            keys.add(key)
            if key in said and tick.known:
                if _stood_there(said, key, tick, proposal):
                    kept[key] = tick.text[:LONGEST]
                elif option != REJECT:
                    raise Changed(_("“%(what)s” changed in the meantime. Nothing was decided.") % {"what": tick.title})
            elif option != REJECT:
                raise _missing(tick, key)
        unfilled = {slot.name for slot in variants.ticks_of(write.operation.shows)} - {tick.name for tick in ticks}
        if unfilled and option != REJECT:
            raise Incorrect(_("What has to be confirmed is not named by the map. Nothing was decided."))
    if unknown := sorted(set(said) - keys):
        words = _("There is nothing of the name %(name)s to confirm here. Nothing was decided.")
        raise Incorrect(words % {"name": unknown[0][:100]}, fields={"confirmed": unknown})
    return kept


def was_read(evidence: str, grounds: showing.Grounds, writes: Iterable[Write]) -> bool:
    """Whether a page was filled from these grounds. Only one that shows no panel of `writes` may leave it unsaid."""
    if not evidence:
        return not any(variants.of(write.operation.shows) for write in writes)
    return evidence == grounds.digest


def _as_raised(proposal: Proposal, writes: Iterable[Write]) -> bool:
    """Whether a panel of `writes`, if there is one, shows what people were asked with. Ticks say it themselves."""
    panels = [write for write in writes if variants.of(write.operation.shows)]
    bare = any(not variants.ticks_of(write.operation.shows) for write in panels)
    return not bare or not any(row.get("changed_at") for row in proposal.evidence)


def _stood_there(said: Collection[str] | Mapping[str, str], key: str, tick: showing.Shown, proposal: Proposal) -> bool:
    if isinstance(said, Mapping):
        return said[key] in (tick.text, tick.digest)
    return not any(row.get("changed_at") for row in proposal.evidence)


def _missing(tick: showing.Shown, key: str) -> Incorrect:
    if not tick.known:
        words = _("“%(what)s” was not found, so it cannot be confirmed. Nothing was decided.")
    else:
        words = _("Confirm “%(what)s” by a tick of its own. Nothing was decided.")
    return Incorrect(words % {"what": tick.title}, fields={"confirmed": [key]})
