"""When calls to a failing system wait, and when one may try."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from agents.connectors import Answer
from agents.connectors.breaker import (
    FAILURES,
    FIRST_PAUSE,
    LONGEST_PAUSE,
    PROBE_SECONDS,
    Breaker,
    Event,
    decide,
    event_of,
)

NOW = datetime(2026, 9, 1, tzinfo=UTC)


def after(*events: Event, now: datetime = NOW, state: Breaker | None = None) -> Breaker:
    found = state or Breaker()
    for event in events:
        found = decide(found, event, now=now, random=lambda: 0.5).state
    return found


def allowed(state: Breaker, now: datetime) -> bool:
    return decide(state, "ask", now=now, random=lambda: 0.5).allowed


def test_it_opens_after_five_failures_in_a_row() -> None:
    assert allowed(after(*["failed"] * (FAILURES - 1)), NOW)
    assert not allowed(after(*["failed"] * FAILURES), NOW)


def test_one_success_begins_the_count_anew() -> None:
    assert after("failed", "failed", "failed", "failed", "worked") == Breaker()
    assert allowed(after("failed", "failed", "failed", "failed", "worked", "failed"), NOW)


def test_one_probe_passes_after_the_pause_and_the_others_wait() -> None:
    state = after(*["failed"] * FAILURES)
    assert state.opens_at() is not None
    later = NOW + timedelta(seconds=FIRST_PAUSE + 1)
    probe = decide(state, "ask", now=later, random=lambda: 0.5)
    assert (probe.allowed, probe.changed) == (True, True)
    assert not allowed(probe.state, later)
    assert allowed(probe.state, later + timedelta(seconds=PROBE_SECONDS + 1)), "a lost probe lets another one pass"
    assert after("worked", state=probe.state) == Breaker()


def test_a_failed_probe_opens_it_for_longer_up_to_five_minutes() -> None:
    state, now, pauses = after(*["failed"] * FAILURES), NOW, []
    for _ in range(8):
        assert state.open_until is not None
        pauses.append(state.open_until - now.timestamp())
        now = datetime.fromtimestamp(state.open_until + 1, UTC)
        state = after("ask", "failed", now=now, state=state)
    assert pauses == sorted(pauses)
    assert 0.9 * FIRST_PAUSE <= pauses[0] <= FIRST_PAUSE
    assert 0.9 * LONGEST_PAUSE <= pauses[-1] <= LONGEST_PAUSE


def test_calls_that_were_under_way_do_not_lengthen_the_pause() -> None:
    state = after(*["failed"] * FAILURES)
    assert after("failed", "failed", now=NOW + timedelta(seconds=5), state=state) == state


def test_the_pause_is_jittered() -> None:
    states = {decide(after(*["failed"] * 4), "failed", now=NOW, random=lambda r=r: r).state for r in (0.0, 0.4, 0.9)}  # type: ignore[misc]
    assert len(states) == 3


@given(st.lists(st.tuples(st.sampled_from(["ask", "worked", "failed"]), st.integers(0, 400)), max_size=60))
def test_it_always_opens_again_and_its_state_survives_storing(steps: list[tuple[Event, int]]) -> None:
    state, now = Breaker(), NOW
    for event, seconds in steps:
        now += timedelta(seconds=seconds)
        state = decide(state, event, now=now, random=lambda: 0.99).state
        assert Breaker.of(state.stored()) == state
        assert allowed(state, now + timedelta(seconds=LONGEST_PAUSE + PROBE_SECONDS))


def test_an_odd_stored_state_is_a_closed_breaker() -> None:
    for stored in (None, {}, {"failures": "x"}, {"open_until": []}):
        assert Breaker.of(stored) == Breaker()


def test_a_refusal_is_a_healthy_answer_and_a_broken_call_says_nothing() -> None:
    assert event_of(Answer(True, "done", 200)) == "worked"
    assert event_of(Answer(False, "failed", 404)) == "worked"
    assert event_of(Answer(False, "failed", 503, retryable=True)) == "failed"
    assert event_of(Answer(False, "unknown", 200)) == "failed"
    assert event_of(Answer(False, "unknown")) == "failed"
    assert event_of(Answer(False, "not_sent", retryable=True)) == "failed"
    assert event_of(Answer(False, "not_sent", retryable=False)) is None
    assert event_of(Answer(True, "done")) == "worked"
