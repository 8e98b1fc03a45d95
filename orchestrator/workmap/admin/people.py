"""Admin pages of people: the stock user page with what else we know of them. Teams are changed on the team's page."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import Group, User
from django.http import HttpRequest

from cases.actors import person
from cases.clock import database_now
from cases.ledger import Entry, append_company
from cases.models import Person

admin.site.unregister(User)
admin.site.unregister(Group)  # a group belongs to its team


class PersonInline(admin.StackedInline[Person, User]):
    model = Person
    can_delete = False


@admin.register(User)
class PeopleAdmin(UserAdmin):  # type: ignore[type-arg]
    inlines = (PersonInline,)
    readonly_fields = ("groups", "last_login", "date_joined")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # decisions name people: an account is switched off instead

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        fields = sorted(set(form.changed_data) - {"password", "password1", "password2"})
        data = {"person": obj.username, "new": not change, "fields": fields}
        append_company([Entry("people.changed", person(request.user), data)], now=database_now())
