"""The admin page of a rule: read and written as a sentence of labelled choices, with the data folded away below it."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import path, reverse
from django.utils import timezone
from django.utils.html import format_html_join
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from agents.configuration import Configuration, current
from approvals.models import Rule
from cases.actors import person
from cases.admin import is_number
from cases.clock import database_now
from cases.values import midnight
from orchestrator.workmap import rows
from orchestrator.workmap.admin import stages
from orchestrator.workmap.admin.base import RecordAdmin, RecordForm
from orchestrator.workmap.admin.fields import Unreadable, read_json
from orchestrator.workmap.models import RuleTrial
from orchestrator.workmap.records import Key, Record, same
from orchestrator.workmap.ruling import advising, choosing, coming, offering, previewing, trials, trying
from orchestrator.workmap.ruling.choosing import Choices, Row, Unwritable
from orchestrator.workmap.ruling.coming import TAGS
from orchestrator.workmap.ruling.results import Result
from orchestrator.workmap.ruling.sentence_changes import pieces
from orchestrator.workmap.ruling.staffing import staff
from orchestrator.workmap.ruling.staging import MOST_STAGES, Stage

IS = {
    "is": gettext_lazy("is"),
    "is not": gettext_lazy("is not"),
    "more than": gettext_lazy("is more than"),
    "at least": gettext_lazy("is at least"),
    "less than": gettext_lazy("is less than"),
    "at most": gettext_lazy("is at most"),
    "one of": gettext_lazy("is one of"),
    "none of": gettext_lazy("is none of"),
    "contains": gettext_lazy("contains"),
    "starts with": gettext_lazy("starts with"),
    "ends with": gettext_lazy("ends with"),
    "known": gettext_lazy("is known"),
    "unknown": gettext_lazy("is not known"),
    "any of them": gettext_lazy("has at least one of"),
    "all of them": gettext_lazy("has only"),
}
EACH = {"any of them": gettext_lazy("has at least one that"), "all of them": gettext_lazy("has only ones that")}
GROUPS = (("all", gettext_lazy("all of these")), ("any", gettext_lazy("at least one of these")))
EFFECTS = (
    ("ask", gettext_lazy("ask people")),
    ("stages", gettext_lazy("ask people in stages")),
    ("forbid", gettext_lazy("forbid it")),
    ("standing_approval", gettext_lazy("approve it beforehand (standing approval)")),
)
REDRAWS = ("_add_condition", "_add_stage", "_preview")
"""Buttons that show the page again and save nothing."""
YEARS = range(2000, 2101)  # of a period; what is far from them, a clock of the database or of Python cannot hold


def words_of_comparison(name: str) -> Any:
    each, _colon, inner = name.partition(": ")
    return f"{EACH[each]}: {IS[inner]}" if inner else IS[name]


class RuleForm(RecordForm):
    """The row's own fields, and those of the sentence (`s_…`). `edit_as` says which of the two counts."""

    config: Configuration
    choices: Choices | None
    offer: offering.Offer

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.config = current()
        self.redraws = self.is_bound and any(button in self.data for button in REDRAWS)
        self.said = Choices(rows=(Row(),))
        self.offer = offering.offer(self.config)
        if "when" not in self.fields:  # somebody who may only look
            return
        self.by_sentence = self._read()
        self.offer = offering.offer(self.config, self.said.rows)
        self._add_fields()
        if self.is_bound and self.by_sentence:
            for name in ("when", "then"):
                self.fields[name].disabled, self.fields[name].required = True, False

    def _read(self) -> bool:
        """Whether the sentence counts; `said` becomes what it says."""
        if self.is_bound:
            listed = {name: _list(self.data, f"s_{name}") for name in ("types", "operations")}
            self.said = choosing.sent(self.data, listed)
            if "_add_condition" in self.data:
                self.said = _with_a_row(self.said)
                self.data = _with(self.data, "s_rows", str(len(self.said.rows)))
            if "_add_stage" in self.data:
                self.said = replace(self.said, stages=(*self.said.stages, Stage())[:MOST_STAGES])
                self.data = _with(self.data, "s_stages", str(len(self.said.stages)))
            return self.data.get("edit_as") == "sentence" and not self._is_as_stored()
        if not self.instance.pk and not self.instance.then:
            return True
        found = choosing.read(self.instance.when, self.instance.then, self.offer.kinds)
        if found is not None:
            self.said = found if found.rows else _with_a_row(found)
        return found is not None

    def _is_as_stored(self) -> bool:
        """Whether nobody touched the sentence: then what stands as data counts, changed or not."""
        stored = choosing.read(self.instance.when, self.instance.then, self.offer.kinds) if self.instance.pk else None
        if stored is None or self.redraws:
            return False
        kept = tuple(row for row in self.said.rows if row.left)
        asked = tuple(stage for stage in self.said.stages if stage != Stage())
        return replace(self.said, rows=kept, stages=asked) == stored

    def _is_data_changed(self) -> bool:
        for name in ("when", "then"):
            text = self.data.get(name)
            try:
                said = read_json(text) if text else None
            except Unreadable:
                return True
            if said and not same(said, getattr(self.instance, name)):
                return True
        return False

    def _add_fields(self) -> None:
        said, offer, text = self.said, self.offer, partial(forms.CharField, required=False)
        add, choose = self.fields.__setitem__, stages.choose
        nothing: tuple[str, Any] = ("", "—")

        add(
            "edit_as",
            choose(
                _("This rule is written"),
                (("sentence", _("as a sentence")), ("data", _("as data"))),
                "sentence" if self.by_sentence else "data",
            ),
        )
        for name, label, listed, chosen in (
            ("types", _("Request types (none chosen: all)"), offer.types, said.types),
            ("operations", _("Actions (none chosen: everything controlled)"), offer.operations, said.operations),
        ):
            there = {value for value, _words in listed}
            more = [(value, value) for value in chosen if value not in there]
            add(
                f"s_{name}",
                forms.MultipleChoiceField(
                    label=label,
                    choices=[*listed, *more],
                    initial=list(chosen),
                    required=False,
                    widget=forms.CheckboxSelectMultiple,
                ),
            )
        comparisons = [(name, words_of_comparison(name)) for name in choosing.IS]
        add("s_rows", forms.CharField(initial=str(len(said.rows)), required=False, widget=forms.HiddenInput))
        for n, row in enumerate(said.rows):
            place = {"n": n + 1}
            add(f"s_{n}_group", choose(_("Condition %(n)s belongs to") % place, GROUPS, row.group))
            add(f"s_{n}_left", choose(_("Condition %(n)s: what") % place, [nothing, *offer.lefts], row.left))
            add(f"s_{n}_inside", text(label=_("Condition %(n)s: part of it") % place, initial=row.inside))
            add(f"s_{n}_is", choose(_("Condition %(n)s: how") % place, comparisons, row.comparison))
            add(f"s_{n}_value", text(label=_("Condition %(n)s: value") % place, initial=row.value))
            others = [("", _("the value beside")), *offer.others]
            add(f"s_{n}_other", choose(_("Condition %(n)s: compared with") % place, others, row.other))
        add("s_effect", choose(_("Then"), EFFECTS, said.effect))
        self.fields |= stages.fields(said.stages, offer)
        labels: dict[str, tuple[Any, Any]] = {
            "ask": (_("Ask"), [nothing, *offer.teams]),
            "people": (_("How many people"), None),
            "calendar": (_("In working time of"), [("", _("clock time")), *offer.calendars]),
            "pass_to": (_("If nobody answers, pass to"), [("", _("the team above")), *offer.teams]),
            "forbid_en": (_("Why it is forbidden (English)"), None),
            "forbid_zh": (_("Why it is forbidden (Chinese)"), None),
            "together": (_("Several decided together: at most, in total"), None),
            "order": (_("The stages are asked"), stages.ORDERS),
            "exclusive": (_("One person may answer for"), stages.SHARING),
            "unknown_ask": (_("If data is missing, ask"), [("", _("the lead of the request type")), *offer.teams]),
            "by": (_("Named person (user name)"), None),
            "up_to": (_("Up to, each"), None),
            "per_day": (_("How many a day"), None),
            "total_per_day": (_("In total a day"), None),
            "total": (_("In all"), None),
            "until": (_("Until (2027-01-31)"), None),
        }
        for name, (label, listed) in labels.items():
            value = said.texts.get(name, "")
            if listed is None:
                add(f"s_{name}", text(label=label, initial=value))
                continue
            add(f"s_{name}", stages.choose(label, listed, value))
        for name, label in (("within", _("Within")), ("pass_within", _("who answers within"))):
            count, unit = said.lengths.get(name, ("", "h"))
            add(f"s_{name}", text(label=label, initial=count))
            add(f"s_{name}_unit", choose(_("%(what)s: unit") % {"what": label}, stages.UNITS, unit))

    # --- what is sent ---

    def full_clean(self) -> None:
        if self.redraws:
            self._errors = forms.utils.ErrorDict()
            self.cleaned_data: dict[str, Any] = {}
            return
        super().full_clean()

    def is_valid(self) -> bool:
        return not self.redraws and bool(super().is_valid())

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if "when" in self.fields and self.by_sentence:
            if self._is_data_changed():
                self.add_error("edit_as", _("Both the sentence and the data were changed. Change only one of them."))
            try:
                cleaned |= choosing.write(self.said, self.offer.kinds)
            except Unwritable as lacking:
                for where, words in lacking.problems:
                    field = f"s_{where.removeprefix('row_')}_value" if where.startswith("row_") else f"s_{where}"
                    self.add_error(field if field in self.fields else None, words)
        return cleaned

    def record(self) -> tuple[Key, Record | None]:
        row = self.instance
        if self.by_sentence:
            row.when, row.then = self.cleaned_data["when"], self.cleaned_data["then"]
        return ("rule", row.name), None if row.retired else rows.rule(row)

    # --- what is shown ---

    def written(self) -> Record | None:
        """The rule as the page says it now, as far as it can be said."""
        name = self.data.get("name") or self.instance.name or "new-rule"
        if not self.by_sentence:
            return {"name": name, "when": self.instance.when, "then": self.instance.then}
        try:
            return {"name": name, **choosing.write(self.said, self.offer.kinds)}
        except Unwritable:
            return None

    def lines(self) -> list[dict[str, Any]]:
        """The bound fields of each condition."""
        parts = ("group", "left", "inside", "is", "value", "other")
        return [{part: self[f"s_{n}_{part}"] for part in parts} for n in range(len(self.said.rows))]

    def stages(self) -> list[list[forms.BoundField]]:
        """The bound fields of each stage."""
        return [[self[f"s_stage_{n}_{part}"] for part in stages.PARTS] for n in range(len(self.said.stages))]

    def parts(self, names: str) -> list[forms.BoundField]:
        return [self[f"s_{name}"] for name in names.split()]


def told(rule: Record | None, config: Configuration, data: Mapping[str, Any], user: Any) -> dict[str, Any]:
    """The rule in words, what it would have done in the last finished cases, and in the case that was named."""
    only_changed, number = bool(data.get("only_changed")), str(data.get("case") or "")
    if rule is None:
        return {"sentences": {}, "limits": [], "only_changed": only_changed, "case": number}
    now = timezone.now()
    replay = previewing.preview(rule, config, now=now, only_changed=only_changed)
    replay = None if replay is None else previewing.seen_by(user, replay)
    there = None if replay is None else staff()
    problem, tried = "", list[trying.Tried]()
    if number.strip() and there is not None:
        problem, tried = trying.on_case(rule, number, config, there, user=user, now=now)
    return {
        "sentences": offering.in_words(config, rule),
        "limits": offering.limits(config, rule),
        "warnings": advising.warnings(rule, config, replay, there, now=now),
        "shown": None
        if replay is None or there is None
        else previewing.shown(replay, config, there, only_changed=only_changed),
        "only_changed": only_changed,
        "case": number,
        "case_problem": problem,
        "tried": tried,
    }


def _sent(data: Any, config: Configuration) -> Record | None:
    """The rule that a page sent, without a question to the database. Raises Unreadable for what is no JSON."""
    said = choosing.sent(data, {name: _list(data, f"s_{name}") for name in ("types", "operations")})
    name = str(data.get("rule") or data.get("name") or "new-rule")
    if data.get("edit_as") == "sentence":
        try:
            return {"name": name, **choosing.write(said, offering.offer(config).kinds)}
        except ValueError:
            return None
    when, then = (read_json(data.get(part) or "{}") for part in ("when", "then"))
    return {"name": name, "when": when, "then": then} if isinstance(when, dict) and isinstance(then, dict) else None


def _period(data: Any, config: Configuration) -> tuple[datetime, datetime] | None:
    """From the first day to the end of the last, in the company's time. Raises Unreadable for days far away."""
    try:
        first, last = date.fromisoformat(str(data.get("since"))), date.fromisoformat(str(data.get("until")))
    except ValueError:
        return None
    if not {first.year, last.year} <= set(YEARS):
        raise Unreadable(_("Choose days from 2000 to 2100. Nothing was started."))
    since, until = midnight(first, config.zone), midnight(last + timedelta(days=1), config.zone)
    return (since, until) if since < until else None


def _with_a_row(said: Choices) -> Choices:
    more = (*said.rows, Row())[: choosing.MOST_ROWS]
    return replace(said, rows=more)


def _with(data: Any, name: str, value: str) -> Any:
    """What was sent, with one value in place of another."""
    changed = data.copy()
    changed[name] = value
    return changed


def _list(data: Mapping[str, Any], name: str) -> list[str]:
    many = getattr(data, "getlist", None)
    return list(many(name)) if many else list(data.get(name, []))


@admin.register(Rule)
class RuleAdmin(RecordAdmin):
    form = RuleForm
    change_form_template = "admin/approvals/rule/change_form.html"
    object_history_list_template = "admin/approvals/rule/history_list.html"
    history_list_per_page = 50
    fieldsets: ClassVar[Any] = (
        (None, {"fields": ("name", "title", "as_sentence", "active", "retired", "version", "change_reason")}),
        (gettext_lazy("As data"), {"fields": ("when", "then"), "classes": ("collapse",)}),
    )
    readonly_fields = ("as_sentence",)
    list_display = ("name", "as_sentence", "active", "retired", "version")
    list_filter = ("active", "retired")
    search_fields = ("name",)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is not None:
            return self.fieldsets
        first, data = self.fieldsets
        names = tuple(name for name in first[1]["fields"] if name not in ("as_sentence", "version"))
        return ((None, {"fields": names}), data)

    @admin.display(description=gettext_lazy("sentence"))
    def as_sentence(self, rule: Rule) -> Any:
        return format_html_join("", "<p>{}</p>", ((text,) for text in rule.sentence.values()))

    def set_history_delta_changes(self, request: HttpRequest, historical_records: Any, **options: Any) -> None:
        """Beside the changed fields: each sentence with the words that are gone and new since the version before it."""
        super().set_history_delta_changes(request, historical_records, **options)
        records = list(historical_records)
        people = {user.pk: user for user in User.objects.filter(pk__in={one.history_user_id for one in records})}
        for record, before in zip(records, [*records[1:], None], strict=True):
            record.who = people.get(record.history_user_id)
            old = record if before is None else before
            record.said = [
                (TAGS.get(code, code), pieces(old.sentence.get(code, ""), text))
                for code, text in record.sentence.items()
            ]

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view
        mine = [
            path("preview/", view(self.preview), name="approvals_rule_preview"),
            path("backtest/", view(self.backtest), name="approvals_rule_backtest"),
            path("trials/", view(self.trials), name="approvals_rule_trials"),
        ]
        return [*mine, *super().get_urls()]

    def backtest(self, request: HttpRequest) -> HttpResponse:
        """Try the rule of the page on a period of the past, in the worker; the page of the run says how far it is."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not self.has_change_permission(request):
            raise PermissionDenied
        config = current()
        try:
            rule, period = _sent(request.POST, config), _period(request.POST, config)
        except Unreadable as error:
            return self._trial_page(request, {"problem": str(error)}, status=422)
        if rule is None or period is None or not previewing.is_rule(rule):
            words = _("The rule or the period is not complete. Go back and complete it; nothing was started.")
            return self._trial_page(request, {"problem": words}, status=422)
        trial = trials.start(
            actor=person(request.user), rule=rule, since=period[0], until=period[1], now=database_now()
        )
        return HttpResponseRedirect(f"{reverse('admin:approvals_rule_trials')}?trial={trial.pk}", status=303)

    def trials(self, request: HttpRequest) -> HttpResponse:
        """One run, as far as it is; without a number the last ones."""
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET"])
        if not self.has_view_permission(request):
            raise PermissionDenied
        number = request.GET.get("trial", "")
        if not number:
            return self._trial_page(request, {"runs": RuleTrial.objects.all()[:50]})
        trial = RuleTrial.objects.filter(pk=number).first() if is_number(number) else None
        if trial is None:
            raise Http404
        config = current()
        result = Result.from_json(trial.result) if trial.state == RuleTrial.State.DONE else None
        told: dict[str, Any] = {
            "trial": trial,
            "sentences": offering.in_words(config, trial.rule),
        }
        if result is not None:
            told["shown"] = previewing.shown(previewing.seen_by(request.user, result), config, staff())
        return self._trial_page(request, told)

    def _trial_page(self, request: HttpRequest, context: dict[str, Any], status: int = 200) -> HttpResponse:
        frame = {**self.admin_site.each_context(request), "opts": self.opts, "title": _("A rule tried on the past")}
        return render(request, "admin/approvals/rule/trial.html", {**frame, **context}, status=status)

    def preview(self, request: HttpRequest) -> HttpResponse:
        """The sentence and what it would have done, as a part of the page; nothing is saved."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not self.has_change_permission(request):
            raise PermissionDenied
        config = current()
        rule, wrong = None, ""
        try:
            rule = _sent(request.POST, config)
        except Unreadable as error:
            wrong = str(error)
        context = {**told(rule, config, request.POST, request.user), "wrong": wrong}
        return HttpResponse(render_to_string("admin/approvals/rule/_preview.html", context))

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], **options: Any) -> HttpResponse:
        form = context["adminform"].form
        if "edit_as" in form.fields:
            context |= shown(form)
            today = timezone.now().astimezone(form.config.zone).date()
            context |= {
                "preview_at": reverse("admin:approvals_rule_preview"),
                "backtest_at": reverse("admin:approvals_rule_backtest"),
                "since": (today - timedelta(days=90)).isoformat(),
                "until": today.isoformat(),
            }
            if "_preview" in request.POST:
                context |= told(form.written(), form.config, request.POST, request.user)
        if form.instance.pk:
            context |= {"coming": coming.coming(form.instance), "keeping": coming.waiting(form.instance)}
        return super().render_change_form(request, context, **options)  # type: ignore[no-any-return]

    def history_view(
        self, request: HttpRequest, object_id: Any, extra_context: Any = None, **options: Any
    ) -> HttpResponse:
        """Above the versions that were: the changes that are to come."""
        rule = Rule.objects.filter(pk=object_id).first() if is_number(str(object_id)) else None
        more = {} if rule is None else {"coming": coming.coming(rule)}
        return super().history_view(request, object_id, {**(extra_context or {}), **more}, **options)


def shown(form: RuleForm) -> dict[str, Any]:
    """What the sentence part of the page shows."""
    rule = form.written()
    return {
        "builder": form,
        "lines": form.lines(),
        "of_ask": form.parts("ask people within within_unit calendar pass_to pass_within pass_within_unit"),
        "of_stages": form.parts("order exclusive"),
        "stages": form.stages(),
        "of_forbid": form.parts("forbid_en forbid_zh"),
        "of_standing": form.parts("by up_to per_day total_per_day total until"),
        "sentences": {} if rule is None else offering.in_words(form.config, rule),
        "limits": [] if rule is None else offering.limits(form.config, rule),
    }
