"""What beat asks of the reports: bring the roll-ups up to date."""

from typing import Any

from celery import shared_task

from cases.clock import database_now
from orchestrator.reports import rolling


@shared_task(name="orchestrator.roll_up")
def roll_up(**_: Any) -> None:
    """Work out anew what changed. Twice, late or never does no harm: reports add what is missing."""
    rolling.roll_up(now=database_now())
