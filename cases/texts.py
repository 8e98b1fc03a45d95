"""Texts of the map that are one text or one per language: `"Refund"` or `{"en": "Refund", "zh-hant": "退款"}`. Pure."""

from typing import Any

LANGUAGES = ("en", "zh-hant")


def say(text: Any, language: str = "en") -> str:
    """The text in `language`, else in English, else in any language it has; '' for nothing."""
    if isinstance(text, dict):
        return str(text.get(language) or text.get("en") or next(iter(text.values()), ""))
    return "" if text is None else str(text)


def language_of(text: str) -> str:
    """`zh-hant` when at least a fifth of the letters are Chinese characters, else `en`."""
    letters = [c for c in text if c.isalpha()]
    chinese = sum("\u3400" <= c <= "\u9fff" for c in letters)
    return "zh-hant" if letters and chinese * 5 >= len(letters) else "en"
