"""F06: patterns and formulas that an admin writes end in time and run nothing but what they are.

Generated from parts that make other engines slow or that reach into Python; each is tried as it stands, without the
check that would refuse many of them at loading.
"""

import random
from datetime import UTC, datetime
from pathlib import Path
from time import thread_time
from zoneinfo import ZoneInfo

import pytest

from cases import patterns
from cases.formulas import evaluate
from cases.values import UNKNOWN
from tests.guarantees import Size, guarantee

NOW = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
HONG_KONG = ZoneInfo("Asia/Hong_Kong")
MOST = 0.1  # seconds of this thread's processor time
BUSY = 2.5  # on a CI machine that others use too, the same work takes longer
ATOMS = ["a", "(a+)+", "(a|aa)+", "(a*)*", "[ab]*", "(.*)", "a{0,30}", "(a?){20}a{20}", "(?:a|a)*", r"\w+", "(x+x+)+y",
         "((a{1,9}){1,9}){1,9}", r"(\w+\s?)*", "(.*a){12}", "a*?a*?a*?", "[^b]+", r"\pL+", "(?i:A)+", "x{1,500}"]  # fmt: skip
FORBIDDEN = [r"(a)\1", "(?=a)b", "(?<=a)b", "(?P=x)", "(?(1)a|b)", r"\C", "(?#x)(", "a" * 501, "(" * 300, "[z-a]", "*a"]
TEXTS = ["a" * 50_000 + "!", "ab" * 25_000, "x" * 50_000, "訂單88213" * 5_000, "a " * 25_000, "a\n" * 20_000, ""]
REACH = ["__import__('os').system('{}')", "().__class__.__mro__[1].__subclasses__()", "open('{}', 'w')", "eval('1+1')",
         "exec('x=1')", "order.__class__.__init__.__globals__", "order['__class__']", "globals()", "lambda: 1",
         "order.constructor.constructor('return 1')()", "[x for x in (1,2)]", "{{{{order}}}}", "`${{order.__class__}}`",
         "order.total.__reduce__()", "import os", "process.exit(1)", "$root", "this", "self"]  # fmt: skip
LOOPS = ["map({0}, map({0}, map({0}, #)))", "sum(map({0}, sum(map({0}, #))))", "flatMap({0}, {0})", "map({0}, s + s)",
         "some({0}, all({0}, # > 1))", "fuzzyMatch(s, s)", "matches(s, '(a+)+$')", "map(split(s, ''), s)",
         "filter({0}, len(filter({0}, # == 1)) > 1)", "9 ^ 9 ^ 9 ^ 9", "len(split(s + s, ''))", "count({0}, # in {0})"]  # fmt: skip
VALUES: dict[str, object] = {
    "a": list(range(3_000)),
    "b": list(range(500)),
    "s": "a" * 200_000,
    "order": {"total": 480},
}


def pattern(rng: random.Random) -> str:
    if rng.random() < 0.25:
        return rng.choice(FORBIDDEN)
    inner = "".join(rng.choice(ATOMS) for _n in range(rng.randrange(1, 5)))
    return rng.choice(["{}$", "({})+$", "^({})*b", "{}|{}", "(?:{})+!"]).replace("{}", inner)


def formula(rng: random.Random, touched: Path) -> str:
    if rng.random() < 0.5:
        return rng.choice(REACH).format(touched)
    loop = rng.choice(LOOPS).format(rng.choice("ab"))
    return rng.choice(["{}", "len(string({}))", "{} == {}", "[{}, {}]", "{} + 1"]).replace("{}", loop)


@pytest.fixture
def most(size: Size) -> float:
    return MOST if size.release else MOST * BUSY


@guarantee("F06", ci=20, release=200)
def test_a_pattern_ends_in_time_or_is_refused(size: Size, most: float) -> None:
    searched = 0
    for n in size.each():
        rng = random.Random(n)
        text, written = rng.choice(TEXTS), pattern(rng)
        for search in (patterns.find_all, patterns.find_first):
            began = thread_time()
            try:
                search(written, text)
                searched += 1
            except ValueError:
                pass
            if (took := thread_time() - began) > most:
                size.failed(f"{written!r} on {text[:3]!r}: {took:.2f} s")
    assert searched >= 0.3 * size.tried


@guarantee("F06", ci=20, release=200)
def test_a_formula_ends_in_time_and_reaches_nothing(size: Size, most: float, tmp_path: Path) -> None:
    touched = tmp_path / "touched"
    for n in size.each():
        written = formula(random.Random(n), touched)
        began = thread_time()
        found = evaluate(written, VALUES, now=NOW, zone=HONG_KONG)
        if (took := thread_time() - began) > most:
            size.failed(f"{written}: {took:.2f} s")
        if (
            any(word in written for word in ("__", "eval", "exec", "open", "globals", "import"))
            and found is not UNKNOWN
        ):
            size.failed(f"{written} gave {found!r}")
    assert not touched.exists()
