"""What somebody is to be told now, from what is open for them and what they were told already. Pure: no queries.

Order of weight: overdue, passed up, asked, reminder. Urgent is what is due within two hours or high risk; the rest
waits for the digests. What is passed up or overdue is told whatever the person chose (ux.md 4.13).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta, tzinfo

URGENT = timedelta(hours=2)
APART = timedelta(hours=4)  # no reminder of the same item sooner
SLOTS = (time(9), time(14))  # of the company's day
SLOT_LASTS = timedelta(hours=4)  # a digest that nobody could send in time is still sent this long


@dataclass(frozen=True)
class Ask:
    """One asked team through which this person may decide. `passed_over`: somebody was asked because it was late."""

    id: int
    since: datetime
    passed_up: bool
    passed_over: bool
    stage: int = 0


@dataclass(frozen=True)
class Open:
    """Something that waits for this person: an approval (with its asks) or a case that was handed to their team."""

    item: str
    due: datetime | None
    high: bool
    kind: str  # of a case: `handed:TURN`
    since: datetime
    asks: tuple[Ask, ...] = ()
    round: int = 0

    def urgent(self, now: datetime) -> bool:
        return self.high or (self.due is not None and self.due <= now + URGENT)


@dataclass(frozen=True)
class Told:
    """One notice that was made before: what about, which, and when."""

    item: str
    kind: str
    at: datetime


@dataclass(frozen=True)
class Plan:
    """One notice to be made."""

    item: str
    kind: str
    covers: tuple[str, ...] = ()


def slot_of(now: datetime, zone: tzinfo) -> datetime | None:
    """The digest that is due at `now`: the last slot, while it lasts; None between."""
    local = now.astimezone(zone)
    passed = [datetime.combine(local.date(), slot, zone) for slot in SLOTS]
    passed = [at for at in passed if at <= local]
    return passed[-1] if passed and local - passed[-1] < SLOT_LASTS else None


def plans(opened: Sequence[Open], told: Sequence[Told], *, mode: str, now: datetime, zone: tzinfo) -> list[Plan]:
    """What one person is to be told now."""
    by_item = _by_item(told)
    made = [plan for one in opened if (plan := _single(one, by_item.get(one.item, []), mode, now)) is not None]
    if mode != "none":
        made += _digest(opened, by_item, {plan.item for plan in made}, now, zone)
    return made


def plans_of_hook(opened: Sequence[Open], told: Sequence[Told], *, now: datetime, zone: tzinfo) -> list[Plan]:
    """What a team's channel is to be told now: how many wait, when something urgent is new, and in the digests."""
    by_item = _by_item(told)
    fresh = tuple(one.item for one in opened if one.urgent(now) and one.item not in by_item)
    made = [Plan("digest", f"asked:{fresh[0]}", fresh)] if fresh else []
    return made + _digest(opened, by_item, set(fresh), now, zone)


def _by_item(told: Iterable[Told]) -> dict[str, list[Told]]:
    found: dict[str, list[Told]] = {}
    for one in told:
        found.setdefault(one.item, []).append(one)
    return found


def _single(one: Open, told: Sequence[Told], mode: str, now: datetime) -> Plan | None:
    kinds = {before.kind for before in told}
    for ask in one.asks:  # these cannot be muted
        late = ask.passed_over or (one.due is not None and one.due <= now and not _later(ask, one.asks))
        if late and f"due:{ask.id}" not in kinds:
            return Plan(one.item, f"due:{ask.id}")
        if ask.passed_up and not kinds & {f"passed_up:{ask.id}", f"due:{ask.id}"}:
            return Plan(one.item, f"passed_up:{ask.id}")
    if mode != "at_once":
        return None
    if not told:
        return Plan(one.item, one.kind) if one.urgent(now) else None
    return _reminder(one, told, kinds, now)


def _later(ask: Ask, asks: Sequence[Ask]) -> bool:
    """Whether the deadline that stands is that of another ask, made after this one."""
    return any(other.since > ask.since for other in asks)


def _reminder(one: Open, told: Sequence[Told], kinds: set[str], now: datetime) -> Plan | None:
    """At half time, once a deadline, and never within four hours of the last word about it."""
    if one.due is None or one.due <= now or not one.asks:
        return None
    newest = max(one.asks, key=lambda ask: ask.since)
    kind = f"half:{newest.stage}.{one.round}"
    half = newest.since + (one.due - newest.since) / 2
    return Plan(one.item, kind) if now >= half and kind not in kinds and _quiet(told, now) else None


def _quiet(told: Iterable[Told], now: datetime) -> bool:
    return all(now - before.at >= APART for before in told)


def _digest(
    opened: Sequence[Open], by_item: Mapping[str, Sequence[Told]], now_told: set[str], now: datetime, zone: tzinfo
) -> list[Plan]:
    """What waited at the hour of the digest and was not spoken of in the four hours before it, once a slot."""
    slot = slot_of(now, zone)
    if slot is None or any(before.kind == digest_kind(slot) for before in by_item.get("digest", ())):
        return []
    covers = tuple(
        one.item
        for one in opened
        if one.item not in now_told and one.since <= slot and _quiet(by_item.get(one.item, ()), slot)
    )
    return [Plan("digest", digest_kind(slot), covers)] if covers else []


def digest_kind(slot: datetime) -> str:
    """`2026-11-24T09:00+08:00`: one a slot."""
    return slot.isoformat(timespec="minutes")
