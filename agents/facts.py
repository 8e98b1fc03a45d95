"""Facts: what the control layer finds out itself, from message, form, look-up, history and formula.

Unknown is a value, with its reason. A value is *bound* when it says for certain which record the case is about:
only bound values open a level-2 record. Reads go through `Reader`, which records each one.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo
from typing import Any

from django.utils.translation import gettext
from django.utils.translation import gettext_noop as _

from agents.configuration import Configuration, FactConfig, TypeConfig
from agents.fields import filter_items
from agents.history import Places
from agents.models import FactSource, Operation
from cases import formulas, patterns, placeholders
from cases.models import Case
from cases.plainly import plain
from cases.texts import InEach, in_each, in_words, say, to_store
from cases.values import UNKNOWN, coerce, dig

MOST_EACH = 50
NOT_KNOWN = _("Not known: %(names)s.")
Read = Callable[[Operation, Mapping[str, Any], str], tuple[bool, Any, str]]
"""(operation, arguments, what for) -> (worked, answer, words of the failure)."""


@dataclass(frozen=True, slots=True)
class Found:
    """One fact: its value (UNKNOWN with the reason in `why`), whether it binds, and where it came from."""

    value: Any
    bound: bool = False
    source: str = ""
    why: str = ""
    at: datetime | None = None

    @property
    def known(self) -> bool:
        return self.value is not UNKNOWN

    def as_json(self) -> dict[str, Any]:
        return {
            "value": plain(self.value) if self.known else None,
            "known": self.known,
            "bound": self.bound,
            "source": self.source,
            "why": to_store(self.why),
            "at": self.at.isoformat() if self.at else None,
        }


def unknown(why: str, source: str = "") -> Found:
    return Found(UNKNOWN, source=source, why=why)


@dataclass
class FactFinder:
    """Finds facts of one case, each once, in any order they need one another.

    `argument`: the arguments of the write that is judged (facts that name `argument.…` exist only then).
    `messages`: the requester's, oldest first; asked for when a fact is looked for in them.
    `given`: facts found before, kept as they are. `leave_out`: writes that history does not count.
    """

    config: Configuration
    type: TypeConfig
    case: Case
    messages: Callable[[], list[str]]
    read: Read
    now: datetime
    fixed_now: datetime | None = None
    argument: Mapping[str, Any] | None = None
    operation: str = ""
    given: Mapping[str, Found] = field(default_factory=dict)
    steps: Mapping[str, Any] = field(default_factory=dict)
    earlier: tuple[Mapping[str, Any], ...] = ()
    leave_out: tuple[Any, ...] = ()
    agent_id: int | None = None
    with_history: bool = True
    found: dict[str, Found] = field(default_factory=dict)
    _busy: set[str] = field(default_factory=set)
    _filled: dict[str, Any] = field(default_factory=dict)

    @property
    def zone(self) -> tzinfo:
        return self.config.zone

    @property
    def moment(self) -> datetime:
        """The clock of facts and formulas (the setting FIXED_NOW stops it in demo and tests)."""
        return self.fixed_now or self.now

    def find(self, name: str) -> Found:
        if name in self.found:
            return self.found[name]
        if name in self.given:
            self.found[name] = self.given[name]
            return self.given[name]
        fact = self.type.facts.get(name)
        if fact is None:
            return unknown(in_words(_("This request type has no fact %(name)s."), name=name))
        if name in self._busy:
            return unknown(in_words(_("This fact leads back to itself.")))
        self._busy.add(name)
        try:
            self.found[name] = self._first_known(fact)
        finally:
            self._busy.discard(name)
        return self.found[name]

    def find_all(self) -> dict[str, Found]:
        """Every fact of the type that does not need a write's arguments."""
        for name in self.type.facts:
            if not self.needs_argument(name):
                self.find(name)
        return self.found

    def needs_argument(self, name: str) -> bool:
        """Whether the fact, or one it stands on, names `argument.…` or `operation`: it exists only per write."""
        names, _kinds = stands_on(self.type, name)
        return bool(names & {"argument", "operation"})

    def needs_history(self, name: str) -> bool:
        """Whether the fact, or one it stands on, counts what was done: it is found under the locks."""
        _names, kinds = stands_on(self.type, name)
        return "history" in kinds

    # ------------------------------------------------------------------ sources

    def _first_known(self, fact: FactConfig) -> Found:
        result = unknown("")
        for source in fact.sources:
            result = getattr(self, f"_from_{source.kind}")(source)
            if result.known:
                value = coerce(result.value, fact.row.kind, self.zone, self.config.company.currency)
                if value is not UNKNOWN:
                    return Found(value, result.bound, result.source, at=self.now)
                kind = fact.row.kind
                result = unknown(in_words(_("The value is not a %(kind)s."), kind=kind), result.source)
        why = result.why if fact.sources else in_words(_("No source is named."))
        return Found(UNKNOWN, source=result.source, why=why, at=self.now)

    def _from_form(self, source: FactSource) -> Found:
        value = dig(self.case.form, str(source.settings["form"]))
        if value is UNKNOWN or value in ("", None):
            return unknown(in_words(_("The form does not say.")), "form")
        return Found(value, bound=self.case.form_binds, source="form")

    def _from_message(self, source: FactSource) -> Found:
        spec = source.settings
        values: list[str] = []
        for text in reversed(self.messages()):  # the newest message first
            found = patterns.find_all(str(spec["message"]), text)
            if found is UNKNOWN:
                return unknown(in_words(_("The message is too long to be searched.")), "message")
            values += [v for v in found if v not in values]
        if not values:
            return unknown(in_words(_("The message does not say.")), "message")
        owner = spec.get("owner")
        if not owner:
            return Found(values if spec.get("all") else values[0], source="message")
        owned = [value for value in values[:MOST_EACH] if self._is_owned(owner, value)]
        if not owned:
            return unknown(in_words(_("What the message names does not belong to this customer.")), "message")
        return Found(owned if spec.get("all") else owned[0], bound=True, source="message")

    def _is_owned(self, owner: Mapping[str, Any], value: Any) -> bool:
        """Whether the record's owner, read from the system, is the case's customer."""
        if not self.case.customer:
            return False
        operation = self.config.operations.get(str(owner.get("read") or owner.get("look_up")))
        if operation is None:
            return False
        filled, missing = placeholders.fill(owner.get("arguments", {}), {**self._names(), "value": value})
        if missing:
            return False
        worked, answer, _why = self.read(operation, filled, "owner")
        found = dig(answer, str(owner["path"])) if worked else UNKNOWN
        return found is not UNKNOWN and found is not None and str(found) == self.case.customer

    def _from_look_up(self, source: FactSource) -> Found:
        spec, operation = source.settings, source.operation
        if operation is None:
            return unknown(in_words(_("The operation is gone.")))
        words = operation.name
        if spec.get("for_each"):
            return self._for_each(source, operation)
        filled, bound, why = self._arguments(spec.get("arguments", {}))
        if why:
            return unknown(why, words)
        if operation.level == "case" and not bound:
            return unknown(in_words(_("Nothing says for certain which record this case is about.")), words)
        return self._look_up(operation, filled, spec.get("path"), bound)

    def _for_each(self, source: FactSource, operation: Operation) -> Found:
        each = self.find(str(source.settings["for_each"]))
        if not each.known or not isinstance(each.value, list):
            return unknown(in_words(_("The list it is looked up for is not known.")), operation.name)
        if len(each.value) > MOST_EACH:
            return unknown(in_words(_("The list has more than %(n)s items."), n=MOST_EACH), operation.name)
        answers = []
        for item in each.value:
            filled, bound, why = self._arguments(source.settings.get("arguments", {}), each=item, each_bound=each.bound)
            if why or (operation.level == "case" and not bound):
                return unknown(why or in_words(_("Nothing says for certain which record this is.")), operation.name)
            one = self._look_up(operation, filled, source.settings.get("path"), bound)
            if not one.known:
                return one
            answers.append(one.value)
        return Found(answers, bound=each.bound, source=operation.name)

    def _look_up(self, operation: Operation, arguments: Any, path: Any, bound: bool) -> Found:
        worked, answer, why = self.read(operation, arguments, "fact")
        if not worked:
            return unknown(why, operation.name)
        answer = kept(operation, answer, self.case)
        value = dig(answer, str(path)) if path else answer
        if value is UNKNOWN or value is None:
            return unknown(in_words(_("The system has no such value.")), operation.name)
        return Found(value, bound=bound, source=operation.name)

    def _from_formula(self, source: FactSource) -> Found:
        text = str(source.settings["formula"])
        value, bound, why = self.formula(text)
        return Found(value, bound=bound, source="formula") if value is not UNKNOWN else unknown(why, "formula")

    def _from_match(self, source: FactSource) -> Found:
        filled, missing = placeholders.fill(str(source.settings["in"]), self._values(source.settings["in"]))
        if missing or not isinstance(filled, str):
            return unknown(in_words(_("The text to look in is not known.")), "match")
        values = patterns.find_all(str(source.settings["match"]), filled)
        if values is UNKNOWN:
            return unknown(in_words(_("The text is too long to be searched.")), "match")
        if source.settings.get("all"):
            return Found(values, source="match")
        return (
            Found(values[0], source="match") if values else unknown(in_words(_("The text has no such part.")), "match")
        )

    def _from_history(self, source: FactSource) -> Found:
        if not self.with_history:
            return unknown(in_words(_("Counted when it is judged.")), "history")
        spec = source.settings["history"]
        what = next(k for k in ("count", "sum", "last") if k in spec)
        places, why = self._places(spec, spec[what])
        if places is None:
            return unknown(why, "history")
        if what == "count":
            return Found(places.count() + len(self._counted(spec[what])), source="history")
        if what == "last":
            last = places.last()
            return (
                Found(last, source="history") if last else unknown(in_words(_("It has not happened yet.")), "history")
            )
        of = spec.get("of")
        total = places.sum_of(str(of) if of else None, self.config.company.currency)
        own = [e["money"] if not of or of == "money" else e["arguments"].get(of) for e in self._counted(spec[what])]
        if total is UNKNOWN or any(value is None for value in own):
            return unknown(in_words(_("One of the amounts cannot be added.")), "history")
        return Found(sum(own, start=total), source="history")

    def _counted(self, operations: Any) -> list[Mapping[str, Any]]:
        names = {operations} if isinstance(operations, str) else set(operations)
        return [e for e in self.earlier if e["operation"] in names]

    def _places(self, spec: Mapping[str, Any], operations: Any) -> tuple[Places | None, str]:
        names = [operations] if isinstance(operations, str) else list(operations)
        ids = tuple(self.config.operations[n].pk for n in names if n in self.config.operations)
        keys: dict[str, Any] = {}
        arguments: list[tuple[str, Any]] = []
        for same in spec.get("same", []):
            if same == "customer":
                customer = self.customer
                if not customer:
                    return None, in_words(_("The customer is not known, so nothing can be counted."))
                keys["customer"] = customer
            elif same == "case":
                keys["case_id"] = self.case.pk
            elif same == "agent":
                if self.agent_id is None:
                    return None, in_words(_("No agent does this, so nothing can be counted by agent."))
                keys["agent_id"] = self.agent_id
            elif str(same).startswith("argument."):
                value = dig(self.argument or {}, str(same).removeprefix("argument."))
                if value is UNKNOWN:
                    return None, in_words(_("The argument to count by is missing."))
                arguments.append((str(same).removeprefix("argument."), plain(value)))
        days = spec.get("days")
        since = self.now - timedelta(days=float(days)) if days else None
        if spec.get("since") == "month":  # the calendar month of the company
            month = self.now.astimezone(self.zone).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
            since = month if since is None else max(since, month)
        return Places(ids, since=since, arguments=tuple(arguments), leave_out=self.leave_out, **keys), ""

    # ------------------------------------------------------------------ values for formulas and placeholders

    @property
    def customer(self) -> str:
        """Whom `same: customer` counts by: the type's customer fact's id, else the case's bound customer."""
        return self.case.customer

    def formula(self, text: str) -> tuple[Any, bool, str]:
        """(value or UNKNOWN, whether all that went in is bound, why unknown)."""
        names = roots(text)
        values = self._values_of(names)
        bound = all(self.find(name).bound for name in names if name in self.type.facts)
        value = formulas.evaluate(text, values, now=self.moment, zone=self.zone)
        if value is UNKNOWN:
            missing = [r for r in sorted(names) if r in self.type.facts and not self.find(r).known]
            return UNKNOWN, False, self._not_known(missing) if missing else in_words(NOT_KNOWN, names=text)
        return value, bound, ""

    def _not_known(self, names: Iterable[str]) -> InEach:
        missing = list(names)

        def words(language: str) -> str:
            return gettext(NOT_KNOWN) % {"names": ", ".join(self._title(name, language) for name in missing)}

        return in_each(words)

    def _title(self, name: str, language: str) -> str:
        if name == "request":
            return gettext("who the request is from")
        fact = self.type.facts.get(name)
        return say(fact.row.title, language) or name if fact else name

    def _arguments(self, spec: Any, *, each: Any = None, each_bound: bool = True) -> tuple[Any, bool, str]:
        """(filled arguments, whether every value in them is bound, why they cannot be filled)."""
        values = self._values(spec)
        if each is not None:
            values["each"] = each
        filled, missing = placeholders.fill(spec, values)
        if missing:
            return None, False, self._not_known(dict.fromkeys(m.split(".")[0].split("[")[0] for m in sorted(missing)))
        return filled, each_bound and self.is_bound(spec), ""

    def is_bound(self, spec: Any) -> bool:
        """Whether every placeholder in `spec` stands for a bound value. `request.contact` never binds a record."""
        for name in placeholders.names(spec):
            root = name.split(".")[0].split("[")[0]
            if root == "each":
                continue
            if name == "request.customer":
                if not self.case.customer:
                    return False
            elif root not in self.type.facts or not self.find(root).bound:
                return False
        return True

    def _names(self) -> dict[str, Any]:
        """What stands beside the facts: request, tables, argument, operation, templates, steps."""
        return {
            "request": request_values(self.case),
            "tables": self.type.row.tables,
            "argument": self.argument if self.argument is not None else UNKNOWN,
            "operation": self.operation or UNKNOWN,
            "steps": dict(self.steps),
        }

    def texts(self) -> dict[str, str]:
        """`templates.NAME`: each template of the type filled from the facts, in the language of the case.

        One that lacks a fact is left out, so that a formula that names it is unknown.
        """
        filled: dict[str, str] = {}
        for name, template in self.type.templates.items():
            text = say(template.texts, self.case.language)
            done, missing = placeholders.fill(text, self._values(text))
            if not missing:
                filled[name] = str(done)
        return filled

    def _values(self, spec: Any) -> dict[str, Any]:
        return self._values_of({name.split(".")[0].split("[")[0] for name in placeholders.names(spec)})

    def _values_of(self, wanted: set[str]) -> dict[str, Any]:
        facts = {name: self.find(name).value for name in wanted if name in self.type.facts}
        if len(facts) == len(wanted):
            return facts
        beside = {k: v for k, v in self._names().items() if k in wanted}
        return {**beside, **({"templates": self.texts()} if "templates" in wanted else {}), **facts}


def request_values(case: Case) -> dict[str, Any]:
    """`request.…` of placeholders; an unknown customer stays unknown."""
    return {
        "customer": case.customer or UNKNOWN,
        "contact": case.contact or UNKNOWN,
        "name": case.requester_name or UNKNOWN,
        "number": case.number,
        "subject": case.subject,
        "language": case.language,
    }


def kept(operation: Operation, answer: Any, case: Case, where: Mapping[str, Any] | None = None) -> Any:
    """The answer of a list or search with the forced filter of the operation's `keep`."""
    if not operation.keep:
        return answer
    values = where if where is not None else {"request.customer": case.customer}
    filled = {path: values.get(str(source)) for path, source in operation.keep.get("where", {}).items()}
    return filter_items(answer, {"items": operation.keep.get("items"), "where": filled})


def stands_on(type_: TypeConfig, name: str) -> tuple[frozenset[str], frozenset[str]]:
    """(every name, every kind of source) that a fact stands on, through all the facts between."""
    known = type_.stands_on.get(name)
    if known is None:
        known = type_.stands_on[name] = _stands_on(type_, name)
    return known


def _stands_on(type_: TypeConfig, name: str) -> tuple[frozenset[str], frozenset[str]]:
    names: set[str] = set()
    kinds: set[str] = set()
    ahead, seen = [name], set()
    while ahead:
        fact = type_.facts.get(ahead.pop())
        if fact is None or fact.name in seen:
            continue
        seen.add(fact.name)
        for source in fact.sources:
            kinds.add(source.kind)
            more = roots_of(source)
            if "templates" in more:
                texts = [t.texts for t in type_.templates.values()]
                more |= {n.split(".")[0].split("[")[0] for n in placeholders.names(texts)} - {"steps", "request"}
            names |= more
            ahead += [n for n in more if n not in seen]
    return frozenset(names), frozenset(kinds)


def roots(text: str) -> set[str]:
    """The names a formula stands on, without their paths."""
    try:
        return {name.split(".")[0].split("[")[0] for name in formulas.names(text)}
    except ValueError:  # the map check refuses such a formula; here it is unknown
        return set()


def roots_of(source: FactSource) -> set[str]:
    """The names a source stands on: facts, `argument`, `request` ..."""
    spec = source.settings
    if source.kind == "formula":
        return set(roots(str(spec["formula"])))
    if source.kind == "history":
        same = spec["history"].get("same", [])
        return {"argument"} if any(str(s).startswith("argument.") for s in same) else set()
    parts = [spec.get("arguments", {}), spec.get("in", "")]
    names = {name.split(".")[0].split("[")[0] for part in parts for name in placeholders.names(part)}
    return names | ({str(spec["for_each"])} if spec.get("for_each") else set())
