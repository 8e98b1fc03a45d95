"""How a row of the configuration is edited in the admin: as a record of the map, through the map's own service.

The form checks the whole map with the change in it; saving brings it into force, or makes a draft of it.
"""

from typing import Any, ClassVar

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import models
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cases.actors import person
from cases.admin import HistoryAdmin
from cases.errors import Refusal
from orchestrator.workmap import changing, services
from orchestrator.workmap.admin.fields import LinesField, TitleField, WideJSON, WordsField
from orchestrator.workmap.changing import Change
from orchestrator.workmap.records import Key, Record


class RecordForm(forms.ModelForm):  # type: ignore[type-arg]
    """A form of one row. `record` says which record of the map it becomes; None retires it."""

    change_reason = forms.CharField(
        label=gettext_lazy("Reason for the change"),
        max_length=300,
        widget=forms.TextInput(attrs={"size": 80}),
        help_text=gettext_lazy("Kept in the history with your name."),
    )
    outcome: Change | None = None
    key: Key
    becomes: Record | None

    def record(self) -> tuple[Key, Record | None]:
        """The record of `self.instance`, with what the form says."""
        raise NotImplementedError

    def full_clean(self) -> None:
        super().full_clean()
        if not self.is_bound or self.errors:
            return
        self.key, self.becomes = self.record()
        for problem in changing.problems(self.key, self.becomes):
            self.add_error(None, problem)

    def _save_m2m(self) -> None:
        """Everything is saved by the map's service."""


class RecordAdmin(HistoryAdmin):
    """Base of the admin pages of configuration. No row is deleted: it is retired."""

    form = RecordForm
    what: ClassVar[str]
    fixed: ClassVar[tuple[str, ...]] = ("name",)
    """Fields that never change once the row is there."""
    formfield_overrides: ClassVar[dict[Any, Any]] = {models.JSONField: {"form_class": WideJSON}}
    titles: ClassVar[tuple[str, ...]] = ("title",)
    """Texts that people read, in each language."""
    lines: ClassVar[tuple[str, ...]] = ()
    """Lists of plain texts."""
    words: ClassVar[tuple[str, ...]] = ()
    """JSON fields that may be a plain word as well."""
    save_on_top = False
    list_per_page = 50

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        there = [*self.fixed, "version"] if obj is not None else []
        return list(dict.fromkeys([*super().get_readonly_fields(request, obj), *there]))

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **options: Any) -> Any:
        fields = ((self.titles, TitleField), (self.lines, LinesField), (self.words, WordsField))
        for names, field in fields:
            if db_field.name in names:
                return field(label=db_field.verbose_name.capitalize(), required=not db_field.blank)
        return super().formfield_for_dbfield(db_field, request, **options)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        form.outcome = services.change_record(
            actor=person(request.user),
            what=form.key[0],
            name=form.key[1],
            becomes=form.becomes,
            reason=form.cleaned_data["change_reason"],
        )
        if obj.pk is None:
            stored = self.stored(obj)
            obj.pk = None if stored is None else stored.pk
            obj._state.adding = stored is None
        obj.outcome = form.outcome  # for the answer, which sees the row alone
        self.tell(request, form.outcome)

    def stored(self, obj: Any) -> Any:
        """The row that a new record became; None if it waits as a draft."""
        return self.model.objects.filter(name=obj.name).first()

    def tell(self, request: HttpRequest, outcome: Change) -> None:
        if outcome.waiting:
            words = _("A second person must publish this: %(changes)s")
            self.message_user(request, words % {"changes": "; ".join(outcome.waiting)}, messages.WARNING)
        elif not outcome.in_force:
            self.message_user(request, _("Nothing changed."), messages.INFO)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Nothing hangs on a row that the map's service has not saved."""

    def changeform_view(self, request: HttpRequest, *args: Any, **options: Any) -> HttpResponse:
        try:
            return super().changeform_view(request, *args, **options)  # type: ignore[no-any-return]  # simple_history has no types
        except Refusal as refusal:  # it fitted when the form was checked, and no longer does
            self.message_user(request, str(refusal), messages.ERROR)
            return HttpResponseRedirect(request.get_full_path())

    def history_form_view(self, request: HttpRequest, *args: Any, **options: Any) -> HttpResponse:
        """Going back to an earlier version is a change like any other; the stock page would save for who may look."""
        if request.method == "POST" and not self.has_change_permission(request):
            raise PermissionDenied
        return super().history_form_view(request, *args, **options)  # type: ignore[no-any-return]  # simple_history has no types

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        return None if obj.pk is None else super().log_addition(request, obj, message)

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        return super().log_change(request, obj, message) if obj.outcome.in_force else None

    def response_add(self, request: HttpRequest, obj: Any, *args: Any, **options: Any) -> HttpResponse:
        if obj.pk is None:  # it waits as a draft
            return HttpResponseRedirect(reverse("admin:approvals_draft_changelist"))
        return super().response_add(request, obj, *args, **options)  # type: ignore[no-any-return]  # simple_history has no types

    def response_change(self, request: HttpRequest, obj: Any) -> HttpResponse:
        """Where nothing came into force the stock answer, "was changed successfully", would be untrue."""
        if not obj.outcome.in_force:
            waits = bool(obj.outcome.waiting)
            return HttpResponseRedirect(reverse("admin:approvals_draft_changelist") if waits else request.path)
        return super().response_change(request, obj)  # type: ignore[no-any-return]  # simple_history has no types
