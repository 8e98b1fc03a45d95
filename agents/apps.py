from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AgentsConfig(AppConfig):
    name = "agents"
    label = "agents"
    verbose_name = _("Agents and systems")
    default_auto_field = "django.db.models.BigAutoField"
