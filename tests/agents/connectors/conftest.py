"""What the connector tests share: a scripted system, and connectors to it."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from agents.connectors import OperationSpec, SystemSpec
from agents.connectors.http import HttpConnector
from agents.connectors.wire import POOLS

from .scripted import Scripted, running


@pytest.fixture
def system() -> Iterator[Scripted]:
    """A scripted HTTP system; pools are forgotten so that no test inherits a connection."""
    POOLS.forget()
    with running() as scripted:
        yield scripted
    POOLS.forget()


@pytest.fixture
def connect(system: Scripted) -> Callable[..., HttpConnector]:
    """Make a connector to the scripted system; keyword arguments change its record."""

    def make(**changes: Any) -> HttpConnector:
        record: dict[str, Any] = {"url": system.url, "private_network": True, "timeout": 3.0}
        return HttpConnector(SystemSpec("payments", "Payments", "http", **(record | changes)))

    return make


READ = OperationSpec("payments.get", kind="read", call={"method": "GET", "path": "/payments/{id}"})
WRITE = OperationSpec("payments.refund", kind="write", call={"method": "POST", "path": "/payments/{id}/refunds"})
