"""Admin pages of people: the stock user page with what else we know of them. Teams are changed on the team's page.

The rows that allauth keeps (second factors, sessions, links to the identity provider) have no pages: whoever could edit
them could be somebody else without a trace.
"""

from typing import Any

import allauth.account.admin
import allauth.mfa.admin
import allauth.socialaccount.admin
import allauth.usersessions.admin  # noqa: F401
from allauth.mfa.models import Authenticator
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import Group, User
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from cases.actors import person
from cases.clock import database_now
from cases.ledger import Entry, append_company
from cases.models import Person
from orchestrator.sessions import end_sessions

# Who has these, and who may come in by the address: sessions from before end.
ROLE = {"is_active", "is_staff", "is_superuser", "user_permissions", "email"}

admin.site.unregister(User)
admin.site.unregister(Group)  # a group belongs to its team
THEIRS = ("allauth.account", "allauth.mfa", "allauth.socialaccount", "allauth.usersessions")
admin.site.unregister([model for model in list(admin.site._registry) if model.__module__.startswith(THEIRS)])


class PersonInline(admin.StackedInline[Person, User]):
    model = Person
    can_delete = False


@admin.register(User)
class PeopleAdmin(UserAdmin):  # type: ignore[type-arg]
    inlines = (PersonInline,)
    readonly_fields = ("groups", "last_login", "date_joined")
    actions = ("remove_factors",)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Only admins change an admin, by the form or the password page."""
        if obj is not None and obj.is_superuser and not request.user.is_superuser:
            return False
        return bool(super().has_change_permission(request, obj))

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Only admins say who may do what."""
        more = () if request.user.is_superuser else ("is_staff", "is_superuser", "user_permissions")
        return (*self.readonly_fields, *more)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # decisions name people: an account is switched off instead

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        fields = sorted(set(form.changed_data) - {"password", "password1", "password2"})
        data = {"person": obj.username, "new": not change, "fields": fields}
        append_company([Entry("people.changed", person(request.user), data)], now=database_now())
        if ROLE & set(form.changed_data):
            end_sessions([obj.pk])

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:
        """Whoever gives a password could come in by it as that person: the ledger says who did. Django's page saves it
        past `save_model`.
        """
        with transaction.atomic():
            before = self.get_object(request, unquote(id))
            answer = super().user_change_password(request, id, form_url)
            after = self.get_object(request, unquote(id))
            if before is not None and after is not None and before.password != after.password:
                data = {"person": after.username, "new": False, "fields": ["password"]}
                append_company([Entry("people.changed", person(request.user), data)], now=database_now())
        return answer

    @admin.action(description=_("Remove second factors and end sessions"), permissions=["change"])
    def remove_factors(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        """For somebody who lost their device. They sign in with the password alone, and set up a new factor."""
        people = [one for one in queryset if self.has_change_permission(request, one)]
        Authenticator.objects.filter(user__in=people).delete()
        end_sessions([one.pk for one in people])
        data = [{"person": one.username, "new": False, "fields": ["second factors"]} for one in people]
        append_company([Entry("people.changed", person(request.user), one) for one in data], now=database_now())
        words = ngettext("%(n)s person signs in anew.", "%(n)s people sign in anew.", len(people)) % {"n": len(people)}
        self.message_user(request, words, messages.SUCCESS)
