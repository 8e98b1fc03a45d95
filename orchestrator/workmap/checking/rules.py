"""Checks of rules: what they cover, what they compare, whom they ask. Pure."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from orchestrator.workmap.checking.book import Book
from orchestrator.workmap.problems import Path
from orchestrator.workmap.records import Record

EFFECTS = ("ask", "stages", "forbid", "standing_approval")
OF_AN_ASK = ("people", "within", "calendar", "if_nobody")


def check(book: Book) -> None:
    for name, rule in book.of("rule"):
        at = ("rule", name)
        when = rule.get("when", {})
        for key, what in (("types", "request_type"), ("operations", "operation")):
            for index, named in enumerate(when.get(key, [])):
                book.refer((*at, "when", key, index), what, named)
        _conditions(book, at, when)
        _then(book, (*at, "then"), rule["then"])
        if "standing_approval" in rule["then"]:
            _standing(book, at, rule)


def _conditions(book: Book, at: Path, when: Mapping[str, Any]) -> None:
    """Facts of any covered type, arguments of any covered operation, and what formulas name beside them."""
    facts = book.facts(when.get("types"))
    covered = when.get("operations")
    if covered is None:
        covered = [name for name, record in book.of("operation") if record.get("kind", "write") == "write"]
    arguments: set[str] | None = set()
    for name in covered:
        declared = book.arguments_of(name)
        arguments = None if declared is None or arguments is None else arguments | declared
    tables = {
        f"tables.{name}"
        for type_ in when.get("types") or book.names("request_type")
        for name in (book.get("request_type", type_) or {}).get("tables", {})
    }
    book.conditions((*at, "when"), when, facts, tables | {"request", "templates"}, arguments)


def _then(book: Book, at: Path, then: Mapping[str, Any]) -> None:
    effects = [key for key in EFFECTS if key in then]
    if len(effects) != 1:
        listed = ", ".join(f"`{key}`" for key in EFFECTS)
        book.says(at, _("`then` says exactly one of %(effects)s") % {"effects": listed})
        return
    _ask(book, at, then)
    for index, stage in enumerate(then.get("stages", [])):
        _ask(book, (*at, "stages", index), stage)
    if "if_unknown" in then:
        _ask(book, (*at, "if_unknown"), then["if_unknown"])
    alone = {"order": "stages", "exclusive": "stages", **dict.fromkeys((*OF_AN_ASK, "together"), "ask")}
    for key, needed in alone.items():
        if key in then and needed not in then and not (needed == "ask" and "stages" in then):
            text = _("`%(key)s` is only for a rule that says `%(needed)s`")
            book.says((*at, key), text % {"key": key, "needed": needed})


def _ask(book: Book, at: Path, ask: Mapping[str, Any]) -> None:
    book.refer((*at, "ask"), "team", ask.get("ask"))
    book.refer((*at, "calendar"), "calendar", ask.get("calendar"))
    if nobody := ask.get("if_nobody"):
        book.refer((*at, "if_nobody", "pass_to"), "team", nobody.get("pass_to"))
        book.refer((*at, "if_nobody", "calendar"), "calendar", nobody.get("calendar"))
        if "within" not in ask:
            book.says((*at, "if_nobody"), _("`if_nobody` needs `within` beside it: until then somebody may answer"))


def _standing(book: Book, at: Path, rule: Record) -> None:
    operations = rule.get("when", {}).get("operations")
    if not operations:
        text = _("a standing approval must name its operations in `when`; it cannot approve everything")
        book.says((*at, "then", "standing_approval"), text)
    caps = [key for key in ("up_to", "total_per_day", "total") if key in rule["then"]["standing_approval"]]
    for name in operations or []:
        record = book.get("operation", name)
        if record is None:
            continue
        if record.get("kind", "write") == "read":
            book.is_write((*at, "when", "operations"), name)
        if caps and "money" not in record:
            where = (*at, "then", "standing_approval", caps[0])
            text = _("operation `%(name)s` moves no money that could be held to `%(cap)s`")
            book.says(where, text % {"name": name, "cap": caps[0]})
