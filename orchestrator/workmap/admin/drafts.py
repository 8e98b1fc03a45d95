"""Admin pages of what waits for a person: drafts are published or dropped here, standing approvals are not."""

from collections.abc import Callable
from functools import partial
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from approvals.models import Draft, Rule, StandingApproval
from cases.actors import person
from cases.admin import HistoryAdmin, ReadOnlyAdmin, is_number
from cases.errors import Refusal
from orchestrator.workmap import services
from orchestrator.workmap.ruling.coming import said


class PublishForm(forms.Form):
    """Which drafts, why, and from when. Times are the company's."""

    draft = forms.ModelMultipleChoiceField(Draft.objects.all(), widget=forms.MultipleHiddenInput)
    reason = forms.CharField(
        label=gettext_lazy("Why it is published"),
        max_length=300,
        widget=forms.TextInput(attrs={"size": 60}),
        help_text=gettext_lazy("Kept in the history with your name."),
    )
    starts_at = forms.DateTimeField(
        label=gettext_lazy("Starts at"),
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        help_text=gettext_lazy("Left empty: at once. Until it starts, it can be called off."),
    )


@admin.register(Draft)
class DraftAdmin(ReadOnlyAdmin[Draft]):
    change_form_template = "admin/approvals/draft/change_form.html"
    list_display = ("words", "what", "name", "by_label", "reason", "created_at", "state", "starts_at", "ended_by")
    list_filter = ("state", "what")
    search_fields = ("name", "words", "by_label")
    actions = ("publish", "drop")
    fieldsets = (
        (
            None,
            {
                "fields": (
                    *("words", "what", "name", "by_label", "reason", "created_at", "state", "starts_at"),
                    *("publisher_label", "publish_reason", "problem", "ended_by", "ended_at"),
                )
            },
        ),
        (gettext_lazy("As data"), {"fields": ("becomes",), "classes": ("collapse",)}),
    )

    @admin.action(description=gettext_lazy("Publish the chosen changes (as a second person)"), permissions=["publish"])
    def publish(self, request: HttpRequest, chosen: QuerySet[Draft]) -> HttpResponse:
        """Asks for the reason and the start time first."""
        return self._ask(request, PublishForm(initial={"draft": list(chosen)}), list(chosen))

    @admin.action(description=gettext_lazy("Drop the chosen changes"), permissions=["publish"])
    def drop(self, request: HttpRequest, chosen: QuerySet[Draft]) -> None:
        self._each(request, chosen.order_by("pk"), services.drop_draft, _("Dropped: %(words)s"))

    def has_publish_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("approvals.change_draft"))

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view
        mine = [
            path("publish/", view(require_POST(self.publish_view)), name="approvals_draft_publish"),
            path("<int:draft_id>/call-off/", view(require_POST(self.call_off_view)), name="approvals_draft_call_off"),
            path("<int:draft_id>/drop/", view(require_POST(self.drop_view)), name="approvals_draft_drop"),
        ]
        return [*mine, *super().get_urls()]

    def publish_view(self, request: HttpRequest) -> HttpResponse:
        """Publish the drafts of the form, each on its own: one that is refused stops none of the others."""
        self._must_publish(request)
        form = PublishForm(request.POST)
        if not form.is_valid():
            ids = [one for one in request.POST.getlist("draft") if is_number(one)]
            return self._ask(request, form, list(Draft.objects.filter(pk__in=ids)), status=422)
        start_at = form.cleaned_data["starts_at"]
        do = partial(services.publish_draft, reason=form.cleaned_data["reason"], start_at=start_at)
        words = _("Published, starts at its time: %(words)s") if start_at else _("Published: %(words)s")
        self._each(request, form.cleaned_data["draft"].order_by("pk"), do, words)
        return self._back()

    def call_off_view(self, request: HttpRequest, draft_id: int) -> HttpResponse:
        """It does not start; it waits for a second person again."""
        self._must_publish(request)
        do = partial(services.call_off_draft, reason=request.POST.get("reason", "")[:300])
        self._each(request, Draft.objects.filter(pk=draft_id), do, _("Called off: %(words)s"))
        return self._back()

    def drop_view(self, request: HttpRequest, draft_id: int) -> HttpResponse:
        """It ends without any change."""
        self._must_publish(request)
        self._each(request, Draft.objects.filter(pk=draft_id), services.drop_draft, _("Dropped: %(words)s"))
        return self._back()

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **options: Any
    ) -> HttpResponse:
        draft = context.get("original")
        if draft is not None and draft.what == "rule":
            context["said"] = said(draft, Rule.objects.filter(name=draft.name).first())
        if draft is not None and draft.state in Draft.WAITING and self.has_publish_permission(request):
            context |= {"draft": draft, "publish_form": PublishForm(initial={"draft": [draft]})}
        return super().render_change_form(request, context, *args, **options)

    def _must_publish(self, request: HttpRequest) -> None:
        if not self.has_publish_permission(request):
            raise PermissionDenied

    def _ask(self, request: HttpRequest, form: PublishForm, drafts: list[Draft], status: int = 200) -> HttpResponse:
        frame = {**self.admin_site.each_context(request), "opts": self.opts, "title": _("Publish as a second person")}
        context = {**frame, "publish_form": form, "drafts": drafts}
        return render(request, "admin/approvals/draft/publish.html", context, status=status)

    def _back(self) -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:approvals_draft_changelist"), status=303)

    def _each(self, request: HttpRequest, chosen: QuerySet[Draft], do: Callable[..., Any], done: str) -> None:
        for draft in chosen:
            try:
                do(actor=person(request.user), draft_id=draft.pk)
            except Refusal as refusal:
                self.message_user(request, f"{draft.words}: {refusal}", messages.ERROR)
            else:
                self.message_user(request, done % {"words": draft.words}, messages.SUCCESS)


@admin.register(StandingApproval)
class StandingApprovalAdmin(ReadOnlyAdmin[StandingApproval], HistoryAdmin):
    """Only the named person confirms one, on the page for it."""

    list_display = ("rule", "by", "confirmed_label", "confirmed_at", "withdrawn_at", "in_force_now")
    list_select_related = ("rule", "confirmed_by")

    @admin.display(description=gettext_lazy("in force"), boolean=True)
    def in_force_now(self, standing: StandingApproval) -> bool:
        return standing.in_force

    def history_form_view(self, request: HttpRequest, *args: Any, **options: Any) -> HttpResponse:
        """An earlier version is shown, never brought back: that would confirm without the named person."""
        if request.method == "POST":
            raise PermissionDenied
        return super().history_form_view(request, *args, **options)  # type: ignore[no-any-return]
