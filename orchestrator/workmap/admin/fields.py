"""Form fields for what a record of the map holds: texts in two languages, lists of words, free JSON."""

import json
from collections.abc import Mapping
from typing import Any

from django import forms
from django.forms.fields import InvalidJSONInput
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

LANGUAGES = (("en", gettext_lazy("English")), ("zh-hant", gettext_lazy("Traditional Chinese")))


class WideJSON(forms.JSONField):
    """JSON with its Chinese as it is, indented."""

    def prepare_value(self, value: Any) -> Any:
        if value is None or isinstance(value, InvalidJSONInput):
            return value
        return json.dumps(value, ensure_ascii=False, indent=1)


class WordsField(forms.CharField):
    """A word, or JSON such as `{"argument": …}` or a list."""

    def __init__(self, **options: Any) -> None:
        options.setdefault("widget", forms.Textarea(attrs={"rows": 2, "cols": 80}))
        super().__init__(**options)

    def prepare_value(self, value: Any) -> Any:
        if isinstance(value, dict | list):
            return json.dumps(value, ensure_ascii=False, indent=1)
        return value

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value)
        if not isinstance(text, str) or not text.lstrip().startswith(("{", "[")):
            return text or None
        try:
            return json.loads(text)
        except ValueError as error:
            raise forms.ValidationError(_("This is not JSON: %(why)s") % {"why": error}) from error

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return bool((initial or None) != self.to_python(data))
        except forms.ValidationError:
            return True


class LinesField(forms.CharField):
    """A list of texts, one a line; as JSON where a text has lines of its own."""

    def __init__(self, **options: Any) -> None:
        options.setdefault("widget", forms.Textarea(attrs={"rows": 6, "cols": 80}))
        options.setdefault("help_text", gettext_lazy("One a line."))
        super().__init__(**options)

    def prepare_value(self, value: Any) -> Any:
        if not isinstance(value, list):
            return value
        text = "\n".join(str(line) for line in value)
        return text if self.to_python(text) == value else json.dumps(value, ensure_ascii=False, indent=1)

    def to_python(self, value: Any) -> Any:
        text = str(value or "").strip()
        if text.startswith("["):
            try:
                read = json.loads(text)
            except ValueError as error:
                raise forms.ValidationError(_("This is not JSON: %(why)s") % {"why": error}) from error
            return list(read)
        lines = (line.strip() for line in text.splitlines())
        return [line for line in lines if line]

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return bool((initial or []) != self.to_python(data))
        except forms.ValidationError:
            return True


class TitleWidget(forms.MultiWidget):
    """One input a language, and the text as it was stored."""

    def __init__(self) -> None:
        inputs = [
            forms.TextInput(
                attrs={"size": 80, "lang": code, "aria-label": label, "placeholder": label, "class": "vTextField"}
            )
            for code, label in LANGUAGES
        ]
        super().__init__([*inputs, forms.HiddenInput()])

    def decompress(self, value: Any) -> list[str]:
        return [*in_languages(value), json.dumps(value, ensure_ascii=False)]


class TitleField(forms.MultiValueField):
    """A text of the map: one text for every language, or one a language. It keeps the shape that it was stored in."""

    widget = TitleWidget

    def __init__(self, **options: Any) -> None:
        parts = [forms.CharField(required=False) for _part in (*LANGUAGES, "stored")]
        super().__init__(parts, require_all_fields=False, **options)

    def compress(self, data: list[str]) -> Any:
        """What the inputs say; a text that nobody changed comes back as it was stored."""
        *texts, stored = data or ["", "", ""]
        try:
            before = json.loads(stored or '""')
        except ValueError:
            before = ""
        if in_languages(before) == texts:
            return before
        said = {code: text for (code, _label), text in zip(LANGUAGES, texts, strict=True) if text}
        return said["en"] if set(said) == {"en"} else said or ""


def in_languages(value: Any) -> list[str]:
    """The text in each language; one text for all of them stands under English."""
    if isinstance(value, Mapping):
        return [str(value.get(code) or "") for code, _label in LANGUAGES]
    return [str(value or ""), *[""] * (len(LANGUAGES) - 1)]
