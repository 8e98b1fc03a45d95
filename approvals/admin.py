"""Admin pages of what runs on floor 3: to look at, never to change. Rules and drafts are on the roof.

What runs on floor 2 and details of the ledger are here too: which arguments are masked is not known further down.
"""

from typing import Any

from django.contrib import admin
from django.db import models
from django.http import HttpRequest

from agents.models import Proposal, Run, Write
from approvals.hiding import masks_of
from approvals.masks import covered
from approvals.models import Approval, Decision
from cases.admin import M, ReadOnlyAdmin
from cases.models import EventDetail


class MaskedAdmin(ReadOnlyAdmin[M]):
    """What is masked on an approval is masked here too. The row is only shown, so its copy in memory may be changed."""

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> M | None:
        row = super().get_object(request, object_id, from_field)
        if row is not None:
            case: Any = row
            for step in (self.case or "").split("__"):
                case = getattr(case, step)
            masks = masks_of(case.pk if case is not None else None)
            if isinstance(row, Write):
                for name in ("proposed", "decided", "carried_out"):
                    arguments = getattr(row, name)
                    setattr(row, name, arguments and covered(row.operation, arguments))
            operation = getattr(getattr(row, "operation", None), "name", "")
            for field in row._meta.concrete_fields:
                if isinstance(field, models.JSONField | models.TextField | models.CharField):
                    told = {"operation": operation, field.name: getattr(row, field.name)}
                    setattr(row, field.name, masks.hide(told)[field.name])
        return row


@admin.register(Approval)
class ApprovalAdmin(MaskedAdmin[Approval]):
    case = "case"
    list_display = ("id", "case", "state", "risk", "people", "due_at", "decided_option", "created_at")
    list_filter = ("state", "risk")
    list_select_related = ("case",)
    search_fields = ("=case__id", "=id")
    ordering = ("-created_at",)


@admin.register(Decision)
class DecisionAdmin(MaskedAdmin[Decision]):
    case = "approval__case"
    list_display = ("approval", "label", "team", "option", "at", "undone_at")
    list_filter = ("team",)
    list_select_related = ("approval",)
    search_fields = ("=approval__case__id", "label")


@admin.register(Run)
class RunAdmin(MaskedAdmin[Run]):
    case = "case"
    list_display = ("case", "step", "agent", "turn", "state", "attempts", "started_at", "ended_at")
    list_filter = ("state", "agent")
    list_select_related = ("case", "agent")
    search_fields = ("=case__id", "=step")
    ordering = ("-id",)


@admin.register(Proposal)
class ProposalAdmin(MaskedAdmin[Proposal]):
    case = "case"
    list_display = ("id", "case", "step", "proposer", "state", "suggested", "decided", "created_at")
    list_filter = ("state", "risk", "proposer_kind")
    list_select_related = ("case",)
    search_fields = ("=case__id", "=id")
    ordering = ("-created_at",)


@admin.register(Write)
class WriteAdmin(MaskedAdmin[Write]):
    case = "case"
    list_display = ("id", "case", "name", "operation", "state", "money", "currency", "reference", "ended_at")
    list_filter = ("state", "controlled", "operation")
    list_select_related = ("case", "operation")
    search_fields = ("=case__id", "=id", "=reference")
    ordering = ("-reserved_at",)


@admin.register(EventDetail)
class EventDetailAdmin(MaskedAdmin[EventDetail]):
    case = "event__case"
    without_case = True
    list_display = ("event",)
    list_select_related = ("event",)
    search_fields = ("=event__case__id",)
    ordering = ("-event_id",)
