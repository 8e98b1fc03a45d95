"""Counts the statements that one connection sends, BEGIN and COMMIT among them, and remembers who sent them."""

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection
from psycopg.pq import TransactionStatus

OUTSIDE = re.compile(r"/(site-packages|flow/benchmark)/")
DEEP = 4  # frames of ours that are kept of a caller


@dataclass
class Sent:
    """The statements in order, each with the functions of ours that led to it."""

    lines: list[tuple[str, str]] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.lines)


@contextmanager
def counted() -> Iterator[Sent]:
    """Within this block every statement of the default connection is counted."""
    sent = Sent()

    def note(execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: Any) -> Any:
        before = _in_transaction()
        begins = before is False and connection.in_atomic_block
        if begins:
            sent.lines.append(("BEGIN", _caller()))
        sent.lines.append((_short(sql), _caller()))
        result = execute(sql, params, many, context)
        if begins:  # it ends once: nothing here rolls back
            sent.lines.append(("COMMIT (at its end)", ""))
        return result

    with connection.execute_wrapper(note):
        yield sent


def _in_transaction() -> bool:
    """Whether the server is inside a transaction now: psycopg sends BEGIN with the first statement of one."""
    if connection.connection is None:
        return False
    return bool(connection.connection.info.transaction_status != TransactionStatus.IDLE)


def _short(sql: Any) -> str:
    """A statement without its column list: what it does, to which table, by what."""
    text = re.sub(r"\s+", " ", str(sql)).replace('"', "")
    text = re.sub(r"^SELECT .* FROM", "SELECT … FROM", text) if len(text) > 120 else text
    text = re.sub(r"\(([^()]{40,})\)", "(…)", text)
    text = re.sub(r" SET .* WHERE", " SET … WHERE", text)
    return text[:230]


def _caller() -> str:
    frames: list[str] = []
    frame = sys._getframe(2)
    base = f"{Path(settings.BASE_DIR)}/"
    walk: Any = frame
    while walk is not None and len(frames) < DEEP:
        name = walk.f_code.co_filename
        if name.startswith(base) and not OUTSIDE.search(name):
            frames.append(f"{name.removeprefix(base).removesuffix('.py').replace('/', '.')}.{walk.f_code.co_name}")
        walk = walk.f_back
    return " < ".join(frames)
