"""Moves of the map: records come into force, changes become drafts, drafts end. In the caller's transaction.

Whoever calls holds the map's lock (`lock`), so that two loads, or a load and a publication, never mix.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import connection
from django.utils.translation import gettext as _

from approvals.models import Draft
from cases.actors import Actor
from cases.ledger import Entry
from orchestrator.workmap.applying import apply
from orchestrator.workmap.applying.writer import Writer
from orchestrator.workmap.live import Live
from orchestrator.workmap.planning import Waiting, after
from orchestrator.workmap.records import Key, Record, same

LOCK = 0x77636D61  # "wcma": the number of the advisory lock
MOVES = {"open": ("published", "dropped")}


def lock() -> None:
    """One at a time: the lock ends with the transaction."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])


def bring_into_force(
    changes: Mapping[Key, Record | None],
    live: Live,
    *,
    actor: Actor,
    reason: str,
    words: list[str],
    code: str,
) -> list[Entry]:
    """Apply the records. The event of it, or nothing if no row changed."""
    writer = Writer(user=actor.user, reason=reason)
    if not apply(changes, live, after(live.records, changes), writer):
        return []
    return [Entry(code, actor, {"changes": words[:200], "count": len(changes), "reason": reason})]


def propose(waiting: list[Waiting], *, actor: Actor, reason: str, now: datetime) -> tuple[list[Draft], list[Entry]]:
    """A draft for each change, unless the same one waits already. A draft that it replaces is dropped."""
    drafts: list[Draft] = []
    entries: list[Entry] = []
    for change in waiting:
        content = {"was": change.was, "becomes": change.becomes}
        there = Draft.objects.select_for_update().filter(what=change.key[0], name=change.key[1], state=Draft.OPEN)
        if any(same(draft.becomes, content) for draft in there):
            continue
        for draft in there:
            entries.append(end(draft, "dropped", actor=actor, now=now, why=_("replaced by a later draft")))
        draft = Draft.objects.create(
            what=change.key[0],
            name=change.key[1],
            becomes=content,
            words="\n".join(change.words),
            by=actor.user,
            by_label=actor.label,
            reason=reason[:300],
            created_at=now,
        )
        drafts.append(draft)
        entries.append(
            Entry("policy.proposed", actor, {"draft": draft.pk, "changes": list(change.words), "reason": reason})
        )
    return drafts, entries


def end(draft: Draft, state: str, *, actor: Actor, now: datetime, why: str = "") -> Entry:
    """An open draft is published or dropped. The caller has locked the row and seen that it is open."""
    assert state in MOVES[draft.state]  # noqa: S101  # a wrong caller, never a wrong input
    draft.state = state
    draft.ended_by = actor.label
    draft.ended_at = now
    draft.save(update_fields=["state", "ended_by", "ended_at"])
    data: dict[str, Any] = {"draft": draft.pk, "changes": draft.words.splitlines(), "by": draft.by_label}
    return Entry(f"policy.{state}", actor, data | ({"reason": why} if why else {"reason": draft.reason}))
