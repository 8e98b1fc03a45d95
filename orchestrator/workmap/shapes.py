"""Shapes: what kind of value may stand where in a map, and the words for what may not. Pure.

A shape checks one value and adds what is wrong to a report. `schema.py` puts them together to the map's grammar.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Protocol

from django.utils.translation import gettext as _

from cases.calendars import duration
from orchestrator.workmap.problems import Path, Report, cut, nearest

WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,119}\Z")
LANGUAGES = ("en", "zh-hant")
_LIKE_A_NUMBER = re.compile(r"[-+]?[0-9][0-9.,_]*")


class Shape(Protocol):
    def check(self, value: Any, at: Path, report: Report) -> None: ...


def wanted(what: str, value: object, at: Path) -> str:
    """`hold` must be a length of time …, not `soon`."""
    key = next((str(part) for part in reversed(at) if isinstance(part, str)), "")
    if not key:
        return _("the file must be %(what)s, not `%(value)s`") % {"what": what, "value": shown(value)}
    return _("`%(key)s` must be %(what)s, not `%(value)s`") % {
        "key": key,
        "what": what,
        "value": shown(value),
    }


def shown(value: object) -> str:
    if isinstance(value, dict):
        return "{" + cut(", ".join(f"{key}: …" for key in value)) + "}"
    if isinstance(value, list):
        return _("a list")
    if value is None:
        return _("nothing")
    if isinstance(value, str) and _LIKE_A_NUMBER.fullmatch(value):
        return f'"{cut(value)}"'  # a text: without its quotes nobody would see what is wrong with it
    return str(value).lower() if isinstance(value, bool) else cut(value)


@dataclass(frozen=True, slots=True)
class Text:
    """One text of 1 to `most` signs (or from 0, if `empty`)."""

    most: int = 300
    empty: bool = False

    def check(self, value: Any, at: Path, report: Report) -> None:
        if not isinstance(value, str) or not (self.empty or value.strip()):
            report.add(at, wanted(_("text"), value, at))
        elif len(value) > self.most:
            what = _("text of at most %(most)d signs") % {"most": self.most}
            report.add(at, wanted(what, value, at))


@dataclass(frozen=True, slots=True)
class Pattern:
    """A text that fits `pattern` as a whole; `what` says what that is."""

    pattern: re.Pattern[str]
    what: str

    def check(self, value: Any, at: Path, report: Report) -> None:
        if not isinstance(value, str) or not self.pattern.match(value):
            report.add(at, wanted(str(_(self.what)), value, at))


@dataclass(frozen=True, slots=True)
class Words:
    """A title or text: one text, or one per language."""

    most: int = 4000

    def check(self, value: Any, at: Path, report: Report) -> None:
        if isinstance(value, dict) and value:
            for language, text in value.items():
                if language not in LANGUAGES:
                    report.add((*at, language), _unknown_key(language, _("a text in several languages"), LANGUAGES))
                Text(self.most).check(text, (*at, language), report)
        else:
            Text(self.most).check(value, at, report)


@dataclass(frozen=True, slots=True)
class Choice:
    names: tuple[str, ...]

    def check(self, value: Any, at: Path, report: Report) -> None:
        if value not in self.names:
            what = _("one of %(names)s") % {"names": ", ".join(self.names)}
            report.add(at, wanted(what, value, at) + (nearest(value, self.names) if value else ""))


@dataclass(frozen=True, slots=True)
class Flag:
    def check(self, value: Any, at: Path, report: Report) -> None:
        if not isinstance(value, bool):
            report.add(at, wanted(_("true or false"), value, at))


@dataclass(frozen=True, slots=True)
class Number:
    """A number from `least` to `most`; `whole` ones have no fraction, `places` is how many decimals there may be."""

    least: float = 0
    most: float = 999_999_999_999
    whole: bool = False
    places: int | None = None

    def check(self, value: Any, at: Path, report: Report) -> None:
        kinds: Any = int if self.whole else (int, float)
        if isinstance(value, bool) or not isinstance(value, kinds) or not self.least <= value <= self.most:
            words = _("a number from %(least)s to %(most)s")
            if self.whole:
                words = _("a whole number from %(least)s to %(most)s")
            bounds = {"least": f"{self.least:,}", "most": f"{self.most:,}"}
            report.add(at, wanted(words % bounds, value, at))
        elif self.places is not None and round(value, self.places) != value:
            words = _("a number with at most %(places)d decimals")
            report.add(at, wanted(words % {"places": self.places}, value, at))


@dataclass(frozen=True, slots=True)
class Length:
    """A length of time such as `30m`, from `least` to `most` seconds."""

    least: int = 0
    most: int = 315_360_000

    def check(self, value: Any, at: Path, report: Report) -> None:
        try:
            seconds = duration(value).clock_seconds
        except ValueError:
            report.add(at, wanted(_("a length of time such as 30s, 10m, 2h or 1d"), value, at))
            return
        if not self.least <= seconds <= self.most:
            what = _("a length of time from %(least)d to %(most)d seconds")
            report.add(at, wanted(what % {"least": self.least, "most": self.most}, value, at))


@dataclass(frozen=True, slots=True)
class Day:
    def check(self, value: Any, at: Path, report: Report) -> None:
        try:
            right = isinstance(value, str) and date.fromisoformat(value).isoformat() == value
        except ValueError:
            right = False
        if not right:
            report.add(at, wanted(_("a date such as 2027-03-31"), value, at))


@dataclass(frozen=True, slots=True)
class Anything:
    """Whatever JSON can hold; checked by what uses it."""

    def check(self, value: Any, at: Path, report: Report) -> None:
        return


@dataclass(frozen=True, slots=True)
class Table:
    """A dict from free names to values of one shape."""

    of: Shape
    names: Shape = Text(200)

    def check(self, value: Any, at: Path, report: Report) -> None:
        if not isinstance(value, dict):
            report.add(at, wanted(_("a map of names"), value, at))
            return
        for key, inner in value.items():
            self.names.check(key, (*at, key), report)
            self.of.check(inner, (*at, key), report)


@dataclass(frozen=True, slots=True)
class Many:
    """A list of one shape."""

    of: Shape
    least: int = 0

    def check(self, value: Any, at: Path, report: Report) -> None:
        if not isinstance(value, list) or len(value) < self.least:
            what = _("a list with at least one item") if self.least else _("a list")
            report.add(at, wanted(what, value, at))
            return
        for index, inner in enumerate(value):
            self.of.check(inner, (*at, index), report)


@dataclass(frozen=True, slots=True)
class OneOrMany:
    """One value, or a list of them."""

    of: Shape

    def check(self, value: Any, at: Path, report: Report) -> None:
        shape: Shape = Many(self.of, least=1) if isinstance(value, list) else self.of
        shape.check(value, at, report)


@dataclass(frozen=True)
class Record:
    """A dict with these keys. `what` names it in problems; `needs` must be there; `null` keys are refused."""

    what: str
    keys: Mapping[str, Shape]
    needs: tuple[str, ...] = ()

    def check(self, value: Any, at: Path, report: Report) -> None:
        if not isinstance(value, dict):
            report.add(at, wanted(str(_(self.what)), value, at))
            return
        for key, inner in value.items():
            if key in self.keys:
                self.keys[key].check(inner, (*at, key), report)
            else:
                report.add((*at, key), _unknown_key(key, _(self.what), self.keys))
        for key in self.needs:
            if key not in value:
                report.add(at, _("%(what)s needs the key `%(key)s`") % {"what": named(self.what, value), "key": key})


@dataclass(frozen=True)
class Kinds:
    """A dict whose kind shows in which of the keys it has: `{read: …}` or `{write: …}`."""

    what: str
    kinds: Mapping[str, Shape]

    def check(self, value: Any, at: Path, report: Report) -> None:
        if not isinstance(value, dict):
            report.add(at, wanted(str(_(self.what)), value, at))
            return
        found = [kind for kind in self.kinds if kind in value]
        if found:
            self.kinds[found[0]].check(value, at, report)
            return
        near = next((hint for key in value if (hint := nearest(key, self.kinds))), "")
        report.add(
            at,
            _("%(what)s needs one of the keys %(kinds)s")
            % {"what": _(self.what), "kinds": ", ".join(f"`{kind}`" for kind in self.kinds)}
            + near,
        )


@dataclass(frozen=True)
class ByType:
    """One shape for text, another for anything else: `amount` or `{fact: …}`."""

    text: Shape
    other: Shape

    def check(self, value: Any, at: Path, report: Report) -> None:
        (self.text if isinstance(value, str) else self.other).check(value, at, report)


@dataclass
class Later:
    """A shape that is named before it is made, for what contains itself."""

    make: Callable[[], Shape]
    made: list[Shape] = field(default_factory=list)

    def check(self, value: Any, at: Path, report: Report) -> None:
        if not self.made:
            self.made.append(self.make())
        self.made[0].check(value, at, report)


def named(what: str, value: Mapping[str, Any]) -> str:
    """`a team` with its name, if it has one."""
    name = value.get("name")
    return f"{_(what)} (`{cut(name)}`)" if isinstance(name, str) and name else str(_(what))


def _unknown_key(key: object, what: str, keys: Iterable[str]) -> str:
    return _("`%(key)s` is not a key of %(what)s") % {"key": cut(key), "what": what} + nearest(key, keys)
