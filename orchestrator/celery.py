"""The Celery application: four queues and a static beat schedule.

A message is only a doorbell: it carries ids, may be lost, and may come twice.
What has to be done stands in PostgreSQL.
"""

import os
import signal
from typing import Any

from celery import Celery
from celery.beat import Service
from celery.signals import beat_init, worker_init

from orchestrator.checks import refuse_bad_settings
from orchestrator.environment import BadEnvironment

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "orchestrator.settings")

app = Celery("work_command")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@worker_init.connect
@beat_init.connect
def _refuse_bad_settings(**_: Any) -> None:
    """Celery runs Django's checks and looks at no answer; whatever a receiver raises it only notes, but for this."""
    try:
        refuse_bad_settings()
    except BadEnvironment as bad:
        raise SystemExit(str(bad)) from None


@beat_init.connect
def _end_when_told(sender: Service, **_: Any) -> None:
    """Celery's own handler closes the connection and then raises SystemExit wherever beat is. While an answer is read,
    the closed buffer makes redis-py raise ValueError in its place, and beat goes on. Beat closes everything at its end.
    """

    def end(*_signal: Any) -> None:
        sender.stop()  # should the exit be lost all the same, this was the last tick
        raise SystemExit

    for one in (signal.SIGTERM, signal.SIGINT):
        signal.signal(one, end)
