"""Which queues this process serves: all of them, unless it is a Celery worker that was started for some (`-Q`)."""

from typing import Any

from celery.signals import celeryd_after_setup

from cases.doorbell import QUEUES

_served: frozenset[str] = frozenset(QUEUES)


def queues() -> frozenset[str]:
    """Names of the queues whose work this process takes."""
    return _served


def serve(names: frozenset[str]) -> None:
    """Take the work of these queues only; none of ours means a worker for something else, which takes none."""
    global _served
    _served = names & frozenset(QUEUES)


@celeryd_after_setup.connect
def _as_started(instance: Any, **_: Any) -> None:
    serve(frozenset(instance.app.amqp.queues.consume_from))
