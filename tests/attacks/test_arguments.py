"""G06: arguments against the JSON Schema of each operation, with another validator as the judge.

The generator and the judge are those of schemathesis and jsonschema-rs; the product's own is built on jsonschema. What
the judge finds wrong never reaches the system, what it finds right always does, and unchanged.
"""

import copy
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from schemathesis.generation.jsonschema.builder import build
from schemathesis.generation.jsonschema.context import Alphabet

from agents.errors import BadArguments
from agents.models import Agent, Grant, Operation
from cases.canonical import canonical
from cases.models import Case
from cases.plainly import plain
from orchestrator.demo.running import MAP as RETAIL
from orchestrator.flow.calls import call
from tests.company import MAP, Small
from tests.guarantees import Size, guarantee

pytestmark = pytest.mark.beside

STORABLE = Alphabet(exclude_characters="\x00")
ODD = st.one_of(
    st.none(), st.booleans(), st.integers(-(10**12), 10**12), st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20),
    st.lists(st.integers(0, 5), max_size=3), st.dictionaries(st.sampled_from("abc"), st.integers(), max_size=2),
)  # fmt: skip
HARD: list[dict[str, Any]] = [
    {
        "type": "object",
        "required": ["lines", "when"],
        "additionalProperties": False,
        "properties": {
            "lines": {"type": "array", "minItems": 1, "maxItems": 4, "uniqueItems": True, "items": {"$ref": "#/$defs/line"}},
            "when": {"oneOf": [{"const": "now"}, {"type": "integer", "minimum": 1, "maximum": 30}]},
            "size": {"enum": ["S", "M", 3, None]},
            "share": {"type": "number", "exclusiveMinimum": 0, "maximum": 1},
            "tag": {"type": "string", "minLength": 2, "maxLength": 5},
        },
        "$defs": {
            "line": {
                "type": "object",
                "required": ["sku"],
                "properties": {"sku": {"type": "string", "minLength": 1}, "n": {"type": "integer", "minimum": 0}},
                "additionalProperties": False,
            }
        },
    },
    {
        "type": "object",
        "properties": {"a": {"type": ["string", "null"]}, "b": {"anyOf": [{"type": "boolean"}, {"type": "integer"}]}},
        "dependentRequired": {"a": ["b"]},
        "minProperties": 1,
        "additionalProperties": {"type": "integer"},
    },
    {"type": "object", "required": ["code"], "properties": {"code": {"type": "string", "pattern": "^[A-Z]{2}[0-9]{1,4}$"}}},
]  # fmt: skip


def schemas() -> list[dict[str, Any]]:
    """Of every operation of both maps, each once, and some harder ones."""
    maps = [yaml.safe_load(MAP), yaml.safe_load(Path(RETAIL).read_text())]
    found = [operation["arguments"] for one in maps for operation in one["operations"] if operation.get("arguments")]
    return [*{canonical(schema): schema for schema in found}.values(), *HARD]


SCHEMAS = schemas()
JUDGES = [jsonschema_rs.Draft202012Validator(schema, validate_formats=True) for schema in SCHEMAS]


def right(place: int) -> st.SearchStrategy[Any]:
    return build(SCHEMAS[place], draft=jsonschema_rs.Draft202012, formats={}, alphabet=STORABLE)


@st.composite
def spoiled(draw: st.DrawFn, place: int) -> Any:
    """Right arguments with one thing changed: a value, a name more or less, a word of another type."""
    arguments = copy.deepcopy(draw(right(place)))
    names = sorted(set(arguments) | set(SCHEMAS[place].get("properties", {})))
    for _n in range(draw(st.integers(1, 2))):
        how = draw(st.sampled_from(["value", "value", "less", "more", "inside"]))
        name = draw(st.sampled_from(names)) if names else "x"
        inner = arguments.get(name)
        if how == "value":
            arguments[name] = draw(ODD)
        elif how == "less":
            arguments.pop(name, None)
        elif how == "more":
            arguments[draw(st.sampled_from([f"{name} ", name.upper(), f"{name}\u200b", "x", "", "__proto__"]))] = draw(
                ODD
            )
        elif isinstance(inner, list):
            inner.append(draw(ODD))
        elif isinstance(inner, dict):
            inner[draw(st.sampled_from("abc"))] = draw(ODD)
    return arguments


@st.composite
def cases(draw: st.DrawFn) -> tuple[int, Any]:
    """(place of the schema, arguments): half of them made to be right, half to be wrong."""
    place = draw(st.integers(0, len(SCHEMAS) - 1))
    return place, draw(st.one_of(right(place), spoiled(place)))


class Tried:
    """One case whose open step asks again and again; another one before it grows long."""

    def __init__(self, company: Small) -> None:
        for place in range(len(SCHEMAS)):
            self.operation(place)
        self.company, self.case, self.calls = company, self.new(company), 0
        self.reached = self.refused = 0

    @staticmethod
    def operation(place: int) -> None:
        """An operation with this schema: a read, so that the same call may come twice."""
        row = Operation.objects.get(name="shop.faq")
        row.pk, row._state.adding = None, True
        row.name, row.arguments, row.call = f"shop.faq{place}", SCHEMAS[place], {"method": "POST", "path": "/faq"}
        row.save()
        agent = Agent.objects.get(name="courier")
        Grant.objects.create(agent=agent, operation=row, reason="test", until="2099-01-01")

    @staticmethod
    def new(company: Small) -> Case:
        return company.go(company.receive("outside"))

    def next(self) -> None:
        self.calls += 1
        if self.calls % 200 == 0:
            self.case = self.new(self.company)
            del self.company.shop.scripted.seen[:], self.company.shop.done[:], self.company.shop.calls[:]


@guarantee("G06", ci=500, release=20_000)
def test_what_does_not_fit_is_never_sent_and_what_fits_always_is(company: Small, size: Size) -> None:
    tried = Tried(company)

    @settings(
        max_examples=size.number, deadline=None, database=None, derandomize=not size.release,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(cases())
    def one(drawn: tuple[int, Any]) -> None:
        place, arguments = drawn
        assume(len(canonical(plain(arguments))) < 20_000)
        size.tried += 1
        tried.next()
        before = company.shop.sent("/faq")
        fits = JUDGES[place].is_valid(arguments)
        try:
            call(actor=company.courier(), case_id=tried.case.pk, operation=f"shop.faq{place}", arguments=arguments,
                 turn=tried.case.turn)  # fmt: skip
        except BadArguments as refusal:
            assert not fits, f"refused: {refusal.message}"
            assert company.shop.sent("/faq") == before
            tried.refused += 1
        else:
            assert fits, "it was sent"
            assert company.shop.sent("/faq") == before + 1
            assert canonical(plain(company.shop.scripted.seen[-1].json)) == canonical(plain(arguments))
            tried.reached += 1

    one()
    assert tried.reached >= 0.3 * size.tried, f"only {tried.reached} of {size.tried} reached the system"
    assert tried.refused >= 0.2 * size.tried, f"only {tried.refused} of {size.tried} were refused"
