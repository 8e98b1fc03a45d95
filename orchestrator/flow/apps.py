"""The app `flow` of the roof."""

from django.apps import AppConfig


class FlowConfig(AppConfig):
    name = "orchestrator.flow"
    label = "flow"
    default_auto_field = "django.db.models.BigAutoField"
