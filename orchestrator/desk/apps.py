"""The app `desk` of the roof."""

from django.apps import AppConfig


class DeskConfig(AppConfig):
    name = "orchestrator.desk"
    label = "desk"
    default_auto_field = "django.db.models.BigAutoField"
