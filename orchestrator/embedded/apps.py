"""The servers that this machine runs by itself, and the commands that need the right database role."""

from django.apps import AppConfig


class EmbeddedConfig(AppConfig):
    name = "orchestrator.embedded"
    label = "embedded"

    def ready(self) -> None:
        from orchestrator import checks  # noqa: F401  registers the system checks
