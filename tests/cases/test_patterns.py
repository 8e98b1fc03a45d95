"""Patterns that admins write: bounded, and never cut short unseen (guarantee F06)."""

from time import perf_counter, thread_time

import pytest

from cases.patterns import LONGEST_TEXT, MOST_MATCHES, check, find_all, find_first
from cases.values import UNKNOWN
from tests.guarantees import guarantee


def test_it_finds_an_order_number_inside_chinese_text() -> None:
    assert find_all(r"\b\d{5,8}\b", "我的訂單88213未到，還有88214") == ["88213", "88214"]


def test_it_gives_the_first_group_if_there_is_one() -> None:
    assert find_all(r"order (\d+)(x)?", "order 5x, order 6") == ["5", "6"]
    assert find_all(r"order (?:no )?\d+", "order no 5") == ["order no 5"]


def test_it_goes_on_after_an_empty_match() -> None:
    assert find_all("x*", "a中xx") == ["", "", "xx", ""]


@pytest.mark.parametrize(
    "pattern", [r"(?=a)", r"(a)\1", "(", "[", "", "a" * 600, r"(\w{1,1000}){5}", r"\pL{1000}", "\ud800"]
)
def test_it_says_what_is_wrong_with_a_pattern(pattern: str) -> None:
    assert check(pattern)
    with pytest.raises(ValueError, match=r"."):
        find_all(pattern, "a")


@guarantee("F06", ci=1)
@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("(a+)+$", "a" * 199_999 + "!"), ("(x+x+)+y", "x" * 200_000), ("(a|aa)+$", "a" * 199_999 + "!"),
        ("[ab]*a[ab]{80}c", "ab" * 20_000), ("(a{0,30}){0,30}b", "a" * 200_000), ("x[^y]*y|x", "x" * 150_000),
        (r"(.*)(.*)(.*)(.*)b", "a" * 100_000), (r"\b\d{5,8}\b", "訂單88213" * 20_000),
    ],
)  # fmt: skip
def test_it_ends_in_bounded_time_whatever_the_pattern(pattern: str, text: str) -> None:
    check(pattern)
    before = thread_time()
    try:
        find_all(pattern, text)
        find_first(pattern, text)
    except ValueError:
        pass
    assert thread_time() - before < 0.4  # two searches; 100 ms each on a quiet machine


def test_it_does_not_cut_a_list_short_unseen() -> None:
    assert find_all("a", "a" * (MOST_MATCHES + 1)) is UNKNOWN
    assert len(find_all("a", "a" * MOST_MATCHES)) == MOST_MATCHES  # type: ignore[arg-type]
    assert find_all("a", "b" * (LONGEST_TEXT + 1)) is UNKNOWN


def test_it_finds_the_first_in_a_message_of_a_megabyte() -> None:
    before = perf_counter()
    assert find_first(r"\b\d{5,8}\b", "order 88213 " + "長" * 1_000_000) == "88213"
    assert find_first(r"\b\d{5,8}\b", "長" * 1_000_000) is UNKNOWN
    assert perf_counter() - before < 1
