"""Admin pages of what waits for a person: drafts are published or dropped here, standing approvals are not."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from simple_history.admin import SimpleHistoryAdmin

from approvals.models import Draft, StandingApproval
from cases.actors import person
from cases.admin import ReadOnlyAdmin
from cases.errors import Refusal
from orchestrator.workmap import services


@admin.register(Draft)
class DraftAdmin(ReadOnlyAdmin[Draft]):
    list_display = ("words", "what", "name", "by_label", "reason", "created_at", "state", "ended_by")
    list_filter = ("state", "what")
    search_fields = ("name", "words", "by_label")
    actions = ("publish", "drop")
    fields = ("words", "what", "name", "becomes", "by_label", "reason", "created_at", "state", "ended_by", "ended_at")

    @admin.action(description=gettext_lazy("Publish the chosen changes (as a second person)"), permissions=["publish"])
    def publish(self, request: HttpRequest, chosen: QuerySet[Draft]) -> None:
        self._each(request, chosen, services.publish_draft, _("Published: %(words)s"))

    @admin.action(description=gettext_lazy("Drop the chosen changes"), permissions=["publish"])
    def drop(self, request: HttpRequest, chosen: QuerySet[Draft]) -> None:
        self._each(request, chosen, services.drop_draft, _("Dropped: %(words)s"))

    def has_publish_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("approvals.change_draft"))

    def _each(self, request: HttpRequest, chosen: QuerySet[Draft], do: Callable[..., Any], done: str) -> None:
        for draft in chosen.order_by("pk"):
            try:
                do(actor=person(request.user), draft_id=draft.pk)
            except Refusal as refusal:
                self.message_user(request, f"{draft.words}: {refusal}", messages.ERROR)
            else:
                self.message_user(request, done % {"words": draft.words}, messages.SUCCESS)


@admin.register(StandingApproval)
class StandingApprovalAdmin(ReadOnlyAdmin[StandingApproval], SimpleHistoryAdmin):  # type: ignore[misc]
    """Only the named person confirms one, on the page for it."""

    list_display = ("rule", "by", "confirmed_label", "confirmed_at", "withdrawn_at", "in_force_now")
    list_select_related = ("rule",)

    @admin.display(description=gettext_lazy("in force"), boolean=True)
    def in_force_now(self, standing: StandingApproval) -> bool:
        return standing.in_force

    def history_form_view(self, request: HttpRequest, *args: Any, **options: Any) -> HttpResponse:
        """An earlier version is shown, never brought back: that would confirm without the named person."""
        if request.method == "POST":
            raise PermissionDenied
        return super().history_form_view(request, *args, **options)  # type: ignore[no-any-return]
