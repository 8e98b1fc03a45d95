"""The app `workmap` of the roof."""

from django.apps import AppConfig


class WorkmapConfig(AppConfig):
    name = "orchestrator.workmap"
    label = "workmap"
    default_auto_field = "django.db.models.BigAutoField"
