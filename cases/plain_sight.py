"""Text as it really is: signs that cannot be seen, turn the reading order, or pose as other letters are named.

Pure. For showing only: what is stored and sent stays as it is, byte for byte.
"""

import re
import unicodedata

_KEPT = frozenset("\n\t")
_BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")  # letters that look like nothing
_SPACES = frozenset(" \u3000")  # those that are typed; any other looks like one of them
_WORD = re.compile(r"\w+")
_FIRST = re.compile(r"[^\x20-\x7e\n\t\u3000-\u303f\u3400-\u9fff\uff01-\uff0f\uff1a-\uff20]")
_POSING = (
    (0x0370, 0x03FF), (0x0400, 0x052F), (0x0531, 0x0587), (0x13A0, 0x13FF), (0x2C80, 0x2CFF), (0xA4D0, 0xA4FF),
    (0x1D400, 0x1D7FF), (0xFF10, 0xFF5A),
)  # fmt: skip  # Greek, Cyrillic, Armenian, Cherokee, Coptic, Lisu, mathematics, full width


def visible(text: str) -> str:
    """The text with each hidden sign written as `⟨U+200B⟩`, and posing letters in Latin words followed by theirs.

    Line ends, tabs and emoji stay; so does any text that is wholly of one script.
    """
    if not _FIRST.search(text):
        return text
    text = text.replace("\r\n", "\n")
    shown = "".join(_named(sign) if _is_hidden(text, at) else sign for at, sign in enumerate(text))
    return _WORD.sub(lambda word: _unmasked(word.group()), shown)


def has_hidden(text: str) -> bool:
    """Whether something in it is not what it looks like."""
    return visible(text) != text.replace("\r\n", "\n")


def _named(sign: str) -> str:
    return f"⟨U+{ord(sign):04X}⟩"


def _is_hidden(text: str, at: int) -> bool:
    sign = text[at]
    if sign.isascii() and (sign.isprintable() or sign in _KEPT):
        return False
    kind = unicodedata.category(sign)
    if sign == "\u200d" or 0xFE00 <= ord(sign) <= 0xFE0F:  # part of an emoji, or hidden
        return at == 0 or unicodedata.category(text[at - 1]) not in ("So", "Sk", "Mn")
    if kind == "Zs":
        return sign not in _SPACES
    return kind in ("Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp") or sign in _BLANK or 0xE0100 <= ord(sign) <= 0xE01EF


def _unmasked(word: str) -> str:
    """A word of Latin letters or digits with the letters in it that only look like them named."""
    if not any(sign.isascii() and sign.isalnum() for sign in word):
        return word
    return "".join(f"{sign}{_named(sign)}" if _poses(sign) else sign for sign in word)


def _poses(sign: str) -> bool:
    return any(first <= ord(sign) <= last for first, last in _POSING)
