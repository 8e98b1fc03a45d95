"""The app `demo` of the roof."""

from django.apps import AppConfig


class DemoConfig(AppConfig):
    name = "orchestrator.demo"
    label = "demo"
    default_auto_field = "django.db.models.BigAutoField"
