"""What was in force at one moment: the configuration and the switches, asked for together with something else.

A glance is good for a second where nothing is written; the transaction that reserves a write holds the rows instead.
"""

import time
from dataclasses import dataclass
from typing import Any

from agents import configuration
from agents.configuration import Configuration

# Two columns at the end of a statement that is asked anyway: the policy's stamp, and what is paused.
COLUMNS = """(SELECT stamp::text FROM agents_policy WHERE id = 1),
ARRAY(SELECT scope || ':' || name FROM agents_switch WHERE paused)"""
SECONDS = 1.0


@dataclass(frozen=True)
class Glance:
    """`off`: the switches that were paused, as `scope:name`; `at`: this process's monotonic clock when it was asked."""

    config: Configuration
    off: frozenset[str]
    at: float

    @property
    def is_fresh(self) -> bool:
        return time.monotonic() - self.at < SECONDS


def seen(columns: Any) -> Glance:
    """A glance out of the two columns; `columns` are the last ones of a row."""
    stamp, off = columns
    return Glance(configuration.known(stamp), frozenset(off), time.monotonic())
