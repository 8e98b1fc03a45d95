"""Checks of systems and their operations. Pure; what a connector needs, the connector itself says."""

import re
from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from agents import record_links
from agents.connectors import KINDS, ConnectorProblem, OperationSpec, SystemSpec
from agents.connectors.credentials import problems_of_auth
from agents.connectors.http_request import base_of
from agents.schemas import problems_of_schema
from cases import formulas
from cases.calendars import duration
from orchestrator.workmap.checking.book import Book, properties, required, root
from orchestrator.workmap.problems import Path, cut
from orchestrator.workmap.records import NO_ARGUMENTS, Record

ENVIRONMENT = re.compile(r"env:[A-Za-z_][A-Za-z0-9_]{0,99}\Z")  # an address that differs from machine to machine
SOUND = "https://example.com"
RECORD_LEVELS = ("case", "internal", "controlled")


def check(book: Book) -> None:
    for name, system in book.of("system"):
        _system(book, ("system", name), system)
    for name, operation in book.of("operation"):
        _operation(book, ("operation", name), name, operation)


def _system(book: Book, at: Path, system: Record) -> None:
    connector = system["connector"]
    if connector not in KINDS:
        book.missing((*at, "connector"), _("connector"), connector, KINDS)
    book.refer((*at, "owner"), "team", system.get("owner"))
    for problem in problems_of_auth(system.get("auth", {})):
        book.says((*at, "auth"), problem)
    if connector == "http" and not ENVIRONMENT.match(system.get("url", "")):
        try:
            base_of(system.get("url", ""))
        except ConnectorProblem as problem:
            book.says((*at, "url"), str(problem))
    _page(book, at, system, ())
    for key in ("result", "error"):
        if key in system.get("answer", {}):
            book.path((*at, "answer", key), system["answer"][key])


def _operation(book: Book, at: Path, name: str, operation: Record) -> None:
    system = name.partition(".")[0]
    if book.refer((*at, "name"), "system", system):
        _call(book, at, name, operation, book.get("system", system))
    if "arguments" in operation:
        for problem in problems_of_schema(operation["arguments"]):
            book.says((*at, "arguments"), problem)
    _names_of_arguments(book, at, operation)
    _case_key(book, at, operation)
    for inner in ("version", "read_back"):
        if inner in operation:
            _reads(book, (*at, inner), operation[inner])
    _fill_ins(book, at, operation)
    _filter_and_key(book, at, operation)
    _shows(book, at, operation)
    _page(book, at, operation, ("record",))


def _page(book: Book, at: Path, record: Record, more: tuple[str, ...]) -> None:
    """Where people open it: an address whose placeholders are facts of some type, `request` or, of a read, `record`."""
    if pattern := record.get("page"):
        if words := record_links.problem(pattern):
            book.says((*at, "page"), words)
        facts = {fact["name"] for _name, type_ in book.of("request_type") for fact in type_.get("facts", [])}
        book.fill_ins((*at, "page"), pattern, {*facts, "request", *more})


def _call(book: Book, at: Path, name: str, operation: Record, system: Record | None) -> None:
    """What the connector of the system says about the call."""
    kind = KINDS.get(system["connector"]) if system else None
    if system is None or kind is None:
        return
    effect_key = operation.get("effect_key")
    arguments = operation.get("arguments", NO_ARGUMENTS)
    spec = OperationSpec(
        name=name,
        kind=operation.get("kind", "write"),
        call=operation.get("call", {}),
        effect_key=effect_key if isinstance(effect_key, dict) else None,
        arguments=NO_ARGUMENTS if problems_of_schema(arguments) else arguments,
    )
    # A wrong address is said once, with the system.
    for problem in kind(SystemSpec(system["name"], "", system["connector"], SOUND)).problems(spec):
        book.says((*at, "call"), problem)


def _names_of_arguments(book: Book, at: Path, operation: Record) -> None:
    """Money, currency, editable and secret name arguments that there are."""
    declared = book.arguments_of(at[1])
    named: list[tuple[Path, Any]] = [
        (((*at, key, index)), name)
        for key in ("editable", "secret", "masked")
        for index, name in enumerate(operation.get(key, []))
    ]
    if isinstance(operation.get("money"), str):
        named.append(((*at, "money"), root(operation["money"])))
    if operation.get("currency"):
        named.append(((*at, "currency"), root(operation["currency"])))
    for where, name in named:
        if declared is not None and root(name) not in declared:
            book.missing(where, _("argument"), name, declared)
    if isinstance(operation.get("money"), dict):
        book.fact_of_any_type((*at, "money", "fact"), operation["money"]["fact"])
    for name in set(operation.get("editable", [])) & set(operation.get("secret", [])):
        text = _("the secret argument `%(name)s` cannot be edited by an approver, who never sees it")
        book.says((*at, "editable"), text % {"name": cut(name)})


def _shows(book: Book, at: Path, operation: Record) -> None:
    """What fills the slots of a variant: facts of some type, arguments that are there and not secret, formulas."""
    shows = operation.get("shows", {})
    declared = book.arguments_of(at[1])
    facts = book.facts()
    secret = {root(name) for name in operation.get("secret", [])}
    for slot, spec in shows.items():
        if not isinstance(spec, Mapping):
            continue
        where = (*at, "shows", slot)
        named = {root(spec["argument"])} if "argument" in spec else set()
        if "fact" in spec:
            book.fact_of_any_type((*where, "fact"), spec["fact"])
        for key in ("fact", "argument"):
            if key in spec:
                book.path((*where, key), spec[key])
        if declared is not None:
            for name in named - declared:
                book.missing((*where, "argument"), _("argument"), name, declared)
        if "formula" in spec and facts is not None:
            book.formula((*where, "formula"), spec["formula"], {*facts, "argument", "tables"})
            named = {n.split(".")[1].split("[")[0] for n in _names(spec["formula"]) if n.startswith("argument.")}
        for name in sorted(named & secret):
            text = _("the secret argument `%(name)s` cannot be shown")
            book.says(where, text % {"name": cut(name)})
    if shows.get("as") == "voucher" and not isinstance(operation.get("money"), str):
        book.says((*at, "shows"), _("a voucher needs `money`, the argument with its amount"))
    draft = shows.get("draft")
    if isinstance(draft, Mapping) and draft.get("argument") not in operation.get("editable", []):
        text = _("the draft must be an argument that is `editable`, so that the approver can change its words")
        book.says((*at, "shows", "draft"), text)


def _names(formula: Any) -> set[str]:
    try:
        return formulas.names(str(formula))
    except ValueError:  # said already
        return set()


def _case_key(book: Book, at: Path, operation: Record) -> None:
    key = operation.get("case_key")
    level = operation.get("level", "controlled")
    if key is None:
        if level in RECORD_LEVELS and not operation.get("keep"):
            book.says(
                at,
                _("`case_key` must be said at level %(level)s (`none` if it touches no record)") % {"level": level},
            )
        return
    if not isinstance(key, Mapping):
        return
    declared = book.arguments_of(at[1])
    for argument, source in key.items():
        if declared is not None and root(argument) not in declared:
            book.missing((*at, "case_key", argument), _("argument"), argument, declared)
        if isinstance(source, Mapping):
            _owner(book, (*at, "case_key", argument), source)
        else:
            _bound(book, (*at, "case_key", argument), source)


def _owner(book: Book, at: Path, source: Mapping[str, Any]) -> None:
    if book.refer((*at, "look_up"), "operation", source["look_up"]):
        book.is_read((*at, "look_up"), source["look_up"])
    book.path((*at, "path"), source["path"])
    _bound(book, (*at, "is"), source["is"])


def _bound(book: Book, at: Path, name: str) -> None:
    """A value that binds: `request.customer`, `request.contact`, or a fact of some type (or a path in it)."""
    if root(name) == "request":
        if name not in ("request.customer", "request.contact"):
            book.missing(at, _("value"), name, ("request.customer", "request.contact"))
    else:
        book.fact_of_any_type(at, name)


def _reads(book: Book, at: Path, reads: Mapping[str, Any]) -> None:
    """A version or read-back: an operation that reads, whose needed arguments are there."""
    if not book.refer((*at, "read"), "operation", reads["read"]):
        return
    book.is_read((*at, "read"), reads["read"])
    if "path" in reads:
        book.path((*at, "path"), reads["path"])
    if at[2] == "version":
        given: Mapping[str, Any] = dict.fromkeys(book.arguments_of(at[1]) or ())
        other = book.get("operation", reads["read"])
        for name in required(other or {}):
            if name not in given:
                text = _("operation `%(operation)s` needs the argument `%(name)s`, which this operation does not have")
                book.says((*at, "read"), text % {"operation": reads["read"], "name": cut(name)})
    else:
        book.given((*at, "arguments"), reads["read"], reads.get("arguments", {}))


def _fill_ins(book: Book, at: Path, operation: Record) -> None:
    """Placeholders of read-back and undo: arguments of the operation, and `result`."""
    declared = book.arguments_of(at[1])
    names = {"result", *(declared or ())}
    for inner, keys in (("read_back", ("arguments", "expect")), ("undo", ("arguments",))):
        for key in keys:
            if declared is not None or not properties(operation):
                book.fill_ins((*at, inner, key), operation.get(inner, {}).get(key, {}), names)
    if undo := operation.get("undo"):
        if book.refer((*at, "undo", "operation"), "operation", undo["operation"]):
            book.is_write((*at, "undo", "operation"), undo["operation"])
            book.given((*at, "undo", "arguments"), undo["operation"], undo.get("arguments", {}))
        if "within" in undo and duration(undo["within"]).working_days > 365:
            book.says((*at, "undo", "within"), _("an undo of more than a year cannot be promised"))


def _filter_and_key(book: Book, at: Path, operation: Record) -> None:
    if keep := operation.get("keep"):
        if "items" in keep:
            book.path((*at, "keep", "items"), keep["items"])
        for path, source in keep["where"].items():
            book.path((*at, "keep", "where", path), path)
            if source != "request.customer":
                book.missing((*at, "keep", "where", path), _("value"), source, ("request.customer",))
    effect_key = operation.get("effect_key")
    if isinstance(effect_key, dict) and "look_up" in effect_key:
        where = (*at, "effect_key", "look_up")
        if book.refer(where, "operation", effect_key["look_up"]):
            book.is_read(where, effect_key["look_up"])
    if "high_above" in operation and "money" not in operation:
        book.says((*at, "high_above"), _("`high_above` needs `money`"))
