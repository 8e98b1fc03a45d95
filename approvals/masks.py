"""How arguments that are not for every eye are written: secret ones never, masked ones by their last signs. Pure."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _

from agents.models import Operation
from cases.conditions import arguments_of

MASK = "••••"
LEAST = 5  # signs of a value that is looked for anywhere: a shorter one would be found where it is none
BESIDE_OPERATION = ("arguments", "proposed", "decided", "carried_out")
BY_WRITE = ("edits", "before")
COMPARED = ("left_value", "right_value")


def masked(inner: Any) -> str:
    """`•••• 4242`: the last four signs of a longer value, of a short one none."""
    text = str(inner)
    return f"{MASK} {text[-4:]}" if len(text) > 8 and text[-4:].isalnum() else MASK


def covered(operation: Operation, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments with secret and masked ones replaced by words."""
    return {
        name: _("hidden") if name in operation.secret else masked(inner) if name in operation.masked else inner
        for name, inner in arguments.items()
    }


@dataclass(frozen=True)
class Masks:
    """What is masked in the story of a case: arguments by operation and by write, and their values wherever they stand.

    `opened`: values that the reader has opened, which show as they are.
    """

    by_operation: Mapping[str, frozenset[str]] = field(default_factory=dict)
    by_write: Mapping[str, frozenset[str]] = field(default_factory=dict)
    values: tuple[str, ...] = ()
    opened: frozenset[str] = frozenset()

    def hide(self, told: Any) -> Any:
        """`told` (of an event, an answer) with all of it masked; the very same where nothing is."""
        if not self.by_operation:
            return told
        longest_first = sorted(set(self.values) - self.opened, key=len, reverse=True)
        anywhere = re.compile("|".join(re.escape(value) for value in longest_first)) if longest_first else None
        return self._hide(told, anywhere)

    def _hide(self, told: Any, anywhere: re.Pattern[str] | None) -> Any:
        if isinstance(told, Mapping):
            return {key: self._hide(self._named(told, key, inner), anywhere) for key, inner in told.items()}
        if isinstance(told, list | tuple):
            return [self._hide(inner, anywhere) for inner in told]
        if anywhere is None or told is None or isinstance(told, bool):
            return told
        if isinstance(told, str):
            return anywhere.sub(lambda found: masked(found.group()), told)
        return masked(told) if anywhere.fullmatch(str(told)) else told

    def _named(self, told: Mapping[str, Any], key: str, inner: Any) -> Any:
        """What stands under `key`, with the arguments that are masked by their name."""
        if key in COMPARED and self._compares(told):
            return self._unless_opened(inner)
        if not isinstance(inner, Mapping):
            return inner
        if key in BESIDE_OPERATION:
            return self._without(inner, self.by_operation.get(str(told.get("operation")), frozenset()))
        if key in BY_WRITE:
            return {
                write: self._without(values, self.by_write.get(write, frozenset()))
                if isinstance(values, Mapping)
                else values
                for write, values in inner.items()
            }
        return inner

    def _without(self, arguments: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
        return {name: self._unless_opened(inner) if name in names else inner for name, inner in arguments.items()}

    def _unless_opened(self, inner: Any) -> Any:
        return inner if inner is None or str(inner) in self.opened else masked(inner)

    def _compares(self, pair: Mapping[str, Any]) -> bool:
        """Whether a rule compared a masked argument here: then either side tells its value."""
        names = arguments_of(str(pair.get("source")), str(pair.get("left")), str(pair.get("right")))
        return any("*" in names or names & masked_ones for masked_ones in self.by_write.values())


def leaves(inner: Any) -> Iterable[str]:
    """The texts and numbers in a value, as texts."""
    if isinstance(inner, Mapping):
        inner = list(inner.values())
    if isinstance(inner, list | tuple):
        for one in inner:
            yield from leaves(one)
    elif inner is not None and not isinstance(inner, bool):
        yield str(inner)
