"""What is told when: pure, minute by minute."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from orchestrator.notices.planning import Ask, Open, Plan, Told, digest_kind, plans, plans_of_hook, slot_of

ZONE = ZoneInfo("Asia/Hong_Kong")
NINE = datetime(2026, 11, 24, 9, 0, tzinfo=ZONE)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


def approval(due: datetime | None, since: datetime, *, high: bool = False, **ask: bool) -> Open:
    one = Ask(7, since, ask.get("passed_up", False), ask.get("passed_over", False))
    return Open("approval:x", due, high, "asked", since, (one,))


def live(one: Open, start: datetime, hours: float, mode: str = "at_once") -> list[tuple[datetime, str]]:
    """Every minute for some hours: when which kind was told."""
    told: list[Told] = []
    heard = []
    for minute in range(int(hours * 60)):
        now = start + minute * MINUTE
        for plan in plans([one], told, mode=mode, now=now, zone=ZONE):
            heard.append((now, plan.kind))
            told.append(Told(plan.item, plan.kind, now))
            told += [Told(item, "digest", now) for item in plan.covers]
    return heard


def test_due_within_two_hours_is_told_at_once_and_once() -> None:
    since = NINE + HOUR
    assert live(approval(since + 2 * HOUR, since), since, 1.5) == [(since, "asked")]


def test_high_risk_is_told_at_once_however_late_it_is_due() -> None:
    since = NINE + HOUR
    assert live(approval(since + 100 * HOUR, since, high=True), since, 3)[0] == (since, "asked")


def test_the_rest_waits_for_the_digests_of_nine_and_fourteen() -> None:
    since = NINE + HOUR  # 10:00, due the day after tomorrow
    heard = live(approval(since + 56 * HOUR, since), since, 24)
    assert [at.astimezone(ZONE).strftime("%d %H:%M") for at, _kind in heard] == ["24 14:00", "25 09:00"]


def test_a_digest_has_nothing_that_came_after_its_hour() -> None:
    since = NINE + timedelta(minutes=30)
    assert live(approval(since + 9 * HOUR, since), since, 4) == []


def test_a_reminder_comes_at_half_time_and_never_within_four_hours() -> None:
    since = datetime(2026, 11, 24, 15, 0, tzinfo=ZONE)
    short = live(approval(since + 1.9 * HOUR, since), since, 1.8)
    assert [kind for _at, kind in short] == ["asked"]  # half time is an hour after the first word
    high = live(approval(since + 10 * HOUR, since, high=True), since, 9.9)
    assert high == [(since, "asked"), (since + 5 * HOUR, "half:0.0")]
    soon = live(approval(since + 6 * HOUR, since, high=True), since, 5.9)
    assert soon == [(since, "asked"), (since + 4 * HOUR, "half:0.0")]


@pytest.mark.parametrize("mode", ["at_once", "digest", "none"])
def test_what_is_passed_up_or_overdue_cannot_be_muted(mode: str) -> None:
    since = NINE + HOUR
    up = approval(since + 9 * HOUR, since, passed_up=True)
    assert live(up, since, 1, mode) == [(since, "passed_up:7")]
    late = approval(since + HOUR, since, passed_over=False)
    assert (since + HOUR, "due:7") in live(late, since, 2, mode)
    assert "due:7" in [kind for _at, kind in live(approval(None, since, passed_over=True), since, 1, mode)]


def test_each_choice_hears_what_it_chose() -> None:
    since = NINE + 4 * HOUR
    urgent = approval(since + 1.5 * HOUR, since)
    assert [kind for _at, kind in live(urgent, since, 1.4)] == ["asked"]
    assert [kind for _at, kind in live(urgent, since, 1.4, "digest")] == [digest_kind(NINE + 5 * HOUR)]
    assert live(urgent, since, 1.4, "none") == []


def test_the_same_item_is_never_told_twice_within_four_hours_unless_it_is_passed_up_or_late() -> None:
    for hours in range(1, 60, 3):
        for start in range(0, 24, 5):
            since = NINE + start * HOUR
            heard = [at for at, kind in live(approval(since + hours * HOUR, since), since, hours) if "due" not in kind]
            assert all(b - a >= 4 * HOUR for a, b in pairwise(heard)), (hours, start, heard)


def test_a_digest_that_could_not_be_made_in_time_is_made_up_to_four_hours_later() -> None:
    assert slot_of(NINE - MINUTE, ZONE) is None
    assert slot_of(NINE, ZONE) == NINE
    assert slot_of((NINE + 3.9 * HOUR).astimezone(UTC), ZONE) == NINE
    assert slot_of(NINE + 4 * HOUR, ZONE) is None


def test_a_channel_hears_of_new_urgent_ones_in_one_post_and_of_all_in_the_digests() -> None:
    now = NINE + HOUR
    opened = [Open(f"approval:{n}", now + HOUR, False, "asked", now) for n in range(3)]
    calm = Open("approval:calm", now + 90 * HOUR, False, "asked", now)
    first = plans_of_hook([*opened, calm], [], now=now, zone=ZONE)
    assert first == [Plan("digest", "asked:approval:0", ("approval:0", "approval:1", "approval:2"))]
    told = [Told("digest", "asked:approval:0", now)] + [Told(one.item, "digest", now) for one in opened]
    assert plans_of_hook([*opened, calm], told, now=now + MINUTE, zone=ZONE) == []
    later = plans_of_hook([*opened, calm], told, now=NINE + 5 * HOUR, zone=ZONE)
    assert [plan.covers for plan in later] == [("approval:0", "approval:1", "approval:2", "approval:calm")]
