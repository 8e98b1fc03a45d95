"""What may stand in a mail: no full name, no card or identity number, no line that could be a header. Pure."""

import re
import unicodedata

from cases.wording import CJK, words

MOST_WORDS = 90
CARD = re.compile(r"(?<![\d.,])\d(?:[ -]?\d){9,18}(?![\d])")
IDENTITY = re.compile(r"(?<![A-Za-z0-9])[A-Z]{1,2}\d{6} ?(?:\([0-9A]\)|[0-9A](?![A-Za-z0-9]))", re.IGNORECASE)
ADDRESS = re.compile(r"\S+@\S+")


def line(text: object) -> str:
    """One line without control, invisible or direction-changing characters, numbers masked."""
    flat = "".join(c if unicodedata.category(c)[0] != "C" or c.isspace() else " " for c in str(text))
    return masked(" ".join(flat.split()))


def masked(text: str) -> str:
    """Card and identity numbers without what tells them; mail addresses not at all."""
    text = CARD.sub(lambda found: "••••" + re.sub(r"\D", "", found[0])[-4:], text)
    return ADDRESS.sub("•••", IDENTITY.sub("•••", text))


def short_name(name: str) -> str:
    """`Chan Tai Man` is `Chan T.`, `陳大文` is `陳*`; a contact in the place of a name is nothing."""
    name = line(name)
    if not name or any(c.isdigit() for c in name) or "•" in name:
        return ""
    if CJK.match(name):
        return f"{name[0]}*"
    words = name.split()
    return f"{words[0]} {words[1][0]}." if len(words) > 1 else f"{name[0]}."


def shortened(title: str, names: list[str]) -> str:
    """A title in which `names`, and whoever stands behind the last middle dot, are short."""
    for name in sorted({n for n in names if len(n) > 1}, key=len, reverse=True):
        title = title.replace(name, short_name(name))
    head, dot, who = title.rpartition(" · ")
    short = short_name(who) if dot else ""
    return line(f"{head} · {short}" if short else head if dot else title)


def cut(text: str, most: int) -> str:
    """At most `most` words of `text`."""
    if words(text) <= most:
        return text
    pieces = re.findall(r"[\u3400-\u9fff\uf900-\ufaff]|[^\s\u3400-\u9fff\uf900-\ufaff]+\s*|\s+", text)
    kept = ""
    for piece in pieces:
        if words(kept + piece) > most:
            break
        kept += piece
    return f"{kept.rstrip(' ,;:，、；：')}…"


def fit(rows: list[str], rest: int) -> list[str]:
    """`rows` cut, the longest first, until they and `rest` other words are no more than a mail may have."""
    rows = list(rows)
    while rows and sum(map(words, rows)) + rest > MOST_WORDS:
        longest = max(range(len(rows)), key=lambda at: words(rows[at]))
        if words(rows[longest]) <= 2:
            break
        rows[longest] = cut(rows[longest], words(rows[longest]) - 1)
    return rows
