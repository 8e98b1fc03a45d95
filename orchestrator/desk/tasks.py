"""Celery's side of the desk: one service call each; it may run twice or late."""

from typing import Any

from celery import shared_task

from approvals import covering
from cases.clock import database_now
from orchestrator.desk import services


@shared_task(name="orchestrator.leavers")
def leavers(**_: Any) -> None:
    services.release_leavers()


@shared_task(name="orchestrator.cover")
def cover(**_: Any) -> None:
    covering.keep_sight(now=database_now())
