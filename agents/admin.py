"""Admin pages of what runs on floor 2: to look at, never to change. Configuration is edited on the roof."""

from django.contrib import admin

from agents.models import Proposal, Run, Switch
from cases.admin import ReadOnlyAdmin


@admin.register(Run)
class RunAdmin(ReadOnlyAdmin[Run]):
    case = "case"
    list_display = ("case", "step", "agent", "turn", "state", "attempts", "started_at", "ended_at")
    list_filter = ("state", "agent")
    list_select_related = ("case", "agent")
    search_fields = ("=case__id", "=step")
    ordering = ("-id",)


@admin.register(Proposal)
class ProposalAdmin(ReadOnlyAdmin[Proposal]):
    case = "case"
    list_display = ("id", "case", "step", "proposer", "state", "suggested", "decided", "created_at")
    list_filter = ("state", "risk", "proposer_kind")
    list_select_related = ("case",)
    search_fields = ("=case__id", "=id")
    ordering = ("-created_at",)


@admin.register(Switch)
class SwitchAdmin(ReadOnlyAdmin[Switch]):
    """Paused and resumed on the page for it."""

    list_display = ("scope", "name", "paused", "by", "reason", "at")
    list_filter = ("scope", "paused")
