"""The app `notices` of the roof."""

from django.apps import AppConfig


class NoticesConfig(AppConfig):
    name = "orchestrator.notices"
    label = "notices"
    default_auto_field = "django.db.models.BigAutoField"
