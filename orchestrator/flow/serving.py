"""Which queues this process serves: all of them, unless it is a Celery worker that was started for some (`-Q`).

And whether it was told to end: then it takes no more work, however much there is.
"""

import threading
from typing import Any

from celery.signals import celeryd_after_setup, worker_shutting_down

from cases.doorbell import QUEUES

_served: frozenset[str] = frozenset(QUEUES)
_ending = threading.Event()


def queues() -> frozenset[str]:
    """Names of the queues whose work this process takes."""
    return _served


def serve(names: frozenset[str]) -> None:
    """Take the work of these queues only; none of ours means a worker for something else, which takes none."""
    global _served
    _served = names & frozenset(QUEUES)


def ending() -> bool:
    """Whether this worker was told to end. What it has in hand it still finishes."""
    return _ending.is_set()


@worker_shutting_down.connect
def _told_to_end(**_: Any) -> None:
    _ending.set()


@celeryd_after_setup.connect
def _as_started(instance: Any, **_: Any) -> None:
    serve(frozenset(instance.app.amqp.queues.consume_from))
