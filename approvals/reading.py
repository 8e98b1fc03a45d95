"""How a decision came about: from when its page was open, how much there was to read, what was unfolded. Pure.

A page is only looked at, so nothing is stored when it opens: what the server knew then goes to the browser and back,
signed. What was unfolded the form itself says, with or without scripts. What nobody knows stays unknown.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.core import signing

from approvals.grounds import Ground, Seen
from approvals.sheet import Option
from cases.wording import words

SALT = "approvals.reading"
LONGEST = 86_400  # seconds; a page that lay open for longer says nothing about reading


@dataclass(frozen=True, slots=True)
class Read:
    """What is known of one answer: seconds, words on the page, the parts folded shut and those that were opened."""

    seconds: float
    words: int
    folded: tuple[str, ...]
    opened: tuple[str, ...]


def note(user_id: Any, approval_id: Any, *, at: float, words: int, folded: Sequence[str]) -> str:
    """What goes into the form of a page that `user_id` opens at `at` (seconds since 1970)."""
    return signing.dumps([str(user_id), str(approval_id), at, words, list(folded), None], salt=SALT)


def stopped(noted: str, user_id: Any, approval_id: Any, *, at: float) -> str:
    """The note of an answer that was given at `at` and waits for a second factor: fetching that is no reading."""
    read = pressed(noted, user_id, approval_id, at=at, opened=())
    if read is None:
        return ""
    done = [str(user_id), str(approval_id), 0, read.words, list(read.folded), read.seconds]
    return signing.dumps(done, salt=SALT)


def pressed(noted: str, user_id: Any, approval_id: Any, *, at: float, opened: Iterable[str]) -> Read | None:
    """What is known when the answer comes back at `at`; None if the note is missing, another's or not ours."""
    try:
        who, which, since, words_there, folded, took = signing.loads(noted, salt=SALT)
    except (signing.BadSignature, ValueError, TypeError):
        return None
    seconds = at - since if took is None else took
    if (who, which) != (str(user_id), str(approval_id)) or not 0 <= seconds <= LONGEST:
        return None
    said = set(opened)
    return Read(round(seconds, 1), words_there, tuple(folded), tuple(part for part in folded if part in said))


def words_to_read(
    title: str, options: Sequence[Option], rules: Sequence[Ground], evidence: Sequence[Seen], more: Iterable[str]
) -> int:
    """Words of what is there to be read: what is folded shut and the words of the page itself are not counted."""
    texts = [title, *more]
    for option in options:
        texts += [option.title, option.why]
        for line in option.lines:
            texts += [
                line.system,
                line.operation,
                line.undo,
                *(text for one in line.values for text in (one.name, one.text)),
            ]
    for rule in rules:
        if rule.won or rule.result != "not matched":
            texts += [rule.sentence, *rule.compared]
    for seen in evidence:
        texts += [seen.what, seen.where, seen.found, seen.why]
    return sum(words(text) for text in texts if text)
