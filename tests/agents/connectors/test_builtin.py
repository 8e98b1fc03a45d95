"""Functions in this process, and the registry of connectors."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from agents.connectors import ConnectorProblem, OperationSpec, SystemSpec, connector_for
from agents.connectors.builtin import FUNCTIONS, BuiltinConnector, register

HERE = SystemSpec("house", "House", "builtin")
ECHO = OperationSpec("house.echo", "read", {"function": "reference.echo"})
NOTE = OperationSpec("house.note", "write", {"function": "builtin.note"})


@pytest.fixture
def broken() -> Iterator[str]:
    @register("test.broken", title="Broken", kind="write")
    def fail(arguments: Mapping[str, Any], effect_key: str | None) -> object:
        raise ConnectorProblem("no") if arguments else ZeroDivisionError

    yield "test.broken"
    del FUNCTIONS["test.broken"]


def test_the_registry_knows_its_kinds_and_names_an_unknown_one() -> None:
    assert isinstance(connector_for(HERE), BuiltinConnector)
    with pytest.raises(ConnectorProblem, match="smtp"):
        connector_for(SystemSpec("x", "X", "smtp"))


def test_a_function_answers() -> None:
    assert connector_for(HERE).look_up(ECHO, {"a": 1}).data == {"a": 1}
    assert connector_for(HERE).health()[0]


def test_a_note_keeps_its_reference_over_retries() -> None:
    there = connector_for(HERE)
    one, again = (there.call(NOTE, {"text": "x"}, effect_key="k1").data for _ in range(2))
    other = there.call(NOTE, {"text": "x"}, effect_key="k2").data
    assert one == again != other


def test_a_refusal_is_failed_and_a_fault_leaves_a_write_unknown(broken: str) -> None:
    there, operation = connector_for(HERE), OperationSpec("house.broken", "write", {"function": broken})
    assert there.call(operation, {"a": 1}).outcome == "failed"
    assert there.call(operation, {}).outcome == "unknown"


@pytest.mark.parametrize("call", [{}, {"function": "nothing"}, {"function": 5}, {"function": "reference.echo", "x": 1}])
def test_an_unknown_function_is_not_called(call: dict[str, object]) -> None:
    operation = OperationSpec("house.x", "write", call)
    assert connector_for(HERE).call(operation, {}).outcome == "not_sent"
    assert connector_for(HERE).problems(operation)


def test_a_function_that_writes_cannot_pass_as_a_read() -> None:
    disguised = OperationSpec("house.note", "read", {"function": "builtin.note"})
    assert not connector_for(HERE).look_up(disguised, {"text": "x"}).ok
    assert not connector_for(HERE).look_up(NOTE, {"text": "x"}).ok


def test_the_same_name_cannot_be_registered_twice() -> None:
    with pytest.raises(ConnectorProblem):
        register("reference.echo", title="Again")(lambda arguments, effect_key: None)


def test_discover_lists_the_functions() -> None:
    drafts = {draft["name"]: draft for draft in connector_for(HERE).discover()}
    assert drafts["house.note"]["level"] == "internal"
    assert drafts["house.echo"]["call"] == {"function": "reference.echo"}
