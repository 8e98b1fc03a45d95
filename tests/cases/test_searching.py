"""What a case is found by: words of either language, numbers and phones, in sentence, requester and facts."""

from typing import Any

import pytest
from django.db import connection

from cases import searching
from cases.models import Case, CaseWords
from tests.world import World, add_case_row, build


@pytest.fixture
def world(db: None) -> World:
    return build()


def case(world: World, **values: Any) -> Case:
    plain = {"subject": "", "requester_name": "", "contact": "", "customer": "", "facts": {}}
    return add_case_row(world.refund, world.now, **(plain | values))


def is_found(one: Case, text: str) -> bool:
    return one.pk in searching.find(Case.objects.all(), text).cases


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"subject": "Refund my order 88213, please"}, "refund"),
        ({"subject": "Refund my order 88213, please"}, "ORDER refu"),
        ({"subject": "Refund my order 88213, please"}, "88213"),
        ({"subject": "訂單88274我要退款"}, "退款"),
        ({"subject": "訂單88274我要退款"}, "要退款"),
        ({"subject": "訂單88274我要退款"}, "訂單88274"),
        ({"subject": "訂單88274我要退款"}, "88274"),
        ({"subject": "訂單88274我要退款"}, "款"),
        ({"subject": "８８２１３ 全形"}, "88213"),
        ({"requester_name": "Chan Tai Man"}, "tai chan"),
        ({"requester_name": "陳大文"}, "大文"),
        ({"requester_name": "Éloïse"}, "éloïse"),
        ({"contact": "emily.wong@example.com"}, "emily.wong@example.com"),
        ({"contact": "emily.wong@example.com"}, "wong"),
        ({"contact": "+85291234567"}, "9123 4567"),
        ({"contact": "+852 9123 4567"}, "91234567"),
        ({"contact": "+85291234567"}, "+852 9123-4567"),
        ({"contact": "+85291234567"}, "+852912"),
        ({"contact": "+852 9123 4567 2nd floor"}, "91234567"),
        ({"contact": "+85291234567 2nd floor"}, "9123 4567"),
        ({"subject": "Refund order 1234567890 (2 items)"}, "1234567890"),
        ({"subject": "Refund order 1234567890 (2 items)"}, "123456789"),
        ({"subject": "Orders 4006381333931 4006381333932"}, "4006381333931"),
        ({"subject": "Orders 4006381333931 4006381333932"}, "4006381333932"),
        ({"customer": "CU-77"}, "cu-77"),
        ({"external_id": "shop/2026-001"}, "shop 2026"),
        ({"facts": {"order": {"value": {"number": "88213", "lines": [{"sku": "TEA-4"}]}, "known": True}}}, "tea-4"),
        ({"facts": {"waybill": {"value": "SF1029384756", "known": True}}}, "sf1029384756"),
        ({"facts": {"total": {"value": 480, "known": True}}}, "480"),
        ({"facts": {"note": {"value": "收貨人：李小姐", "known": True}}}, "李小姐"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_it_is_found(world: World, values: dict[str, Any], text: str) -> None:
    assert is_found(case(world, **values), text)


@pytest.mark.parametrize(
    "text", ["", " ", "!!", "'", "a & b", "退單", "efund", "order 99999", "&|!:*<->()", "refund:*", "\\", "orders.get"]
)
def test_other_texts_find_nothing_and_break_nothing(world: World, text: str) -> None:
    one = case(world, subject="Refund my 訂單", facts={"x": {"value": None, "known": False, "source": "orders.get"}})
    assert is_found(one, text) is (text == "refund:*")


def test_what_changes_is_found_at_once_and_no_more_by_what_it_was(world: World) -> None:
    one = case(world, subject="Late parcel")
    Case.objects.filter(pk=one.pk).update(facts={"order": {"value": "88213", "known": True}})
    assert is_found(one, "88213") and is_found(one, "late")
    Case.objects.filter(pk=one.pk).update(subject="Broken cup", facts={})
    assert is_found(one, "cup") and not is_found(one, "late") and not is_found(one, "88213")


def test_the_number_of_a_case_finds_it(world: World) -> None:
    one = case(world, subject="x")
    assert is_found(one, f"c-{one.pk}") and is_found(one, str(one.pk))
    assert searching.find(Case.objects.all(), "9" * 18).cases == (int("9" * 18),)  # which nobody has
    assert searching.find(Case.objects.all(), "9" * 25).cases == ()


def test_a_long_text_and_an_odd_one_are_taken(world: World) -> None:
    one = case(
        world, subject="x" * 300, facts={"a": {"value": "y" * 100_000 + " end"}, "b": {"value": {"deep": [[["z9"]]]}}}
    )
    assert is_found(one, "x" * 60)
    assert not is_found(one, "end")  # beyond the first 20,000 characters
    assert searching.find(Case.objects.all(), "é" * 500 + "\u202e") is not None


def test_common_and_rare_words_are_both_found_newest_first(world: World) -> None:
    first = case(world, subject="common rare")
    others = [case(world, subject=f"common n{n}") for n in range(searching.COMMON + 5)]
    found = searching.find(Case.objects.all(), "common")
    assert found.cases == tuple(sorted([first.pk, *(o.pk for o in others)], reverse=True)) and not found.more
    assert searching.find(Case.objects.all(), "rare common").cases == (first.pk,)


def test_only_the_newest_are_looked_at_and_it_says_so(world: World) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT cases_with_words(words_wanted('cup'), 3)")
        assert cursor.fetchone()[0] == []
    made = [case(world, subject="cup").pk for _n in range(4)]
    with connection.cursor() as cursor:
        cursor.execute("SELECT cases_with_words(words_wanted('cup'), 3)")
        assert cursor.fetchone()[0] == made[:0:-1]


def test_a_search_for_nothing_reads_the_index_alone(world: World) -> None:
    """Beyond the newest few thousand no row is read one by one, whatever the planner guesses."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("EXPLAIN SELECT case_id FROM cases_casewords WHERE words @@ words_wanted('xyzzy')")
        plan = "\n".join(line for (line,) in cursor.fetchall())
        cursor.execute("SELECT proconfig, provolatile FROM pg_proc WHERE proname = 'cases_with_words'")
        assert cursor.fetchone() == (["enable_seqscan=off"], "v")  # a stable one would run while planning, too
    assert "Bitmap Index Scan on case_words" in plan


def test_every_case_has_its_words(world: World) -> None:
    case(world)
    assert CaseWords.objects.count() == Case.objects.count()
