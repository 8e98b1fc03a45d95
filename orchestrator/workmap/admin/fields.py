"""Form fields for what a record of the map holds: texts in two languages, lists of words, free JSON."""

import json
import math
from collections.abc import Iterable, Mapping
from typing import Any

from django import forms
from django.forms.fields import InvalidJSONInput
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from orchestrator.workmap.reading import MOST_DEPTH, MOST_DIGITS

LANGUAGES = (("en", gettext_lazy("English")), ("zh-hant", gettext_lazy("Traditional Chinese")))


class Unreadable(ValueError):
    """What was sent cannot be read, in words."""


def read_json(text: str) -> Any:
    """JSON with the limits of a map file (`reading.py`). Raises Unreadable, also for what cannot be stored."""
    try:
        value = json.loads(text, parse_int=_whole, parse_float=_finite, parse_constant=_finite)
    except json.JSONDecodeError as error:
        raise Unreadable(_("This is not JSON: %(why)s") % {"why": error}) from error
    except RecursionError as error:
        raise _too_deep() from error
    _check(value, MOST_DEPTH)
    return value


def _check(value: Any, levels: int) -> None:
    """Refuse what is nested too deeply, and signs that PostgreSQL or UTF-8 cannot hold."""
    if isinstance(value, str):
        if "\0" in value or any("\ud800" <= sign <= "\udfff" for sign in value):
            raise Unreadable(_("This has a sign that cannot be stored: U+0000 or half of one."))
    elif isinstance(value, dict | list):
        if not levels:
            raise _too_deep()
        parts: Iterable[Any] = (*value, *value.values()) if isinstance(value, dict) else value
        for part in parts:
            _check(part, levels - 1)


def _too_deep() -> Unreadable:
    return Unreadable(_("This is nested deeper than %(most)d levels.") % {"most": MOST_DEPTH})


def _whole(text: str) -> int:
    if len(text) > MOST_DIGITS:
        raise Unreadable(_("This has a number with more than %(most)d digits.") % {"most": MOST_DIGITS})
    return int(text)


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise Unreadable(_("%(text)s is no number that can be stored.") % {"text": text[:MOST_DIGITS]})
    return number


def _read(text: str) -> Any:
    """As `read_json`, in a field."""
    try:
        return read_json(text)
    except Unreadable as error:
        raise forms.ValidationError(str(error)) from error


class WideJSON(forms.JSONField):
    """JSON with its Chinese as it is, indented."""

    def to_python(self, value: Any) -> Any:
        if isinstance(value, str) and not self.disabled and value not in self.empty_values:
            _read(value)
        return super().to_python(value)

    def bound_data(self, data: Any, initial: Any) -> Any:
        try:
            return initial if self.disabled else None if data is None else read_json(data)
        except Unreadable:
            return InvalidJSONInput(data)

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
        return _read(text)

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
            return list(_read(text))
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
            before = read_json(stored or '""')
        except Unreadable:
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
