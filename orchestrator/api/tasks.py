"""What beat asks of the API: forget the keys of old calls."""

from typing import Any

from celery import shared_task

from orchestrator.api import services


@shared_task(name="orchestrator.forget_keys")
def forget_keys(**_: Any) -> None:
    """Drop calls under keys that are older than two days. Twice or late does no harm."""
    services.forget_old_calls()
