"""Checks of request types: facts and their sources, routes, due times, templates, fallback cards. Pure.

Their steps and procedures are checked in `steps.py`.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from django.utils.translation import gettext as _

from cases import patterns
from orchestrator.workmap.checking import steps
from orchestrator.workmap.checking.book import OWN_NAMES, Book, circle
from orchestrator.workmap.checking.names import names_in_formula, roots_in
from orchestrator.workmap.problems import Path, cut, nearest
from orchestrator.workmap.records import Record, title_of

BESIDE = frozenset({"request", "argument", "operation", "templates"})


def check(book: Book) -> None:
    for name, type_ in book.of("request_type"):
        at = ("request_type", name)
        book.refer((*at, "team"), "team", type_["team"])
        book.refer((*at, "lead"), "team", type_["lead"])
        _facts(book, at, type_)
        _parts(book, at, type_)
        steps.check(book, at, type_)


def declared(type_: Mapping[str, Any]) -> set[str]:
    """The names that formulas of this type may use, but for what a write or a procedure adds."""
    facts = {str(fact["name"]) for fact in type_.get("facts", [])}
    return facts | {f"tables.{name}" for name in type_.get("tables", {})}


def _facts(book: Book, at: Path, type_: Record) -> None:
    facts = type_.get("facts", [])
    book.unique((*at, "facts"), title_of("fact"), facts)
    names = {str(fact["name"]) for fact in facts}
    follows: dict[str, set[str]] = {}
    for index, fact in enumerate(facts):
        place = (*at, "facts", index)
        if fact["name"] in OWN_NAMES:
            book.says(
                (*place, "name"),
                _("`%(name)s` has a meaning of its own and cannot name a fact") % {"name": fact["name"]},
            )
        said = fact.get("from", [])
        listed = said if isinstance(said, list) else [said]
        for number, source in enumerate(listed):
            where = (*place, "from", number) if isinstance(said, list) else (*place, "from")
            _source(book, where, source, type_)
        follows[str(fact["name"])] = {root for source in listed for root in _stands_on(source)} & names
    if around := circle(follows):
        place = (*at, "facts", next(i for i, fact in enumerate(facts) if fact["name"] == around[0]))
        book.says(place, _("facts lead back to themselves: %(names)s") % {"names": " → ".join(around)})
    if type_.get("customer") and type_["customer"] not in names:
        book.missing((*at, "customer"), title_of("fact"), type_["customer"], names)


def _source(book: Book, at: Path, source: Mapping[str, Any], type_: Record) -> None:
    facts = {str(fact["name"]) for fact in type_.get("facts", [])}
    if "form" in source:
        book.path((*at, "form"), source["form"])
    elif "message" in source:
        _pattern(book, (*at, "message"), source["message"])
        if owner := source.get("owner"):
            where = (*at, "owner")
            _look_up(book, (*where, "read"), owner["read"], owner.get("arguments", {}))
            book.fill_ins((*where, "arguments"), owner.get("arguments", {}), facts | {"value", "request"})
            book.path((*where, "path"), owner["path"])
    elif "look_up" in source:
        _look_up(book, (*at, "look_up"), source["look_up"], source.get("arguments", {}))
        each = {"each"} if "for_each" in source else set()
        book.fill_ins((*at, "arguments"), source.get("arguments", {}), facts | BESIDE | each)
        if "for_each" in source and source["for_each"] not in facts:
            book.missing((*at, "for_each"), title_of("fact"), source["for_each"], facts)
        if "path" in source:
            book.path((*at, "path"), source["path"])
    elif "formula" in source:
        book.formula((*at, "formula"), source["formula"], declared(type_) | BESIDE)
    elif "history" in source:
        _history(book, (*at, "history"), source["history"])
    else:
        _pattern(book, (*at, "match"), source["match"])
        book.fill_ins((*at, "in"), source["in"], facts | BESIDE)


def _look_up(book: Book, at: Path, operation: str, given: Mapping[str, Any]) -> None:
    if book.refer(at, "operation", operation):
        book.is_read(at, operation)
        book.given((*at[:-1], "arguments"), operation, given)


def _pattern(book: Book, at: Path, pattern: str) -> None:
    if problem := patterns.check(pattern):
        book.says(at, problem)


def _history(book: Book, at: Path, history: Mapping[str, Any]) -> None:
    counted = [key for key in ("count", "sum", "last") if key in history]
    if len(counted) != 1:
        book.says(at, _("a history says one of `count`, `sum` or `last`"))
        return
    named = history[counted[0]]
    operations = [named] if isinstance(named, str) else named
    for index, operation in enumerate(operations):
        where = (*at, counted[0]) if isinstance(named, str) else (*at, counted[0], index)
        if not book.refer(where, "operation", operation):
            continue
        book.is_write(where, operation)
        _counted_argument(book, at, operation, history)
    if "of" in history and counted[0] != "sum":
        book.says((*at, "of"), _("`of` is only for `sum`"))


def _counted_argument(book: Book, at: Path, operation: str, history: Mapping[str, Any]) -> None:
    names = book.arguments_of(operation)
    wanted = [(("same", i), s.removeprefix("argument.")) for i, s in enumerate(history.get("same", [])) if "." in s]
    if history.get("of", "money") != "money":
        wanted.append((("of",), history["of"]))  # type: ignore[arg-type]
    for inner, name in wanted:
        if names is not None and name.split(".")[0] not in names:
            words = _("operation `%(operation)s` has no argument `%(name)s`")
            book.says((*at, *inner), words % {"operation": operation, "name": cut(name)} + nearest(name, names))


def _stands_on(source: Mapping[str, Any]) -> Iterable[str]:
    """The names a source needs before it can be known."""
    if "formula" in source:
        return names_in_formula(source["formula"])
    each = {str(source["for_each"])} if "for_each" in source else set()
    owner = source.get("owner", {}).get("arguments", {})
    return roots_in([source.get("arguments", {}), source.get("in", ""), owner]) | each


def _parts(book: Book, at: Path, type_: Record) -> None:
    facts = {str(fact["name"]) for fact in type_.get("facts", [])}
    for index, route in enumerate(type_.get("routes", [])):
        where = (*at, "routes", index)
        if book.refer((*where, "to"), "request_type", route["to"]) and route["to"] == at[1]:
            book.says((*where, "to"), _("a route cannot lead to its own type"))
        tables = {f"tables.{name}" for name in type_.get("tables", {})}
        book.conditions((*where, "when"), route["when"], facts, tables | {"request"})
    book.refer((*at, "due", "calendar"), "calendar", type_.get("due", {}).get("calendar"))
    templates = type_.get("templates", [])
    book.unique((*at, "templates"), title_of("template"), templates)
    for index, template in enumerate(templates):
        where = (*at, "templates", index)
        texts = {language: template[language] for language in ("en", "zh-hant") if language in template}
        if not texts:
            book.says(
                where,
                _("template `%(name)s` has no text; say `en` or `zh-hant`") % {"name": template["name"]},
            )
        for language, text in texts.items():
            book.fill_ins((*where, language), text, facts | {"request", "steps"} | steps.worked_out(type_))
    if "fallback" in type_:
        _card(book, (*at, "fallback"), type_["fallback"], {str(t["name"]) for t in templates})


def _card(book: Book, at: Path, card: Mapping[str, Any], templates: set[str]) -> None:
    for index, line in enumerate(card.get("steps", [])):
        book.refer((*at, "steps", index, "system"), "system", line.get("system"))
    if "template" in card and card["template"] not in templates:
        book.missing((*at, "template"), title_of("template"), card["template"], templates)
    book.refer((*at, "approver"), "team", card.get("approver"))
    for index, system in enumerate(card.get("record_in", [])):
        book.refer((*at, "record_in", index), "system", system)
