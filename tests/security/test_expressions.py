"""Patterns and formulas that an admin might write, made at random: bounded, and never run as code (F06).

The chosen nasty ones are in `tests/cases/test_patterns.py` and `test_formulas.py`.
"""

import random
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from time import thread_time
from zoneinfo import ZoneInfo

from cases.formulas import check, evaluate
from cases.patterns import find_all, find_first
from tests.guarantees import Size, guarantee

NOW, ZONE = datetime(2026, 3, 2, 10, tzinfo=UTC), ZoneInfo("Asia/Hong_Kong")
MOST = 0.3  # seconds of CPU; 100 ms on a quiet machine


def pattern(chance: random.Random, depth: int = 0) -> str:
    """Nested groups and repeats, alternatives that overlap: what makes a backtracking engine take years."""
    kind = chance.randrange(6 if depth < 5 else 2)
    if kind == 0:
        return chance.choice(["a", "x", ".", r"\d", r"\w", "[ab]", "[^b]", r"\pL", "退", r"\b"])
    if kind == 1:
        return chance.choice(["ab", "a.", r"\d\d", "[ab]a"])
    inner = pattern(chance, depth + 1)
    if kind == 2:
        return f"({inner}|{pattern(chance, depth + 1)})"
    return f"({inner})" + chance.choice(["+", "*", "?", "{0,20}", "{2,}", "+?"])


@guarantee("F06", ci=40, release=200)
def test_no_pattern_takes_long(size: Size) -> None:
    chance = random.Random(6)
    for _n in size.each():
        made = "".join(pattern(chance) for _part in range(chance.randint(1, 3))) + chance.choice(["", "$", "b"])
        text = chance.choice(["a", "ab", "x1", "退a"]) * 40_000 + "!"
        for search in (find_all, find_first):
            began = thread_time()
            with suppress(ValueError):  # refused in words, before anything was searched
                search(made, text)
            if thread_time() - began > MOST:
                size.failed(f"{made[:80]}: {thread_time() - began:.2f} s")


def formula(chance: random.Random, depth: int = 0) -> str:
    """Loops in loops over long lists, growing texts."""
    if depth > 4 or chance.random() < 0.2:
        return chance.choice(["a", "s", "#", "1", "'x'", "m.x", "len(a)", "s + s"])
    inner, other = formula(chance, depth + 1), formula(chance, depth + 1)
    return chance.choice(
        [
            f"map({inner}, {other})", f"filter({inner}, {other} != 1)", f"sum(map({inner}, {other}))", f"{inner} + {other}",
            f"flatMap({inner}, {other})", f"[{inner}, {other}]", f"len({inner})", f"some({inner}, {other} == {other})",
            f"split({inner}, '')", f"matches({inner}, '(a+)+$')", f"{inner} ^ {other}",
        ]
    )  # fmt: skip


@guarantee("F06", ci=40, release=200)
def test_no_formula_takes_long(size: Size) -> None:
    chance = random.Random(6)
    values: dict[str, object] = {"a": list(range(3_000)), "s": "a" * 200_000, "m": {"x": ["y" * 100] * 1_000}}
    for _n in size.each():
        made = formula(chance)
        began = thread_time()
        evaluate(made, values, now=NOW, zone=ZONE)
        if thread_time() - began > MOST:
            size.failed(f"{made[:80]}: {thread_time() - began:.2f} s")


CODE = (
    "__import__('os').system('touch {0}')", "open('{0}', 'w')", "().__class__.__mro__[1].__subclasses__()",
    "eval('open(\"{0}\",\"w\")')", "exec('x')", "a.__class__", "a['__class__']", "globals()", "`touch {0}`", "$(touch {0})",
    "${{7*7}}", "{{{{7*7}}}}", "constructor.constructor('return process')()", "this", "import('fs')", "require('fs')",
    "a; b", "a => a", "function() {{}}", "lambda: 1", "process.env", "m.x.__globals__", "import os", "%(a)s",
)  # fmt: skip


@guarantee("F06", ci=len(CODE))
def test_nothing_is_run_as_code(tmp_path: Path, size: Size) -> None:
    for number, text in enumerate(CODE):
        size.tried += 1
        trace = tmp_path / f"trace-{number}"
        written = text.format(trace)
        check(written, {"a", "m"})
        found = evaluate(written, {"a": [1], "m": {"x": 1}}, now=NOW, zone=ZONE)
        if trace.exists() or callable(found) or "class" in str(found) or str(found) == "49":
            size.failed(f"{written}: {found!r}")
