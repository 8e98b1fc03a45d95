"""The `builtin` connector: named functions in this process, for reference material and notes. No network, no
case.

A function takes the arguments and the effect key (None for a read) and gives a JSON value. It refuses with
ConnectorProblem; whatever else it raises counts as a fault of its own.
"""

import logging
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from agents.connectors.base import (
    Answer,
    Connector,
    ConnectorProblem,
    OperationSpec,
    refuse_write_as_look_up,
    refused,
    visible,
)

log = logging.getLogger(__name__)

Function = Callable[[Mapping[str, Any], str | None], object]
NOTES = uuid.UUID("6f1c1f0e-5f2e-4c59-9f2f-0d8e5a0f7a11")


@dataclass(frozen=True)
class Registered:
    """One function with what a map operation needs to know about it."""

    name: str
    title: str
    kind: str
    arguments: Mapping[str, Any]
    function: Function


FUNCTIONS: dict[str, Registered] = {}


def register(
    name: str, *, title: str, kind: str = "read", arguments: Mapping[str, Any] | None = None
) -> Callable[[Function], Function]:
    """Make a function callable from the map as `call: {function: NAME}`. The same name twice is an error."""

    def keep(function: Function) -> Function:
        if name in FUNCTIONS:
            raise ConnectorProblem(f"{name} is registered already")
        FUNCTIONS[name] = Registered(name, title, kind, arguments or {"type": "object"}, function)
        return function

    return keep


class BuiltinConnector(Connector):
    """The functions registered in this process."""

    kind = "builtin"

    def call(self, operation: OperationSpec, arguments: Mapping[str, Any], *, effect_key: str | None = None) -> Answer:
        began, read = time.monotonic(), operation.is_read
        found = self.problems(operation)
        if found:
            return refused(found[0], read=read)
        function = FUNCTIONS[operation.call["function"]].function
        try:
            data = function(arguments, None if read else effect_key)
        except ConnectorProblem as problem:
            return Answer(False, "failed", error=visible(problem), seconds=time.monotonic() - began)
        except Exception as error:
            log.exception("the function %s failed", operation.call["function"])
            words = _("The function ended in an error (%(kind)s).") % {"kind": type(error).__name__}
            outcome = "failed" if read else "unknown"
            return Answer(False, outcome, error=words, seconds=time.monotonic() - began)  # type: ignore[arg-type]
        return Answer(True, "done", data=data, seconds=time.monotonic() - began)

    def look_up(self, operation: OperationSpec, arguments: Mapping[str, Any]) -> Answer:
        if not operation.is_read:
            return refuse_write_as_look_up(operation)
        return self.call(operation, arguments)

    def health(self) -> tuple[bool, str]:
        return True, _("Runs inside this product.")

    def discover(self) -> list[dict[str, Any]]:
        return [
            {
                "name": f"{self.system.name}.{one.name.rpartition('.')[2]}",
                "title": one.title,
                "level": "reference" if one.kind == "read" else "internal",
                "kind": one.kind,
                "arguments": dict(one.arguments),
                "call": {"function": one.name},
            }
            for one in FUNCTIONS.values()
        ]

    def problems(self, operation: OperationSpec) -> list[str]:
        name = operation.call.get("function")
        if set(operation.call) != {"function"} or not isinstance(name, str):
            return [_("call: function must name a function.")]
        if name not in FUNCTIONS:
            return [_("call: there is no function %(name)s.") % {"name": visible(name, 100)}]
        if operation.is_read and FUNCTIONS[name].kind != "read":
            return [_("call: %(name)s writes, so the operation cannot be a read.") % {"name": name}]
        return []


@register("reference.echo", title="Give back what was sent", kind="read")
def echo(arguments: Mapping[str, Any], effect_key: str | None) -> object:
    """The arguments as they came: for trying out a map and for fixed reference values."""
    return dict(arguments)


@register(
    "builtin.note",
    title="Keep a note with the case",
    kind="write",
    arguments={
        "type": "object",
        "properties": {"text": {"type": "string", "minLength": 1, "maxLength": 4000}},
        "required": ["text"],
        "additionalProperties": False,
    },
)
def note(arguments: Mapping[str, Any], effect_key: str | None) -> object:
    """A reference for a note whose text the ledger keeps with the call. The same effect key gives the same
    reference."""
    return {"id": str(uuid.uuid5(NOTES, effect_key) if effect_key else uuid.uuid4())}
