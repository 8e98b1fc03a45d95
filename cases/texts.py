"""Texts of the map that are one text or one per language: `"Refund"` or `{"en": "Refund", "zh-hant": "退款"}`."""

from collections.abc import Callable, Iterable
from typing import Any

from django.utils import translation

LANGUAGES = ("en", "zh-hant")


class InEach(str):
    """A sentence as it is said here and now, that knows itself in every language: a page is read in another one."""

    texts: dict[str, str]


def in_each(words: Callable[[str], str]) -> InEach:
    """What `words` says in each language; it is handed the language, and messages are translated to it."""
    made = InEach(words(translation.get_language() or "en"))
    made.texts = {}
    for language in LANGUAGES:
        with translation.override(language):
            made.texts[language] = words(language)
    return made


def in_words(message: str, **values: Any) -> InEach:
    """A message of the catalogue (marked with `gettext_noop`), with its values, in each language."""
    return in_each(lambda _language: translation.gettext(message) % values)


def joined(sentences: Iterable[str]) -> InEach:
    """Sentences after each other, in each language."""
    said = [to_store(one) for one in sentences]
    made = InEach(" ".join(here(one) for one in said))
    made.texts = {language: " ".join(say(one, language) for one in said) for language in LANGUAGES}
    return made


def to_store(sentence: str) -> str | dict[str, str]:
    """The sentence in each language, as the map writes its texts; what is the same everywhere as it is."""
    texts = getattr(sentence, "texts", {})
    return dict(texts) if len(set(texts.values())) > 1 else str(sentence)


def said_in_each(text: Any) -> str:
    """What `to_store` made, as a sentence again."""
    return in_each(lambda language: say(text, language)) if isinstance(text, dict) else say(text)


def here(text: Any) -> str:
    """The text in the language of the page or the call."""
    return say(text, translation.get_language() or "en")


def say(text: Any, language: str = "en") -> str:
    """The text in `language`, else in English, else in any language it has; '' for nothing."""
    if isinstance(text, dict):
        return str(text.get(language) or text.get("en") or next(iter(text.values()), ""))
    return "" if text is None else str(text)


def language_of(text: str) -> str:
    """`zh-hant` when at least a fifth of the letters are Chinese characters, else `en`."""
    if text.isascii():
        return "en"
    letters = [c for c in text if c.isalpha()]
    chinese = sum("\u3400" <= c <= "\u9fff" for c in letters)
    return "zh-hant" if letters and chinese * 5 >= len(letters) else "en"
