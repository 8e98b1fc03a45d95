"""Tokens and calls under keys in the admin: read-only, with one action that revokes."""

from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from cases.actors import person
from orchestrator.api.models import ApiToken
from orchestrator.api.services import revoke_token


@admin.register(ApiToken)
class ApiTokenAdmin(admin.ModelAdmin[ApiToken]):
    list_display = ["name", "prefix", "scope_names", "agent", "user", "team", "expires_at", "revoked_at"]
    list_filter = ["revoked_at"]
    list_select_related = ["agent", "user", "team"]
    search_fields = ["name", "prefix"]
    actions = ["revoke"]
    fields = [
        "name", "prefix", "scopes", "agent", "user", "team", "trusted_identity",
        "created_at", "expires_at", "revoked_at", "revoked_by",
    ]  # fmt: skip

    @admin.display(description=_("scopes"))
    def scope_names(self, token: ApiToken) -> str:
        return ", ".join(token.scopes)

    @admin.action(description=_("Revoke the chosen tokens"), permissions=["revoke"])
    def revoke(self, request: HttpRequest, queryset: Any) -> None:
        actor = person(request.user)
        ids = list(queryset.values_list("pk", flat=True))
        for token_id in ids:
            revoke_token(actor=actor, token_id=token_id)
        words = ngettext("%(n)s token is revoked.", "%(n)s tokens are revoked.", len(ids)) % {"n": len(ids)}
        self.message_user(request, words, messages.SUCCESS)

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        """Whoever may change tokens may revoke them; nobody may edit one."""
        return bool(request.user.has_perm("api.change_apitoken"))

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: ApiToken | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: ApiToken | None = None) -> bool:
        return False
