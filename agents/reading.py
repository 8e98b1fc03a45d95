"""Reads of the control layer: each one sent once per argument set, and remembered for the ledger.

The ledger keeps what was read (system, record, fields, count) and a digest, never a second copy of the data.
"""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from agents import reaching
from agents.models import Operation
from cases.actors import CONTROL, Actor
from cases.ledger import Entry
from cases.plainly import plain_digest, plain_text


class Reader:
    """Callable as `agents.facts.Read`. `entries` are handed to the ledger with the next commit."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self._known: dict[str, tuple[bool, Any, str]] = {}
        self._sealed = False

    def __call__(self, operation: Operation, arguments: Mapping[str, Any], purpose: str) -> tuple[bool, Any, str]:
        key = operation.name + plain_text(arguments)
        if key not in self._known:
            if self._sealed:
                return False, None, _("It was not looked up in time.")
            answer = reaching.ask(operation, arguments)
            self._known[key] = (answer.ok, answer.data, answer.error)
            self.entries.append(
                read_entry(CONTROL, operation, arguments, answer.data, why=answer.error, purpose=purpose, ok=answer.ok)
            )
        return self._known[key]

    def seal(self) -> None:
        """From here on only what is known is given: a transaction is open, and no system is called inside one."""
        self._sealed = True

    @property
    def knows(self) -> bool:
        """Whether anything was read at all."""
        return bool(self._known)

    def taken(self) -> list[Entry]:
        entries, self.entries = self.entries, []
        return entries


def read_entry(
    actor: Actor,
    operation: Operation,
    arguments: Mapping[str, Any],
    answer: Any,
    *,
    ok: bool,
    why: str = "",
    purpose: str = "",
) -> Entry:
    """The event of one read: where, which record, which fields, how many, and a digest of what came back."""
    data: dict[str, Any] = {
        "system": operation.system.name,
        "system_title": operation.system.title,
        "operation": operation.name,
        "title": operation.title,
        "arguments": {k: ("•••" if k in operation.secret else v) for k, v in arguments.items()},
        "purpose": purpose,
        "ok": ok,
    }
    if ok:
        data |= {"fields": fields_of(answer), "count": _count(answer), "digest": plain_digest(answer)}
    else:
        data["why"] = why
    return Entry("data.read" if ok else "data.not_read", actor, data)


def fields_of(answer: Any, most: int = 40) -> list[str]:
    """Names of the fields in an answer: of its items, if it is a list or wraps one."""
    if isinstance(answer, list):
        answer = answer[0] if answer else {}
    if isinstance(answer, Mapping):
        return sorted(str(k) for k in answer)[:most]
    return []


def _count(answer: Any) -> int:
    if isinstance(answer, list):
        return len(answer)
    if isinstance(answer, Mapping):
        lists = [v for v in answer.values() if isinstance(v, list)]
        if len(answer) <= 4 and len(lists) == 1 and "id" not in answer:
            return len(lists[0])
    return 0 if answer is None else 1
