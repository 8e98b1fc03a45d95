"""Texts in two languages: collected from Python and templates, checked, compiled. No gettext needed.

Templates go through Django's own `templatize`, everything through Babel's Python extractor.
"""

import ast
import io
import re
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.conf import settings
from django.utils.translation.template import templatize

LOCALE = "zh_Hant"
APPS = ("cases", "agents", "approvals", "orchestrator")
KEYWORDS: dict[str, tuple[int | tuple[int, str], ...] | None] = {
    "_": None,
    "gettext": None,
    "gettext_lazy": None,
    "gettext_noop": None,
    "ngettext": (1, 2),
    "ngettext_lazy": (1, 2),
    "pgettext": ((1, "c"), 2),
    "pgettext_lazy": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
}
PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|%[sd]|\{\w*\}")


def path_of_catalogue() -> Path:
    """The one translated catalogue; English is the text in the code."""
    return Path(settings.LOCALE_PATHS[0]) / LOCALE / "LC_MESSAGES" / "django.po"


def sources() -> Iterator[Path]:
    """Python files of the apps (no migrations, no demo company) and all templates."""
    root = Path(settings.BASE_DIR)
    for app in APPS:
        for file in sorted((root / app).rglob("*.py")):
            parts = file.relative_to(root).parts
            if "migrations" not in parts and parts[1:3] != ("demo", "company"):
                yield file
    yield from sorted((root / "templates").rglob("*.html"))
    yield from sorted((root / "templates").rglob("*.txt"))


def collected() -> Catalog:
    """Every text of the sources, with the files it stands in."""
    root = Path(settings.BASE_DIR)
    catalogue = Catalog(fuzzy=False)
    for file in sources():
        text = file.read_text()
        if file.suffix != ".py":
            text = templatize(text, origin=str(file))
        for line, message, comments, context in extract(
            "python", io.BytesIO(text.encode()), keywords=KEYWORDS, comment_tags=("Translators:",)
        ):
            location = (str(file.relative_to(root)), line)
            catalogue.add(message, None, [location], auto_comments=comments, context=context)
        if file.name == "errors.py":
            for line, sentence in refusals(text):
                catalogue.add(sentence, None, [(str(file.relative_to(root)), line)])
    return catalogue


def refusals(text: str) -> Iterator[tuple[int, str]]:
    """(line, docstring) of each class of an `errors.py`: the sentence a person reads when nothing better is said."""
    for node in ast.walk(ast.parse(text)):
        sentence = ast.get_docstring(node) if isinstance(node, ast.ClassDef) else None
        if sentence and "\n" not in sentence:
            yield node.lineno, sentence  # type: ignore[attr-defined]


def translated() -> Catalog:
    """The catalogue as it stands in the repository; empty if there is none."""
    path = path_of_catalogue()
    if not path.exists():
        return Catalog(locale=LOCALE, fuzzy=False)
    with path.open("rb") as file:
        return read_po(file, locale=LOCALE)


def update() -> Path:
    """Bring the catalogue's texts in line with the sources; translations stay, texts that are gone go."""
    catalogue, path = translated(), path_of_catalogue()
    catalogue.update(collected(), no_fuzzy_matching=True)
    catalogue.obsolete.clear()
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        write_po(file, catalogue, width=110, sort_by_file=True, include_lineno=False, omit_header=False)
    return path


def compile_all() -> None:
    """Write the `.mo` beside the catalogue, if it is missing or older."""
    path = path_of_catalogue()
    compiled = path.with_suffix(".mo")
    if not path.exists() or (compiled.exists() and compiled.stat().st_mtime_ns >= path.stat().st_mtime_ns):
        return
    beside = compiled.with_suffix(".mo.new")
    with beside.open("wb") as file:
        write_mo(file, translated())
    beside.replace(compiled)


def faults() -> list[str]:
    """One sentence for each text that is missing, not translated, or whose placeholders differ."""
    catalogue = translated()
    found = []
    for message in collected():
        if message.id:
            there = catalogue.get(message.id, message.context)
            where = message.locations[0][0]
            if there is None:
                found.append(f"{where}: not in the catalogue: {_key(message)!r}")
            elif not _strings(there) or not all(_strings(there)) or there.fuzzy:
                found.append(f"{where}: not translated: {_key(message)!r}")
            elif _placeholders(_key(message)) != _placeholders(_strings(there)[0]):
                found.append(f"{where}: other placeholders in the translation of {_key(message)!r}")
    return found


def _key(message: Message) -> str:
    """The text, and of a counted text the plural: it carries every placeholder."""
    return message.id if isinstance(message.id, str) else message.id[-1]


def _strings(message: Message) -> tuple[str, ...]:
    string = message.string
    return (string,) if isinstance(string, str) else tuple(string or ())


def _placeholders(text: str) -> list[str]:
    return sorted(PLACEHOLDER.findall(text))
