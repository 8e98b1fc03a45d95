"""How long to wait before the next try. Pure: no clock, no sleeping, and the dice are handed in."""

from collections.abc import Callable

MOST_ASKED = 3600.0
PATIENT = {"first": 2.0, "most": 30.0}  # where people end what is waited for: a switch, another write of the record


def pause(
    attempt: int,
    *,
    retry_after: float | None = None,
    random: Callable[[], float],
    first: float = 1.0,
    most: float = 300.0,
) -> float:
    """Seconds to wait after the `attempt`-th failed try (the first is 1).

    The pause doubles from `first` up to `most` and is spread over its upper half, so that many callers do not
    come back together (`random` gives 0 <= x < 1). A wait that the system asked for (`retry_after`, seconds)
    is kept, up to an hour.
    """
    doubled = min(most, first * 2.0 ** min(max(attempt, 1) - 1, 60))
    own = doubled * (0.5 + random() / 2)
    if retry_after is None:
        return own
    asked = min(max(retry_after, 0.0), MOST_ASKED)
    # Everyone was told the same moment: spread a little behind it, never before it.
    return max(own, asked + random() * min(1.0, asked / 10))
