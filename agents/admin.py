"""Admin pages of what runs on floor 2: to look at, never to change. Configuration is edited on the roof."""

from django.contrib import admin

from agents.models import Switch
from cases.admin import ReadOnlyAdmin


@admin.register(Switch)
class SwitchAdmin(ReadOnlyAdmin[Switch]):
    """Paused and resumed on the page for it."""

    list_display = ("scope", "name", "paused", "by", "reason", "at")
    list_filter = ("scope", "paused")
