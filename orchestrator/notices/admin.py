"""Admin pages of the notices: channels of teams to edit; what people chose and what was told to look at."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from cases.actors import person
from cases.admin import HistoryAdmin, ReadOnlyAdmin
from cases.clock import database_now
from cases.ledger import Entry, append_company
from orchestrator.notices.forms import HookForm
from orchestrator.notices.models import MailChoice, Notice, TeamHook


@admin.register(TeamHook)
class TeamHookAdmin(HistoryAdmin):
    """A channel is not deleted: it is switched off."""

    form = HookForm
    fields = ("team", "kind", "address", "language", "private_network", "active")
    list_display = ("team", "kind", "where", "language", "active")
    list_select_related = ("team",)
    list_filter = ("kind", "active")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.display(description=_("address"))
    def where(self, hook: TeamHook) -> str:
        return str(_("encrypted")) if hook.is_sealed else hook.address

    def save_model(self, request: HttpRequest, obj: TeamHook, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        data = {"team": obj.team.name, "kind": obj.kind, "active": obj.active, "fields": sorted(form.changed_data)}
        append_company([Entry("channel.changed", person(request.user), data)], now=database_now())


@admin.register(MailChoice)
class MailChoiceAdmin(ReadOnlyAdmin[MailChoice]):
    list_display = ("user", "mode")
    list_select_related = ("user",)
    list_filter = ("mode",)


@admin.register(Notice)
class NoticeAdmin(ReadOnlyAdmin[Notice]):
    list_display = ("item", "kind", "user", "hook", "state", "tries", "reserved_at", "ended_at", "error")
    list_select_related = ("user", "hook__team")
    list_filter = ("state",)
    search_fields = ("item", "=user__username")
