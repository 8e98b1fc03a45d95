"""Drafts: a second person publishes or drops a change that loosens. With a start time it begins by itself."""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from approvals.models import Draft
from cases.actors import Actor, person
from cases.errors import Incorrect, NoRight, NotFound, ReasonRequired, Refusal
from cases.ledger import append_company
from orchestrator.workmap import live as live_records
from orchestrator.workmap import transitions
from orchestrator.workmap.checking import check_whole
from orchestrator.workmap.errors import (
    DraftEnded,
    DraftOutdated,
    DraftPlanned,
    NotPlanned,
    OwnLimit,
    Refused,
    SecondPerson,
)
from orchestrator.workmap.loosening_rules import is_standing
from orchestrator.workmap.planning import after
from orchestrator.workmap.records import Record, Records, same

RIGHT = "approvals.change_draft"
LATEST = timedelta(days=366)
_START: dict[str, Any] = {"starts_at": []}

logger = logging.getLogger(__name__)


def publish(*, actor: Actor, draft_id: int, reason: str, start_at: datetime | None, now: datetime) -> Draft:
    """Bring a draft into force: at once, or by itself at `start_at` (`start_due`), until then it can be called off.

    Raises SecondPerson for whoever proposed it, OwnLimit, ReasonRequired, DraftEnded, DraftPlanned, DraftOutdated, and
    Refused if it does not fit to what is in force.
    """
    with transaction.atomic():
        transitions.lock()
        draft = _waiting(actor, draft_id)
        if draft.state == Draft.SCHEDULED:
            raise DraftPlanned
        if not reason.strip():
            raise ReasonRequired(_("Say why this is published. A reason is needed here, and nothing was changed."))
        _check_start(start_at, now)
        live = live_records.read()
        _check(actor, draft, live)
        draft.publisher, draft.publisher_label, draft.publish_reason = actor.user, actor.label, reason.strip()[:300]
        draft.problem = ""
        if start_at is None:
            _bring(draft, live, actor=actor, now=now)
        else:
            append_company([transitions.schedule(draft, actor=actor, start_at=start_at)], now=now)
    return draft


def call_off(*, actor: Actor, draft_id: int, reason: str, now: datetime) -> Draft:
    """Before it starts: the draft waits for a second person again. Whoever proposed it may too: nothing loosens."""
    with transaction.atomic():
        transitions.lock()
        draft = _waiting(actor, draft_id)
        if draft.state != Draft.SCHEDULED:
            raise NotPlanned
        append_company([transitions.call_off(draft, actor=actor, why=reason.strip())], now=now)
    return draft


def start_due(*, actor: Actor, now: Callable[[], datetime]) -> int:
    """Bring into force what is due by `now` (the database's time). One that no longer fits waits for people again,
    and says why. Returns how many came into force."""
    due = Draft.objects.filter(state=Draft.SCHEDULED, starts_at__lte=now()).order_by("starts_at", "pk")
    started = 0
    for draft_id in list(due.values_list("pk", flat=True)):
        try:
            started += _start(actor, draft_id, now)
        except Exception:
            logger.exception("A planned change could not be brought into force", extra={"draft": draft_id})
    return started


def drop(*, actor: Actor, draft_id: int, now: datetime) -> Draft:
    """End a draft without any change, also one that has a start time. Whoever proposed it may drop it too."""
    with transaction.atomic():
        transitions.lock()
        draft = _waiting(actor, draft_id)
        append_company([transitions.end(draft, "dropped", actor=actor, now=now)], now=now)
    return draft


def _start(actor: Actor, draft_id: int, now: Callable[[], datetime]) -> bool:
    with transaction.atomic():
        transitions.lock()
        draft = Draft.objects.select_for_update(of=("self",)).select_related("publisher").get(pk=draft_id)
        at = now()
        if draft.state != Draft.SCHEDULED or draft.starts_at is None or draft.starts_at > at:
            return False
        live = live_records.read()
        try:
            publisher = _still_there(draft)
            _check(publisher, draft, live)
        except Refusal as refusal:
            append_company([transitions.not_started(draft, actor=actor, why=refusal.message)], now=at)
            return False
        _bring(draft, live, actor=actor, now=at)
    return True


def _still_there(draft: Draft) -> Actor:
    """The second person, as they are now: who left, or lost the right, has nothing start in their name."""
    if draft.publisher is None:
        raise NoRight(_("Who published it has no account any more. Nothing was changed."))
    actor = person(draft.publisher)
    _must_publish(actor)
    return actor


def _bring(draft: Draft, live: live_records.Live, *, actor: Actor, now: datetime) -> None:
    key = (draft.what, draft.name)
    changed = transitions.bring_into_force(
        {key: draft.becomes["becomes"]},
        live,
        actor=actor,
        user=draft.publisher,
        reason=f"{draft.by_label}: {draft.reason} · {draft.publisher_label}: {draft.publish_reason}",
        words=draft.words.splitlines(),
        code="policy.changed",
    )
    append_company([*changed, transitions.end(draft, "published", actor=actor, now=now)], now=now)


def _check(actor: Actor, draft: Draft, live: live_records.Live) -> None:
    """Whether `actor` may publish it as a second person, and it fits to what is in force now."""
    if draft.by_id is not None and draft.by_id == actor.user_id:
        raise SecondPerson
    key = (draft.what, draft.name)
    was, becomes = draft.becomes["was"], draft.becomes["becomes"]
    if _is_own(actor, draft.what, [one for one in (was, becomes) if one is not None], live.records):
        raise OwnLimit
    if not same(live.records.get(key), was):
        raise DraftOutdated
    old = {problem.text for problem in check_whole(live.records)}
    found = [p.text for p in check_whole(after(live.records, {key: becomes})) if p.text not in old]
    if found:
        raise Refused(found)


def _check_start(start_at: datetime | None, now: datetime) -> None:
    if start_at is None:
        return
    if start_at <= now:
        raise Incorrect(_("The start time has passed. Choose a later one, or none to start at once."), fields=_START)
    if start_at > now + LATEST:
        raise Incorrect(_("Choose a start time within a year."), fields=_START)


def _waiting(actor: Actor, draft_id: int) -> Draft:
    _must_publish(actor)
    draft = Draft.objects.select_for_update().filter(pk=draft_id).first()
    if draft is None:
        raise NotFound
    if draft.state not in Draft.WAITING:
        raise DraftEnded
    return draft


def _must_publish(actor: Actor) -> None:
    user = actor.user
    if not actor.is_person or user is None or not user.is_active or not user.has_perm(RIGHT):
        raise NoRight


def _is_own(actor: Actor, what: str, sides: Iterable[Record], live: Records) -> bool:
    """Whether the change, before or after, is about what the person, or a team they decide in, may decide."""
    teams, persons = set[str](), set[str]()
    for record in sides:
        teams.update(_deciding(what, record, live))
        if what == "rule" and is_standing(record):
            persons.add(record["then"]["standing_approval"]["by"])
    user = actor.user
    return user.username in persons or user.groups.filter(team__name__in=teams).exists()


def _deciding(what: str, record: Record, live: Records) -> Iterator[str]:
    """Every team of whose decisions the record says something. Where a rule does not match, the type's lead decides;
    beyond a standing approval the same people do as without it."""
    if what == "rule":
        yield from teams_asked(record["then"])
        if not is_standing(record):
            yield from _leads(record.get("when", {}).get("types"), live)
    elif what == "request_type":
        yield record["lead"]
    elif what == "team":
        yield record["name"]
        if "escalates_to" in record:
            yield record["escalates_to"]


def _leads(types: Iterable[str] | None, live: Records) -> list[str]:
    """Who decides in these request types (none named: in all) where no rule says who."""
    found = {name: record["lead"] for (what, name), record in live.items() if what == "request_type"}
    return [found[name] for name in types or found if name in found]


def teams_asked(then: Mapping[str, Any]) -> Iterator[str]:
    """Every team that a rule lets decide."""
    for ask in (then, then.get("if_unknown", {}), *then.get("stages", [])):
        if "ask" in ask:
            yield ask["ask"]
        if "pass_to" in ask.get("if_nobody", {}):
            yield ask["if_nobody"]["pass_to"]
