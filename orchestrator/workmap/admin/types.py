"""Admin pages of request types and of what belongs to one. Each part is saved as a change of its type's record."""

from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext_lazy as _

from agents import recipe_words
from agents.models import Agent, FactSource, FallbackCard, Operation, StepWork
from cases.models import Fact, RequestType, Step, Template
from orchestrator.workmap import live, rows
from orchestrator.workmap.admin.base import RecordAdmin, RecordForm
from orchestrator.workmap.admin.fields import WideJSON
from orchestrator.workmap.records import Key, Record


def record_of_type(type_: RequestType) -> Record:
    """The type as it is in force, or as it was when it was retired."""
    return live.type_record(live.types([type_.name])[0])


def with_part(type_: RequestType, section: str, name: str, part: Record | None, place: int | None) -> Record:
    """The type's record with one of its parts replaced, added (at `place`) or gone (None)."""
    record = record_of_type(type_)
    parts: list[Record] = list(record.get(section, []))
    old = next((index for index, one in enumerate(parts) if one["name"] == name), len(parts))
    rest = [one for one in parts if one["name"] != name]
    if part is not None:
        rest.insert(min(old if place is None else place, len(rest)), part)
    return {**record, section: rest}


class TypeForm(RecordForm):
    def record(self) -> tuple[Key, Record | None]:
        row = self.instance
        if row.retired:
            return ("request_type", row.name), None
        parts = record_of_type(row) if row.pk else {}
        said = {section: parts.get(section, []) for section in ("facts", "steps", "templates")}
        return ("request_type", row.name), rows.request_type(row, said, parts.get("fallback"))


@admin.register(RequestType)
class RequestTypeAdmin(RecordAdmin):
    form = TypeForm
    lines = ("examples", "phrases")
    list_display = ("name", "shown", "team", "lead", "risk", "confidential", "retired", "version")
    list_filter = ("risk", "team", "retired")
    list_select_related = ("team", "lead")
    search_fields = ("name",)


class PartForm(RecordForm):
    """A part of a type: `section` of its record."""

    section: ClassVar[str]

    def part(self) -> Record:
        raise NotImplementedError

    def record(self) -> tuple[Key, Record | None]:
        row = self.instance
        part = None if row.retired else self.part()
        place = getattr(row, "position", None) if not row.pk or "position" in self.changed_data else None
        return ("request_type", row.type.name), with_part(row.type, self.section, row.name, part, place)


class PartAdmin(RecordAdmin):
    fixed = ("type", "name")
    list_filter = ("type", "retired")
    list_select_related: tuple[str, ...] = ("type",)
    search_fields = ("name",)

    def stored(self, obj: Any) -> Any:
        return self.model.objects.filter(type=obj.type, name=obj.name).first()


class TemplateForm(PartForm):
    section = "templates"
    en = forms.CharField(label=_("English"), required=False, widget=forms.Textarea)
    zh_hant = forms.CharField(label=_("Traditional Chinese"), required=False, widget=forms.Textarea)

    class Meta:
        model = Template
        fields = ("type", "name", "retired")

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.initial["en"] = self.instance.texts.get("en", "")
        self.initial["zh_hant"] = self.instance.texts.get("zh-hant", "")

    def part(self) -> Record:
        texts = {"en": self.cleaned_data["en"], "zh-hant": self.cleaned_data["zh_hant"]}
        return {"name": self.instance.name, **{language: text for language, text in texts.items() if text}}


@admin.register(Template)
class TemplateAdmin(PartAdmin):
    form = TemplateForm
    titles = ()
    fields = ("type", "name", "en", "zh_hant", "retired", "change_reason")
    list_display = ("name", "type", "retired", "version")


class FactForm(PartForm):
    section = "facts"
    sources = WideJSON(
        label=_("From"),
        required=False,
        help_text=_("A list of sources as in the map; the first that is known counts."),
        widget=forms.Textarea(attrs={"rows": 8, "cols": 80}),
    )

    class Meta:
        model = Fact
        fields = ("type", "name", "title", "kind", "required", "position", "retired")

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if self.instance.pk:
            found = self.instance.sources.filter(retired=False).order_by("position")
            self.initial["sources"] = [source.settings for source in found]

    def part(self) -> Record:
        said = self.cleaned_data["sources"]
        return {**rows.fact(self.instance, []), "from": [] if said is None else said}


@admin.register(Fact)
class FactAdmin(PartAdmin):
    form = FactForm
    fields = ("type", "name", "title", "kind", "required", "position", "sources", "retired", "change_reason")
    list_display = ("name", "type", "kind", "required", "position", "retired", "version")


class FactSourceForm(RecordForm):
    def record(self) -> tuple[Key, Record | None]:
        row = self.instance
        fact = row.fact
        others = [one.settings for one in fact.sources.filter(retired=False).order_by("position") if one.pk != row.pk]
        if not row.retired:
            others.insert(min(row.position, len(others)), row.settings or {})
        part = {**rows.fact(fact, []), "from": others}
        return ("request_type", fact.type.name), with_part(fact.type, "facts", fact.name, part, None)


@admin.register(FactSource)
class FactSourceAdmin(RecordAdmin):
    form = FactSourceForm
    fixed = ("fact", "position")
    titles = ()
    fields = ("fact", "position", "settings", "retired", "change_reason")
    list_display = ("fact", "position", "kind", "operation", "retired", "version")
    list_filter = ("kind", "fact__type", "retired")
    list_select_related = ("fact", "operation")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False  # added with its fact


class StepForm(PartForm):
    section = "steps"
    agent = forms.ModelChoiceField(
        label=_("Agent"), queryset=Agent.objects.filter(retired=False), required=False, help_text=_("Or a team.")
    )
    operations = WideJSON(label=_("Operations"), required=False, help_text=_("Narrows the grants for this step."))
    procedure = WideJSON(label=_("Procedure"), required=False, widget=forms.Textarea(attrs={"rows": 12, "cols": 80}))

    class Meta:
        model = Step
        fields = ("type", "name", "does", "position", "after", "when", "on_failure", "team", "retired")

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        work = StepWork.objects.filter(step=self.instance.pk, retired=False).first() if self.instance.pk else None
        if work is not None:
            self.initial["agent"] = work.agent_id
            self.initial["operations"] = work.operations
            self.initial["procedure"] = work.procedure

    def part(self) -> Record:
        said = rows.step(self.instance, None)
        if self.cleaned_data["agent"] is not None:
            said["agent"] = self.cleaned_data["agent"].name
        given = {key: self.cleaned_data[key] for key in ("operations", "procedure")}
        return said | {key: value for key, value in given.items() if value is not None}


@admin.register(Step)
class StepAdmin(PartAdmin):
    form = StepForm
    titles = ("does",)
    lines = ("after",)
    fields = (
        *("type", "name", "does", "position", "after", "when", "on_failure", "team"),
        *("agent", "operations", "procedure", "retired", "change_reason"),
    )
    list_display = ("name", "type", "position", "team", "on_failure", "retired", "version")
    list_select_related = ("type", "team")


class StepWorkForm(RecordForm):
    def record(self) -> tuple[Key, Record | None]:
        row = self.instance
        part = rows.step(row.step, row)
        return ("request_type", row.step.type.name), with_part(row.step.type, "steps", row.step.name, part, None)


@admin.register(StepWork)
class StepWorkAdmin(RecordAdmin):
    form = StepWorkForm
    fixed = ("step",)
    titles = ()
    fields = ("step", "agent", "operations", "recipe", "procedure", "change_reason")
    readonly_fields = ("recipe",)
    list_display = ("step", "type_of", "agent", "retired", "version")
    list_filter = ("agent", "step__type", "retired")
    list_select_related = ("step__type", "agent")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False  # added with its step

    @admin.display(description=_("request type"))
    def type_of(self, work: StepWork) -> str:
        return str(work.step.type)

    @admin.display(description=_("recipe"))
    def recipe(self, work: StepWork) -> Any:
        titles: dict[str, Any] = dict(Operation.objects.values_list("name", "title"))
        titles |= dict(Fact.objects.filter(type=work.step.type_id).values_list("name", "title"))
        lines = recipe_words.sentences(work.procedure, titles)
        return format_html("<ol>{}</ol>", format_html_join("", "<li>{}</li>", ((line,) for line in lines)))


class CardForm(RecordForm):
    lines = WideJSON(
        label=_("Lines"),
        required=False,
        help_text=_("A list of {title, system, look_for}: what people do by hand."),
        widget=forms.Textarea(attrs={"rows": 8, "cols": 80}),
    )

    class Meta:
        model = FallbackCard
        fields = ("type", "template", "approver", "record_in", "retired")

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if self.instance.pk:
            card = rows.card(self.instance, self.instance.steps.select_related("system").order_by("position"), [])
            self.initial["lines"] = card["steps"]

    def record(self) -> tuple[Key, Record | None]:
        row = self.instance
        record = record_of_type(row.type)
        record.pop("fallback", None)
        if not row.retired:
            said = rows.card(row, [], self.cleaned_data["record_in"])
            record["fallback"] = {**said, "steps": self.cleaned_data["lines"] or []}
        return ("request_type", row.type.name), record


@admin.register(FallbackCard)
class FallbackCardAdmin(RecordAdmin):
    form = CardForm
    fixed = ("type",)
    titles = ()
    fields = ("type", "lines", "template", "approver", "record_in", "retired", "change_reason")
    list_display = ("type", "template", "approver", "retired", "version")
    list_select_related = ("type", "template", "approver")

    def stored(self, obj: Any) -> Any:
        return FallbackCard.objects.filter(type=obj.type).first()
