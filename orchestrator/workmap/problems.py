"""Problems of a map: where and what, in words. Collected, so that all of them are said at once. Pure."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from difflib import get_close_matches

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

Path = tuple[str | int, ...]
MOST_SAID = 50


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that cannot be loaded; `at` leads to it through the keys and places of the map."""

    at: Path
    text: str


@dataclass(slots=True)
class Report:
    """Collects problems. The same one is kept once."""

    problems: list[Problem] = field(default_factory=list)

    def add(self, at: Path, text: str) -> None:
        problem = Problem(at, text)
        if problem not in self.problems:
            self.problems.append(problem)

    def __bool__(self) -> bool:
        return bool(self.problems)


def said(problems: Iterable[Problem], line_of: Callable[[Path], int]) -> list[str]:
    """The problems as lines in the order of the file, at most `MOST_SAID` and how many more there are."""
    ordered = sorted(problems, key=lambda problem: line_of(problem.at))
    lines = [_("line %(line)d: %(problem)s") % {"line": line_of(p.at), "problem": p.text} for p in ordered]
    more = len(lines) - MOST_SAID
    if more <= 0:
        return lines
    left = ngettext("and %(count)d more problem", "and %(count)d more problems", more) % {"count": more}
    return [*lines[:MOST_SAID], left]


def nearest(name: object, names: Iterable[str]) -> str:
    """`; did you mean `x`?` for the name that is nearest, else nothing."""
    near = get_close_matches(str(name)[:120], list(names), n=1, cutoff=0.6)
    return _("; did you mean `%(name)s`?") % {"name": near[0]} if near else ""


def cut(value: object, longest: int = 60) -> str:
    """A value as it is shown in a problem: on one line and not longer than `longest` signs."""
    text = " ".join(str(value).split())
    return text if len(text) <= longest else text[: longest - 1] + "…"
