"""G-style fail closed: only what is granted, only what belongs to the case."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.fields import filter_items, keep_fields, problems_of_fields, problems_of_keep

ORDER = {
    "number": 88213,
    "total": Decimal("480.00"),
    "customer": {"id": "c1", "name": "Ada", "phone": "123"},
    "items": [{"id": "i1", "price": 1, "tags": [{"t": 1, "u": 2}]}, {"id": "i2", "price": 2}],
    "note": None,
}
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text("ab", max_size=2),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abcd"), inner, max_size=4),
    max_leaves=12,
)
PATHS = st.lists(
    st.lists(st.sampled_from(["a", "b", "c[*]", "d[*]"]), min_size=1, max_size=3).map(".".join), max_size=4
)


def test_none_grants_everything_and_an_empty_list_nothing() -> None:
    assert keep_fields(ORDER, None) is ORDER
    assert keep_fields(ORDER, []) == {}
    assert keep_fields("text", []) is None


@pytest.mark.parametrize(
    ("fields", "kept"),
    [
        (["number"], {"number": 88213}),
        (["number", "absent", "absent.too"], {"number": 88213}),
        (["customer.name"], {"customer": {"name": "Ada"}}),
        (["customer"], {"customer": ORDER["customer"]}),
        (["customer.name", "customer"], {"customer": ORDER["customer"]}),
        (["customer", "customer.name"], {"customer": ORDER["customer"]}),
        (["items[*].id"], {"items": [{"id": "i1"}, {"id": "i2"}]}),
        (["items[*].id", "items[*].price"], {"items": [{"id": "i1", "price": 1}, {"id": "i2", "price": 2}]}),
        (["items[*].tags[*].t"], {"items": [{"tags": [{"t": 1}]}, {}]}),
        (["items"], {"items": ORDER["items"]}),
        (["items[*]"], {"items": ORDER["items"]}),
        (["items.id"], {}),
        (["items[0].id"], {}),
        (["customer[*].name"], {}),
        (["number.digits"], {}),
        (["note"], {"note": None}),
        (["note.text"], {}),
        (["", ".", "a..b", "[*", "*"], {}),
    ],
)
def test_only_the_granted_paths_come_through(fields: list[str], kept: dict[str, Any]) -> None:
    assert keep_fields(ORDER, fields) == kept


def test_a_list_answer_is_filtered_item_by_item() -> None:
    orders = [ORDER, {"number": 2, "total": 5}, "odd", [ORDER]]
    assert keep_fields(orders, ["number"]) == [{"number": 88213}, {"number": 2}, None, [{"number": 88213}]]
    assert keep_fields(orders[:2], ["[*].number"]) == [{"number": 88213}, {"number": 2}]


@given(PLAIN, PATHS)
def test_filtering_again_changes_nothing_and_adds_nothing(value: Any, fields: list[str]) -> None:
    kept = keep_fields(value, fields)
    assert keep_fields(kept, fields) == kept
    assert _leaves(kept) <= _leaves(value) | {((), None)}


@given(PLAIN, PATHS)
def test_names_that_no_grant_speaks_of_never_come_through(value: Any, fields: list[str]) -> None:
    named = {step.removesuffix("[*]") for path in fields for step in path.split(".")[:1]}
    kept = keep_fields(value, fields)
    tops = kept if isinstance(kept, list) else [kept]
    assert all(set(top) <= named for top in tops if isinstance(top, dict))


def _leaves(value: Any, path: tuple[str, ...] = ()) -> set[tuple[tuple[str, ...], Any]]:
    if isinstance(value, dict):
        return {leaf for key, inner in value.items() for leaf in _leaves(inner, (*path, key))}
    if isinstance(value, list):
        return {leaf for inner in value for leaf in _leaves(inner, path)} | {((*path, "[]"), None)} - {(path, None)}
    return {(path, value)}


ORDERS = {
    "total": 3,
    "next": "cursor-of-others",
    "data": {
        "orders": [
            {"id": 1, "customer_id": "c1", "owner": {"id": 7}},
            {"id": 2, "customer_id": "c2", "owner": {"id": 8}},
            {"id": 3, "customer_id": None},
            {"id": 4},
            "odd",
        ]
    },
}


def kept(where: Any, items: str | None = "data.orders") -> Any:
    return [item["id"] for item in filter_items(ORDERS, {"items": items, "where": where})["data"]["orders"]]


def test_only_items_of_the_case_pass_and_nothing_beside_them() -> None:
    found = filter_items(ORDERS, {"items": "data.orders", "where": {"customer_id": "c1"}})
    assert found == {"data": {"orders": [ORDERS["data"]["orders"][0]]}}  # type: ignore[index]


def test_the_answer_itself_may_be_the_list() -> None:
    items = [{"customer_id": "c1"}, {"customer_id": "c2"}]
    assert filter_items(items, {"where": {"customer_id": "c2"}}) == [{"customer_id": "c2"}]


def test_all_conditions_must_hold_and_a_list_means_one_of_them() -> None:
    assert kept({"customer_id": "c1", "owner.id": 7}) == [1]
    assert kept({"customer_id": "c1", "owner.id": 8}) == []
    assert kept({"customer_id": ["c1", "c2"]}) == [1, 2]
    assert kept({"customer_id": []}) == []


@pytest.mark.parametrize("value", [None, "", {}, object(), True, "C1", "c1 ", ["", None], 1])
def test_an_unknown_or_other_value_matches_nothing(value: object) -> None:
    assert kept({"customer_id": value}) == []


def test_numbers_match_numbers_and_text_matches_text() -> None:
    assert kept({"owner.id": 7}) == kept({"owner.id": Decimal("7.0")}) == [1]
    assert kept({"owner.id": "7"}) == []


@pytest.mark.parametrize("where", [None, {}, [], "customer_id", {"": "c1"}, {"a..b": "c1"}])
def test_without_a_usable_condition_no_item_passes(where: object) -> None:
    assert kept(where) == []


@pytest.mark.parametrize(
    "answer", [None, "x", 5, {}, {"data": []}, {"data": {"orders": {"id": 1, "customer_id": "c1"}}}]
)
def test_an_answer_of_another_shape_lets_nothing_through(answer: object) -> None:
    found = filter_items(answer, {"items": "data.orders", "where": {"customer_id": "c1"}})
    assert found == {"data": {"orders": []}}


@given(
    st.lists(st.dictionaries(st.sampled_from("abk"), st.sampled_from(["c1", "c2", "", None, 1]))),
    st.sampled_from("abk"),
)
def test_whatever_the_items_none_of_another_customer_passes(items: list[dict[str, Any]], name: str) -> None:
    found = filter_items(items, {"where": {name: "c1"}})
    assert all(item[name] == "c1" for item in found)
    assert len(found) == sum(item.get(name) == "c1" for item in items)


def test_the_map_check_finds_odd_paths() -> None:
    assert problems_of_fields(None) == problems_of_fields(["number", "items[*].id", "a.b"]) == []
    for odd in ("number", ["a..b"], [5], [""], ["items[0].id"]):
        assert problems_of_fields(odd)
    assert problems_of_keep({}) == problems_of_keep({"items": "a.b", "where": {"c.d": "x"}}) == []
    for odd_keep in (
        [1],
        {"where": {}},
        {"items": "a[*]", "where": {"b": 1}},
        {"where": {"b[*]": 1}},
        {"what": 1},
    ):
        assert problems_of_keep(odd_keep)
