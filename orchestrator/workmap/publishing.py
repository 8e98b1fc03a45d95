"""Drafts: a second person publishes or drops a change that loosens."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from approvals.models import Draft
from cases.actors import Actor
from cases.errors import NoRight, NotFound
from cases.ledger import append_company
from orchestrator.workmap import live as live_records
from orchestrator.workmap import transitions
from orchestrator.workmap.checking import check_whole
from orchestrator.workmap.errors import DraftEnded, DraftOutdated, OwnLimit, Refused, SecondPerson
from orchestrator.workmap.planning import after
from orchestrator.workmap.records import Record, same

RIGHT = "approvals.change_draft"


def publish(*, actor: Actor, draft_id: int, now: datetime) -> Draft:
    """Bring a draft into force. Raises SecondPerson for whoever proposed it, OwnLimit, DraftEnded, DraftOutdated,
    and Refused if it does not fit to what is in force."""
    with transaction.atomic():
        transitions.lock()
        draft = _open(actor, draft_id)
        if draft.by_id is not None and draft.by_id == actor.user_id:
            raise SecondPerson
        key = (draft.what, draft.name)
        was, becomes = draft.becomes["was"], draft.becomes["becomes"]
        if draft.what == "rule" and _is_own(actor, [was, becomes]):
            raise OwnLimit
        live = live_records.read()
        if not same(live.records.get(key), was):
            raise DraftOutdated
        old = {problem.text for problem in check_whole(live.records)}
        found = [p.text for p in check_whole(after(live.records, {key: becomes})) if p.text not in old]
        if found:
            raise Refused(found)
        transitions.bring_into_force(
            {key: becomes},
            live,
            actor=actor,
            reason=draft.reason,
            words=draft.words.splitlines(),
            code="policy.changed",
        )
        append_company([transitions.end(draft, "published", actor=actor, now=now)], now=now)
    return draft


def drop(*, actor: Actor, draft_id: int, now: datetime) -> Draft:
    """End a draft without any change. Whoever proposed it may drop it too."""
    with transaction.atomic():
        transitions.lock()
        draft = _open(actor, draft_id)
        append_company([transitions.end(draft, "dropped", actor=actor, now=now)], now=now)
    return draft


def _open(actor: Actor, draft_id: int) -> Draft:
    user = actor.user
    if not actor.is_person or user is None or not user.is_active or not user.has_perm(RIGHT):
        raise NoRight
    draft = Draft.objects.select_for_update().filter(pk=draft_id).first()
    if draft is None:
        raise NotFound
    if draft.state != Draft.OPEN:
        raise DraftEnded
    return draft


def _is_own(actor: Actor, rules: Iterable[Record | None]) -> bool:
    """Whether the rule, before or after, names the person or a team they decide in."""
    said = [rule["then"] for rule in rules if rule is not None]
    persons = {then["standing_approval"]["by"] for then in said if "standing_approval" in then}
    teams = {team for then in said for team in teams_asked(then)}
    user = actor.user
    return user.username in persons or user.groups.filter(team__name__in=teams).exists()


def teams_asked(then: Mapping[str, Any]) -> Iterator[str]:
    """Every team that a rule lets decide."""
    for ask in (then, then.get("if_unknown", {}), *then.get("stages", [])):
        if "ask" in ask:
            yield ask["ask"]
        if "pass_to" in ask.get("if_nobody", {}):
            yield ask["if_nobody"]["pass_to"]
