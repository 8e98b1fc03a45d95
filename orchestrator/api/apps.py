"""The app `api` of the roof."""

from django.apps import AppConfig


class ApiConfig(AppConfig):
    name = "orchestrator.api"
    label = "api"
    default_auto_field = "django.db.models.BigAutoField"
