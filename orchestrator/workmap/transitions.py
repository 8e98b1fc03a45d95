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
from orchestrator.workmap.rule_words import sentences

LOCK = 0x77636D61  # "wcma": the number of the advisory lock
MOVES = {"open": ("scheduled", "published", "dropped"), "scheduled": ("open", "published", "dropped")}


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
    user: Any = None,
) -> list[Entry]:
    """Apply the records. The event of it, or nothing if no row changed. `user`: whose name the history has, if it is
    not the actor's (the control layer starts what a person published)."""
    writer = Writer(user=actor.user or user, reason=reason)
    if not apply(changes, live, after(live.records, changes), writer):
        return []
    return [Entry(code, actor, {"changes": words[:200], "count": len(changes), "reason": reason})]


def propose(
    waiting: list[Waiting], live: Live, *, actor: Actor, reason: str, now: datetime
) -> tuple[list[Draft], list[Entry]]:
    """A draft for each change, unless the same one waits already. A draft that it replaces is dropped."""
    drafts: list[Draft] = []
    entries: list[Entry] = []
    for change in waiting:
        content = {"was": change.was, "becomes": change.becomes}
        there = Draft.objects.select_for_update().filter(
            what=change.key[0], name=change.key[1], state__in=Draft.WAITING
        )
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
            sentence=_sentence(change, live),
            created_at=now,
        )
        drafts.append(draft)
        entries.append(
            Entry("policy.proposed", actor, {"draft": draft.pk, "changes": list(change.words), "reason": reason})
        )
    return drafts, entries


def _sentence(change: Waiting, live: Live) -> dict[str, str]:
    """A rule as it would read, in each language; nothing for what is no rule, or ends."""
    if change.key[0] != "rule" or change.becomes is None or change.becomes.get("active") is False:
        return {}
    return sentences(change.becomes, live.records)


def schedule(draft: Draft, *, actor: Actor, start_at: datetime) -> Entry:
    """Published, to start by itself at a time. The caller has locked the row, and filled in who and why."""
    _move(draft, "scheduled")
    draft.starts_at = start_at
    fields = ["state", "starts_at", "publisher", "publisher_label", "publish_reason", "problem"]
    draft.save(update_fields=fields)
    return Entry("policy.scheduled", actor, _told(draft) | {"starts_at": start_at, "reason": draft.publish_reason})


def call_off(draft: Draft, *, actor: Actor, why: str) -> Entry:
    """Not started after all: it waits for a second person again."""
    data = _told(draft) | {"starts_at": draft.starts_at, "reason": why}
    _back(draft, "")
    return Entry("policy.called_off", actor, data)


def not_started(draft: Draft, *, actor: Actor, why: str) -> Entry:
    """At its time it did not fit any more: it waits for people again, who read why."""
    data = _told(draft) | {"starts_at": draft.starts_at, "reason": why}
    _back(draft, why[:500])
    return Entry("policy.not_started", actor, data)


def end(draft: Draft, state: str, *, actor: Actor, now: datetime, why: str = "") -> Entry:
    """A waiting draft is published or dropped. The caller has locked the row and seen that it waits."""
    _move(draft, state)
    draft.ended_by = draft.publisher_label if state == "published" else actor.label
    draft.ended_at = now
    fields = ["state", "ended_by", "ended_at", "publisher", "publisher_label", "publish_reason", "problem"]
    draft.save(update_fields=fields)
    data = _told(draft) | {"reason": why or (draft.publish_reason if state == "published" else draft.reason)}
    if state == "published" and draft.starts_at is not None:
        data |= {"starts_at": draft.starts_at, "published_by": draft.publisher_label}
    return Entry(f"policy.{state}", actor, data)


def _move(draft: Draft, state: str) -> None:
    assert state in MOVES[draft.state]  # noqa: S101  # a wrong caller, never a wrong input
    draft.state = state


def _back(draft: Draft, problem: str) -> None:
    _move(draft, "open")
    draft.starts_at, draft.publisher, draft.publisher_label, draft.publish_reason = None, None, "", ""
    draft.problem = problem
    fields = ["state", "starts_at", "publisher", "publisher_label", "publish_reason", "problem"]
    draft.save(update_fields=fields)


def _told(draft: Draft) -> dict[str, Any]:
    return {"draft": draft.pk, "changes": draft.words.splitlines(), "by": draft.by_label}
