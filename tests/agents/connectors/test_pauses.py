"""Pauses grow, are spread, and are bounded."""

from hypothesis import given
from hypothesis import strategies as st

from agents.connectors.pauses import MOST_ASKED, pause

DICE = st.floats(0, 1, exclude_max=True)


@given(st.integers(-5, 10_000), DICE)
def test_a_pause_is_never_nothing_and_never_over_its_bound(attempt: int, dice: float) -> None:
    assert 0.5 <= pause(attempt, random=lambda: dice) <= 300


@given(st.integers(1, 20), DICE)
def test_pauses_grow(attempt: int, dice: float) -> None:
    assert pause(attempt + 1, random=lambda: dice) >= pause(attempt, random=lambda: dice)


def test_pauses_are_spread() -> None:
    assert len({pause(5, random=lambda r=r / 10: r) for r in range(10)}) == 10  # type: ignore[misc]


@given(st.integers(1, 20), st.floats(0, 1e9), DICE)
def test_what_the_system_asked_for_is_kept_up_to_an_hour(attempt: int, asked: float, dice: float) -> None:
    found = pause(attempt, retry_after=asked, random=lambda: dice)
    assert min(asked, MOST_ASKED) <= found <= MOST_ASKED + 1
