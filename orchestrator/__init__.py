"""The roof: settings, pages over all floors, the flow, the map, reports, the API. No floor imports it."""

from orchestrator.celery import app as celery_app

__all__ = ["celery_app"]
