"""Celery's side of the map: one service call each; it may run twice or late."""

from typing import Any

from celery import shared_task

from cases.actors import CONTROL
from cases.clock import database_now
from orchestrator.workmap import services
from orchestrator.workmap.ruling import trials


@shared_task(name="orchestrator.try_rules")
def try_rules(**_: Any) -> None:
    trials.work(now=database_now)


@shared_task(name="orchestrator.start_changes")
def start_changes(**_: Any) -> None:
    services.start_due_drafts(actor=CONTROL)
