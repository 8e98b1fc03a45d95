"""Forms of the desk: a request handed in by staff, and a person's own settings."""

from typing import Any

from django import forms
from django.utils import translation
from django.utils.translation import gettext_lazy as _

from agents.models import FactSource
from cases.models import Case, Person, RequestType
from cases.texts import say

LANGUAGES = [("en", "English"), ("zh-hant", "繁體中文")]
THEMES = [("system", _("As on this device")), ("light", _("Light")), ("dark", _("Dark"))]


def form_fields(type_: RequestType | None) -> list[tuple[str, str, bool]]:
    """The questions of a type's form: name, title and whether needed, from facts that come from a form."""
    if type_ is None:
        return []
    rows = FactSource.objects.filter(fact__type=type_, kind="form", retired=False, fact__retired=False)
    language = translation.get_language() or "en"
    return [
        (
            str(row.settings.get("form") or row.fact.name),
            say(row.fact.title, language) or row.fact.name.replace("_", " "),
            False,
        )
        for row in rows.select_related("fact").order_by("fact__position", "position")
    ]


class IntakeForm(forms.Form):
    """What staff know of a request. Answers to the type's questions bind records: staff vouch for them."""

    text = forms.CharField(label=_("What is wanted"), widget=forms.Textarea(attrs={"rows": 6}), max_length=100_000)
    subject = forms.CharField(label=_("In one sentence"), required=False, max_length=300)
    name = forms.CharField(label=_("Name"), required=False, max_length=200)
    contact = forms.CharField(
        label=_("Contact"), help_text=_("Mail address or phone number"), required=False, max_length=254
    )
    customer = forms.CharField(
        label=_("Customer number"),
        help_text=_("Only if you checked who it is"),
        required=False,
        max_length=200,
    )
    source = forms.ChoiceField(label=_("Who wants it"), choices=Case.Source.choices, initial="customer")
    channel = forms.ChoiceField(label=_("How it came"), choices=Case.Channel.choices, initial="staff")

    def __init__(self, data: Any = None, *, asked: list[tuple[str, str, bool]]) -> None:
        super().__init__(data, label_suffix="")
        self.asked = asked
        for name, title, required in asked:
            self.fields[f"form.{name}"] = forms.CharField(label=title, required=required, max_length=500)

    @property
    def answers(self) -> dict[str, Any] | None:
        found = {name: self.cleaned_data[f"form.{name}"].strip() for name, _title, _needed in self.asked}
        return {name: answer for name, answer in found.items() if answer} or None


class SettingsForm(forms.ModelForm):  # type: ignore[type-arg]
    """A person's own settings."""

    language = forms.ChoiceField(label=_("Language"), choices=LANGUAGES)
    theme = forms.ChoiceField(label=_("Colours"), choices=THEMES)
    keys = forms.BooleanField(label=_("Keyboard shortcuts"), required=False)
    hold_seconds = forms.IntegerField(
        label=_("Own hold, in seconds"),
        help_text=_("How long your decisions wait and can be undone, if longer than the company’s: 0 to 300."),
        min_value=0,
        max_value=300,
    )

    open_next = forms.BooleanField(
        label=_("After a decision, open the next approval instead of the list"), required=False
    )

    class Meta:
        model = Person
        fields = ["language", "theme", "keys", "hold_seconds"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"label_suffix": "", **kwargs})
