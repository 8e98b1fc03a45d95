"""Celery's side of the notices: one service call; it may run twice or late."""

from typing import Any

from celery import shared_task

from orchestrator.notices import services


@shared_task(name="orchestrator.tell")
def tell(**_: Any) -> None:
    services.tell()
