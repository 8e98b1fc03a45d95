"""Wakes a worker after the commit. Only a doorbell: the row is what counts, and the sweeper finds what nobody rang for.

A key in the shared cache says that a message is already waiting unread, so that many changes ring once.
"""

import logging
import time
from collections.abc import Iterable
from functools import partial
from typing import Final

from celery import current_app
from django.core.cache import cache
from django.db import transaction

log = logging.getLogger(__name__)

QUEUES: Final = ("flow", "agents", "writes")
SECONDS: Final = 2  # the sweeper's pace: a lost message costs no more than this
REST: Final = 5.0  # seconds at most that this process leaves a broker alone whose silence held it up

_resting_until = 0.0  # monotonic


def ring(queue: str = "flow") -> None:
    """Ring the workers of `queue` once, when the present transaction commits (at once if there is none)."""
    transaction.on_commit(partial(_send, queue), robust=True)


def answered(queues: Iterable[str] = QUEUES) -> None:
    """A worker is about to look: whoever commits from here on has to ring again."""
    try:
        cache.delete_many([_key(queue) for queue in queues])
    except Exception:
        log.warning("doorbell.cache_unreachable", exc_info=True)


def _key(queue: str) -> str:
    return f"doorbell:{queue}"


def _send(queue: str) -> None:
    global _resting_until
    if time.monotonic() < _resting_until:
        return
    try:
        if not cache.add(_key(queue), 1, timeout=SECONDS):
            return
    except Exception:
        log.warning("doorbell.cache_unreachable")
    began = time.monotonic()
    try:
        current_app.send_task("orchestrator.advance", queue=queue, retry=False, ignore_result=True)
    except Exception:  # the broker may be away: nothing is lost, the sweeper looks every two seconds
        now = time.monotonic()
        _resting_until = now + min(REST, 2 * (now - began))
        log.warning("doorbell.broker_unreachable")
