"""The circuit breaker of a system, as a pure decision: state in, event and time in, new state out.

Closed: calls pass. After FAILURES failed calls in a row it opens and calls wait; each time its pause is over
one probe may pass, whose success closes it and whose failure opens it again for longer. The caller stores the
state (JSON).
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from agents.connectors.base import Answer

FAILURES = 5
FIRST_PAUSE = 30.0
LONGEST_PAUSE = 300.0
PROBE_SECONDS = 60.0
"""A probe whose worker died counts as lost after this long, and another one may pass."""

Event = Literal["ask", "worked", "failed"]


@dataclass(frozen=True)
class Breaker:
    """Failures in a row, how often it has opened since the last success, until when (epoch seconds) calls are
    held back, and whether a probe is under way until then."""

    failures: int = 0
    openings: int = 0
    open_until: float | None = None
    probing: bool = False

    @classmethod
    def of(cls, stored: Mapping[str, Any] | None) -> "Breaker":
        """The state out of what `stored()` gave; nothing, or something odd, is a closed breaker."""
        kept = stored or {}
        try:
            until = kept.get("open_until")
            return cls(
                failures=int(kept.get("failures", 0)),
                openings=int(kept.get("openings", 0)),
                open_until=None if until is None else float(until),
                probing=bool(kept.get("probing", False)),
            )
        except (TypeError, ValueError):
            return cls()

    def stored(self) -> dict[str, Any]:
        """The state as JSON."""
        return asdict(self)

    @property
    def is_closed(self) -> bool:
        return self.open_until is None

    def opens_at(self) -> datetime | None:
        """When the next probe may pass; None while calls pass anyway."""
        return None if self.open_until is None else datetime.fromtimestamp(self.open_until, UTC)


@dataclass(frozen=True)
class Decision:
    """Whether a call may start (`ask`), and the state to store, if it is another one than before."""

    allowed: bool
    state: Breaker
    changed: bool


def decide(state: Breaker, event: Event, *, now: datetime, random: Callable[[], float]) -> Decision:
    """Judge one event. `ask` comes before a call, `worked` or `failed` (see `event_of`) after it.

    Whoever asks when the pause is over *is* the probe: the new state holds everyone else back for
    PROBE_SECONDS, so the caller must store it with a guarded write before calling.
    """
    if event == "worked":
        return _decision(True, state, Breaker())
    if event == "failed":
        return _decision(False, state, _after_failure(state, now, random))
    if state.open_until is None:
        return _decision(True, state, state)
    if now.timestamp() < state.open_until:
        return _decision(False, state, state)
    until = now.timestamp() + PROBE_SECONDS
    return _decision(True, state, Breaker(state.failures, state.openings, until, probing=True))


def event_of(answer: Answer) -> Event | None:
    """What an answer says about the system's health; None if it says nothing (the call could not be put
    together).

    A refusal (4xx) is a healthy answer: the system is there and speaks.
    """
    if answer.status is not None:
        return "failed" if answer.status >= 500 or answer.outcome == "unknown" else "worked"
    if answer.ok:
        return "worked"
    return "failed" if answer.retryable or answer.outcome == "unknown" else None


def _after_failure(state: Breaker, now: datetime, random: Callable[[], float]) -> Breaker:
    # Calls that were under way when it opened end as failures too: they must not lengthen the pause.
    if state.open_until is not None and not state.probing:
        return state
    failures = state.failures + 1
    if failures < FAILURES:
        return Breaker(failures=failures)
    seconds = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(state.openings, 10)) * (1 - random() / 10)
    return Breaker(failures, state.openings + 1, now.timestamp() + seconds)


def _decision(allowed: bool, before: Breaker, after: Breaker) -> Decision:
    return Decision(allowed, after, after != before)
