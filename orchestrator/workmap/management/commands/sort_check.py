"""`manage.py sort_check`: how well requests would be sorted, measured on labelled messages. Needs no database."""

import gzip
import json
import zlib
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from orchestrator.workmap.sorting_numbers import OUTSIDE, Line, measure

_GZIP = b"\x1f\x8b"


class Command(BaseCommand):
    help = (
        "Train the sorter on labelled messages and measure it on others. The files hold one JSON object a line, "
        '{"text": …, "label": …}, gzip allowed; the label oos stands for none of the types. Prints JSON.'
    )
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--train", metavar="FILE", required=True, help="messages to learn from")
        parser.add_argument("--test", metavar="FILE", required=True, help="messages to sort")
        parser.add_argument(
            "--validation",
            metavar="FILE",
            help="more messages to learn from and to choose the threshold by: it comes from cross-validation over "
            "all that is learned from, so none need be set apart for it",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        learned = _read(options["train"])
        if options["validation"]:
            learned += _read(options["validation"])
        test = _read(options["test"], known={OUTSIDE, *(label for _text, label in learned)})
        numbers = measure(learned, test)
        rounded = {name: None if value is None else round(value, 4) for name, value in numbers.items()}
        self.stdout.write(json.dumps(rounded, indent=2))


def _read(name: str, known: set[str] | None = None) -> list[Line]:
    """The labelled lines of a file. Raises CommandError naming file and line; `known` are the labels allowed."""
    try:
        content = Path(name).read_bytes()
        content = gzip.decompress(content) if content.startswith(_GZIP) else content
        rows = content.decode("utf-8-sig").split("\n")
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise CommandError(_("%(file)s cannot be read: %(why)s") % {"file": name, "why": error}) from error
    lines = []
    for number, row in enumerate(rows, start=1):
        if row.strip():
            try:
                lines.append(_line(row, known))
            except ValueError as error:
                where = {"file": name, "line": number, "why": error}
                raise CommandError(_("%(file)s, line %(line)d: %(why)s") % where) from error
    if not lines:
        raise CommandError(_("%(file)s has no messages.") % {"file": name})
    return lines


def _line(row: str, known: set[str] | None) -> Line:
    """Raises ValueError saying what is wrong."""
    try:
        found = json.loads(row)
    except (ValueError, RecursionError) as error:
        raise ValueError(_("this is not JSON: %(why)s") % {"why": error}) from error
    has_both = isinstance(found, dict) and all(isinstance(found.get(key), str) for key in ("text", "label"))
    if not has_both:
        raise ValueError(_('not an object with two texts, {"text": …, "label": …}'))
    text, label = found["text"], found["label"].strip()
    if not label:
        raise ValueError(_("`label` is empty"))
    if known is not None and label not in known:
        raise ValueError(
            _("the label `%(label)s` has no message to learn from; messages of no type have the label oos")
            % {"label": label}
        )
    return text, label
