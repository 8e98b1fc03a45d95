"""Two texts word by word: what went and what came. Chinese is compared sign by sign. Pure, and bounded in time."""

import re
from dataclasses import dataclass
from difflib import SequenceMatcher

MOST = 2_000  # words of one text; longer ones are shown whole, as one change
_WORD = re.compile(r"[^\W\d_\u2e80-\u9fff\uf900-\ufaff]+(?:['’-][^\W\d_]+)*|\d+(?:[.,]\d+)*|\s+|.", re.S)


@dataclass(frozen=True)
class Piece:
    """A run of signs; `changed`: only in this one of the two texts."""

    text: str
    changed: bool = False


def words(old: str, new: str) -> tuple[list[Piece], list[Piece]]:
    """(the old text, the new text) in pieces that put together give each text again."""
    before, after = _WORD.findall(old), _WORD.findall(new)
    if old == new:
        return [Piece(old)], [Piece(new)]
    if len(before) > MOST or len(after) > MOST:
        return [Piece(old, True)], [Piece(new, True)]
    left: list[Piece] = []
    right: list[Piece] = []
    for tag, a, b, c, d in SequenceMatcher(str.isspace, before, after).get_opcodes():
        _add(left, "".join(before[a:b]), changed=tag != "equal")
        _add(right, "".join(after[c:d]), changed=tag != "equal")
    return left, right


def _add(pieces: list[Piece], text: str, *, changed: bool) -> None:
    if text:
        pieces.append(Piece(text, changed))
