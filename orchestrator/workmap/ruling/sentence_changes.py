"""What changed between two sentences, word by word (in Chinese sign by sign). Pure."""

import re
from difflib import SequenceMatcher
from typing import Literal

Piece = tuple[Literal["same", "gone", "new"], str]
_WORDS = re.compile(r"[A-Za-z0-9$.,:%'’-]+|\s+|.", re.DOTALL)


def pieces(old: str, new: str) -> list[Piece]:
    """The new sentence with what is gone and what is new marked, in reading order."""
    before, after = _WORDS.findall(old), _WORDS.findall(new)
    found: list[Piece] = []
    for tag, i, j, k, n in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if tag == "equal":
            found.append(("same", "".join(after[k:n])))
            continue
        if j > i:
            found.append(("gone", "".join(before[i:j])))
        if n > k:
            found.append(("new", "".join(after[k:n])))
    return found
