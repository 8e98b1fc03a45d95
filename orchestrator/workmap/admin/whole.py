"""Admin pages of records that are one row: company, calendars, teams, systems, operations, agents, grants."""

from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.contrib.admin.widgets import FilteredSelectMultiple
from django.contrib.auth.models import User
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from agents.models import Agent, CompanyCalls, Grant, Operation, System
from cases.actors import person
from cases.models import Calendar, Company, Team
from orchestrator.workmap import live, rows, services
from orchestrator.workmap.admin.base import RecordAdmin, RecordForm
from orchestrator.workmap.records import Key, Record


class OneRowForm(RecordForm):
    """A record that is one row, named by its name. The function of `rows` has the name of what it is."""

    what: ClassVar[str]

    def record(self) -> tuple[Key, Record | None]:
        row = self.instance
        said: Record = getattr(rows, self.what)(row)
        return (self.what, row.name), None if row.retired else said


def form_of(what_: str) -> type[OneRowForm]:
    return type(f"{what_.capitalize()}Form", (OneRowForm,), {"what": what_, "__module__": __name__})


class CompanyForm(RecordForm):
    def record(self) -> tuple[Key, Record | None]:
        calls = CompanyCalls.objects.select_related("customer", "reply").filter(pk=1).first()
        return ("company", ""), rows.company(self.instance, calls)


class CompanyCallsForm(RecordForm):
    def record(self) -> tuple[Key, Record | None]:
        return ("company", ""), rows.company(Company.objects.get(pk=1), self.instance)


@admin.register(Company)
class CompanyAdmin(RecordAdmin):
    form = CompanyForm
    fixed = ()
    titles = ()
    lines = ("languages",)
    list_display = ("name", "currency", "time_zone", "hold_seconds", "version")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return not Company.objects.exists() and bool(super().has_add_permission(request))

    def stored(self, obj: Any) -> Any:
        return Company.objects.filter(pk=1).first()


@admin.register(CompanyCalls)
class CompanyCallsAdmin(RecordAdmin):
    form = CompanyCallsForm
    fixed = ()
    titles = ()
    list_display = ("__str__", "customer", "reply", "version")
    list_select_related = ("customer", "reply")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False  # it comes with the company


@admin.register(Calendar)
class CalendarAdmin(RecordAdmin):
    form = form_of("calendar")
    list_display = ("name", "shown", "holidays", "retired", "version")
    list_filter = ("retired",)


class TeamForm(OneRowForm):
    what = "team"
    members = forms.ModelMultipleChoiceField(
        label=_("Members"),
        queryset=User.objects.order_by("username"),
        required=False,
        widget=FilteredSelectMultiple(_("members"), is_stacked=False),
    )
    leads = forms.ModelMultipleChoiceField(
        label=_("Leads"),
        queryset=User.objects.order_by("username"),
        required=False,
        widget=FilteredSelectMultiple(_("leads"), is_stacked=False),
    )

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if self.instance.pk:
            self.initial["members"] = self.instance.group.user_set.all()
            self.initial["leads"] = self.instance.leads.all()


@admin.register(Team)
class TeamAdmin(RecordAdmin):
    form = TeamForm
    fields = ("name", "title", "escalates_to", "step_up", "members", "leads", "retired", "version", "change_reason")
    list_display = ("name", "shown", "escalates_to", "step_up", "retired", "version")
    list_filter = ("retired",)
    list_select_related = ("escalates_to",)
    search_fields = ("name",)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return [name for name in self.fields if obj is not None or name != "version"]

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        team = Team.objects.filter(name=form.instance.name).select_related("group").first()
        if team is not None:
            services.set_members(
                actor=person(request.user),
                team=team,
                members=form.cleaned_data["members"],
                leads=form.cleaned_data["leads"],
                reason=form.cleaned_data["change_reason"],
            )

    def tell(self, request: HttpRequest, outcome: Any) -> None:
        if outcome.waiting:
            super().tell(request, outcome)


@admin.register(System)
class SystemAdmin(RecordAdmin):
    form = form_of("system")
    list_display = ("name", "shown", "connector", "url", "owner", "private_network", "retired", "version")
    list_filter = ("connector", "retired")
    list_select_related = ("owner",)
    search_fields = ("name", "url")


@admin.register(Operation)
class OperationAdmin(RecordAdmin):
    form = form_of("operation")
    exclude = ("system",)  # the first part of its name
    lines = ("editable", "secret", "masked")
    words = ("case_key", "money", "effect_key")
    list_display = ("name", "shown", "level", "kind", "risk", "suspended", "retired", "version")
    list_filter = ("level", "kind", "system", "risk", "retired")
    search_fields = ("name",)


@admin.register(Agent)
class AgentAdmin(RecordAdmin):
    form = form_of("agent")
    list_display = ("name", "shown", "purpose", "owner", "active", "retired", "version")
    list_filter = ("active", "retired")
    list_select_related = ("owner",)


class GrantForm(RecordForm):
    def record(self) -> tuple[Key, Record | None]:
        row = self.instance
        named = {grant.pk: name for name, grant in live.read().grants.items()} if row.pk else {}
        return ("grant", named.get(row.pk, "")), None if row.retired else rows.grant(row)


@admin.register(Grant)
class GrantAdmin(RecordAdmin):
    form = GrantForm
    fixed = ("agent", "operation")
    titles = ()
    lines = ("types", "steps")
    list_display = ("agent", "operation", "reason", "until", "types", "steps", "retired", "version")
    list_filter = ("agent", "operation__level", "retired")
    list_select_related = ("agent", "operation")
    search_fields = ("agent__name", "operation__name", "reason")

    def stored(self, obj: Any) -> Any:
        found = Grant.objects.filter(agent=obj.agent, operation=obj.operation, until=obj.until, reason=obj.reason)
        return found.order_by("-pk").first()
