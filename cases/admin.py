"""Admin pages of what runs on floor 1: to look at, never to change. Configuration is edited on the roof."""

from typing import Any, TypeVar

from django.contrib import admin
from django.db.models import Model, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from simple_history.admin import SimpleHistoryAdmin

from cases.models import Anchor, Case, Event, Example, Message

M = TypeVar("M", bound=Model)


def is_number(text: str) -> bool:
    """Whether it can be the number of a row."""
    return text.isascii() and text.isdecimal() and len(text) < 19


class HistoryAdmin(SimpleHistoryAdmin):  # type: ignore[misc]  # simple_history has no types
    """With a page of earlier versions, for rows that have a number."""

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        if not is_number(str(object_id)):
            raise Http404
        answer: HttpResponse = super().history_view(request, object_id, extra_context)
        return answer


class ReadOnlyAdmin(admin.ModelAdmin[M]):
    """Nothing is added, changed or deleted here. `case`: the path to the case whose sight decides who sees the row."""

    case: str | None = None
    without_case = False
    """Whether rows that belong to no case are shown to every admin."""
    show_full_result_count = False
    list_per_page = 50
    actions: Any = None

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[M]:
        rows = super().get_queryset(request)
        if self.case is None:
            return rows
        seen = Q(**{f"{self.case}__in": Case.objects.visible_to(request.user).values("pk")})
        return rows.filter(seen | Q(**{self.case: None}) if self.without_case else seen)


@admin.register(Case)
class CaseAdmin(ReadOnlyAdmin[Case]):
    case = "pk"
    list_display = (
        "number",
        "type",
        "status",
        "holder_kind",
        "holder_team",
        "holder_user",
        "turn",
        "created_at",
        "finish_due",
    )
    list_filter = ("status", "holder_kind", "type", "source", "channel")
    list_select_related = ("type", "holder_team", "holder_user")
    search_fields = ("=id", "=customer", "=contact", "=external_id")


@admin.register(Message)
class MessageAdmin(ReadOnlyAdmin[Message]):
    case = "case"
    list_display = ("case", "direction", "author", "by_ai", "at")
    list_filter = ("direction", "by_ai")
    list_select_related = ("case",)
    search_fields = ("=case__id",)


@admin.register(Event)
class EventAdmin(ReadOnlyAdmin[Event]):
    case = "case"
    without_case = True
    list_display = ("case", "seq", "at", "code", "actor")
    list_filter = ("at",)
    list_select_related = ("case",)
    search_fields = ("=case__id", "=code")
    ordering = ("-id",)


@admin.register(Anchor)
class AnchorAdmin(ReadOnlyAdmin[Anchor]):
    list_display = ("at", "last_event", "events", "cases", "digest")


@admin.register(Example)
class ExampleAdmin(ReadOnlyAdmin[Example]):
    list_display = ("type", "by", "at", "case_id")
    list_filter = ("type",)
    list_select_related = ("type",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Example]:
        return super().get_queryset(request).filter(case_id__in=Case.objects.visible_to(request.user).values("pk"))
