"""The app `reports` of the roof."""

from django.apps import AppConfig


class ReportsConfig(AppConfig):
    name = "orchestrator.reports"
    label = "reports"
    default_auto_field = "django.db.models.BigAutoField"
