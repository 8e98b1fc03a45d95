"""Which record a write is about, as a key to serialise on. Pure."""

from collections.abc import Mapping
from typing import Any

from agents.models import Operation
from cases.canonical import digest
from cases.models import Case
from cases.plainly import plain
from cases.values import UNKNOWN, dig


def subject_of(operation: Operation, arguments: Mapping[str, Any], case: Case) -> str:
    """Digest of operation and case key; with `case_key: none`, of the operation in this case."""
    key = operation.case_key
    if not isinstance(key, Mapping):
        return digest([operation.name, case.pk])
    values = {name: dig(arguments, name) for name in key}
    return digest([operation.name, {k: None if v is UNKNOWN else plain(v) for k, v in values.items()}])
