"""Celery's side of the flow: one service call each. Messages are doorbells and may be lost, late or repeated."""

from typing import Any

from celery import shared_task

from cases import sorters
from cases.clock import database_now
from orchestrator.flow import services


@shared_task(name="orchestrator.advance")
def advance(**_: Any) -> None:
    services.advance()


@shared_task(name="orchestrator.sweep")
def sweep(**_: Any) -> None:
    services.sweep()


@shared_task(name="orchestrator.anchor")
def anchor(**_: Any) -> None:
    services.anchor()


@shared_task(name="orchestrator.retrain")
def retrain(**_: Any) -> None:
    sorters.retrain(now=database_now())
