"""Admin pages of what runs on floor 3: to look at, never to change. Rules and drafts are on the roof."""

from django.contrib import admin

from approvals.models import Approval, Decision
from cases.admin import ReadOnlyAdmin


@admin.register(Approval)
class ApprovalAdmin(ReadOnlyAdmin[Approval]):
    case = "case"
    list_display = ("id", "case", "state", "risk", "people", "due_at", "decided_option", "created_at")
    list_filter = ("state", "risk")
    list_select_related = ("case",)
    search_fields = ("=case__id", "=id")
    ordering = ("-created_at",)


@admin.register(Decision)
class DecisionAdmin(ReadOnlyAdmin[Decision]):
    case = "approval__case"
    list_display = ("approval", "label", "team", "option", "at", "undone_at")
    list_filter = ("team",)
    list_select_related = ("approval",)
    search_fields = ("=approval__case__id", "label")
