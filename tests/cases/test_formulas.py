"""Formulas: right, or unknown; never null taken for an answer, never Python, never long (F06, A10)."""

from datetime import UTC, date, datetime
from decimal import Decimal
from time import thread_time
from zoneinfo import ZoneInfo

import pytest

from cases.formulas import check, evaluate, lacking, names, roots
from cases.values import UNKNOWN
from tests.guarantees import guarantee

HK = ZoneInfo("Asia/Hong_Kong")
NOW = datetime(2026, 11, 22, 3, tzinfo=UTC)  # 11:00 on the 22nd in Hong Kong
VALUES: dict[str, object] = {
    "order": {
        "total": 480.0, "written": "480.00", "promised_on": "2026-11-18", "ordered_at": "2026-11-20 23:30",
        "status": "late", "nothing": None, "tags": ["a", "b"],
        "payments": [{"id": 1, "by": {"card": "visa"}, "paid": True}, {"id": 2, "paid": False}],
    },
    "items": [{"price": 1.1, "count": 2}, {"price": 2.2, "count": 1}],
    "customer": {"tier": "gold"}, "tables": {"days_free": {"gold": 30, "silver": 14}},
    "argument": {"amount": 300},
    "tenth": Decimal("0.1"), "fifth": Decimal("0.2"), "big": 2**63, "empty": [], "flag": True,
    "unlooked": UNKNOWN,
    "junk": "hello", "nested": [[1, 2], [3]], "ids": [2**60, 1], "fine": Decimal("0.12345678901234567890"),
}  # fmt: skip


def work_out(text: str, **more: object) -> object:
    return evaluate(text, {**VALUES, **more}, now=NOW, zone=HK)


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("order.total", 480.0), ("order.total > 300", True), ("order.total / 3 > 159", True), ("big", 2**63),
        ("tenth + fifth == 0.3", True), ("tenth + fifth", Decimal("0.3")), ("0.1 + 0.2", Decimal("0.3")),
        ("map(order.payments as p, p.id)", [1, 2]), ("map(order.payments, #.id)", [1, 2]),
        ("map(order.payments as order, order.id)", [1, 2]), ("order['status']", "late"),
        ("order.payments[1].id", 2),
        ("filter(items as i, i.count > 1)[0].price", Decimal("1.1")),
        ("len(filter(items as i, i.count > 9))", 0),
        ("sum(map(items as i, i.price * i.count))", Decimal("4.4")), ("all(items as i, i.price > 1)", True),
        ("some(empty, # > 1)", False), ("map(nested as n, map(n as m, m * 2))", [[2, 4], [6]]),
        ("tables.days_free[customer.tier]", 30), ("customer.tier in ['gold', 'silver']", True),
        ("customer.tier not in ['silver']", True), ("argument.amount in [1..300]", True),
        ("contains(order.tags, 'a')", True),
        ("flag ? order.total : 0", 480), ("flag and order.total > 1", True),
        ("not flag or order.total == 480", True),
        ("`Tier ${customer.tier}`", "Tier gold"), ("-2 ^ 2", 4), ("2 ^ 3 ^ 2", 512), ("1 + 2 * 3 - 4 % 3", 6),
        ("argument.amount * 1000000000000000000", 300 * 10**18), ("round(1.235 * 100) / 100",
        Decimal("1.24")), ("{a: order.total, 'b c': [1]}", {"a": 480, "b c": [1]}),
        ("today", date(2026, 11, 22)), ("now", NOW), ("number(order.written) == 480", True),
        ("len(empty) > 0 and 1 / len(empty) > 0", False), ("flag ? 1 : 1 / 0", 1), ("nested[0][0:0]", [1]),
        ("count(order.payments as p, p.paid)", 1), ("flatMap(nested, #)", [1, 2, 3]),
        ("startsWith(junk, 'he')", True),
    ],
)  # fmt: skip
def test_it_works_out(text: str, result: object) -> None:
    got = work_out(text)
    assert got == result
    assert isinstance(got, bool) == isinstance(result, bool)


@pytest.mark.parametrize(
    "text",
    [
        # a path that is not there, null or unknown
        "order.missing != 'x'", "order.nothing != 'x'", "order.nothing == null", "order.nothing ?? 5",
        "missing != 1",
        "unlooked != 1", "unlooked == 1 or true", "flag or order.missing == 1", "flag ? 1 : order.missing",
        "order.total.deep != 1", "order.payments[5].id != 1", "order['missing'] != 1",
        "order.payments[-1].id",
        "tables.days_free[order.status] != 5", "tables.days_free[order.missing] != 5",
        "not (order.missing == 1)",
        # in an item
        "map(order.payments as p, p.by.card)", "filter(order.payments as p, p.by.card != 'visa')",
        "none(order.payments as p, p.by.card == 'x')", "map(order.payments, #.by.card)",
        "len(map(order.payments as p, p.by))",
        "map(nested as n, map(n as m, m.deep))", "all(order.payments as p, p.paid or p.by.card == 'visa')",
        "`${order.missing}`", "{a: order.missing}", "[order.missing]", "map(items as i, order.missing)",
        # worked out to null
        "null", "1 / 0 != 5", "flag ? null : 1", "(flag ? null : 1) != 2",
        "filter(items as i, i.count > 9)[0].price != 3",
        "5 % 0 != 1", "map(items as i, 1 / (i.count - 2) != 5)", "max(empty) != 3", "items[2].price != 1",
        # unlike things
        "order.written == 480", "order.written != 480", "order.written > 480",
        "argument.amount in [300, '500']",
        "argument.amount not in ['300']", "order.tags == order.tags", "order.tags != order.tags",
        "items[0] != items[1]",
        "contains(order.tags, 1)", "flag == 'true'", "flag != 'true'", "d(junk) != d(now)", "d(junk)",
        "customer.tier + 1",
        "d(order.promised_on) != order.promised_on", "d(order.promised_on).add('junk')", "junk ? 1 : 2",
        # numbers that zen cannot hold exactly
        "big > 300", "ids[0] != 5", "map(ids as i, i)", "fine != 1", "9^9^9^9",
        # no formula at all
        "", "   ", "order.total >", "a b", "rand(5) >= 0", "order.total = 5", "$root", "$", "#",
        "days(today)",
        "map(items as i, days(today - i.price))", "map([1..3], #)", "date('now') > 0", "x" * 3_000,
        "(" * 500, "1; 2",
        "__import__('os')", "order.__class__.__mro__", "().__class__", "eval('1')", "open('/etc/passwd')",
        "junk.format(order)", "order.total.__add__(1)", "{{order}}", "'unclosed", "`${`",
        "[" * 300 + "]" * 300,
    ],
)  # fmt: skip
def test_it_is_unknown_where_it_cannot_be_told(text: str) -> None:
    assert work_out(text) is UNKNOWN


def test_it_keeps_28_digits_and_makes_whole_numbers_whole() -> None:
    assert work_out("1 / 3") == Decimal("0.3333333333333333333333333333")
    got = work_out("order.total / 2")
    assert got == 240
    assert type(got) is int


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("days(today - order.promised_on)", 4), ("days(order.promised_on - today)", -4),
        ("days(now - order.promised_on)", Decimal("4.458333333333")),  # from midnight in Hong Kong
        ("days(now - order.ordered_at)", Decimal("1.479166666667")),  # a time without a zone is the company's
        ("days(d(order.promised_on).add(2, 'day') - order.promised_on)", 2),
        ("days(now - today)", Decimal("0.458333333333")),
    ],
)  # fmt: skip
def test_it_counts_days_unrounded(text: str, days: object) -> None:
    assert work_out(text) == days
    assert work_out(f"{text} > {days} - 0.001") is True
    assert work_out(f"round({text}) == round({days})") is True


def test_it_does_not_know_days_from_what_is_no_date() -> None:
    for bad in ("order.missing", "order.nothing", "junk", "order.total", "order.tags", "unlooked"):
        assert work_out(f"days(today - {bad})") is UNKNOWN
        assert work_out(f"days({bad} - today) != 5") is UNKNOWN


def test_a_time_outside_the_years_there_are_makes_it_unknown() -> None:
    last = datetime(9999, 12, 31, 23, tzinfo=UTC)  # in Hong Kong it is the year 10000
    for first, formula in (("0001-01-01", "days(now - x)"), (date.min, "days(x - now)"), (last, "x > now")):
        assert work_out(formula, x=first) is UNKNOWN
    assert work_out("days(x - today) > 0", x="9999-12-31") is True


def test_it_reads_a_date_in_the_companys_zone_and_never_this_machines_clock() -> None:
    assert work_out("d(order.promised_on)") == "2026-11-18T00:00:00+08:00"
    assert work_out("d(order.promised_on).add(3, 'day') < d(now)") is True
    assert work_out("d().year() == 2026 and d().month() == 11 and d().day() == 22") is True


def test_it_says_which_names_it_uses() -> None:
    assert names("map(order.payments as p, p.id)") == {"order", "order.payments", "order.payments[*].id"}
    assert names("days(today - order.promised_on) > tables.late[customer.tier]") == {
        "today", "order", "order.promised_on", "tables", "tables.late", "customer", "customer.tier",
    }  # fmt: skip
    assert names("filter(items as i, i.a == 1)[0].b") == {"items", "items[*].a"}
    assert names("`${a.b}` + c['d']") == {"a", "a.b", "c", "c.d"}
    assert roots("a.b > c and map(d, #.e) == 1") == {"a", "c", "d"}
    assert roots("a b") == set()
    with pytest.raises(ValueError, match=r"."):
        names("a b")


def test_it_says_what_it_lacks() -> None:
    assert lacking("order.missing > 1 and unlooked and flag and days(today - now) > 1", VALUES) == (
        "order",
        "unlooked",
    )


DECLARED = {"order", "customer", "tables", "tables.days_free", "argument", "argument.amount", "today"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("ordr.total > 1", "did you mean “order”"), ("tables.days_fre.x", "did you mean “tables.days_free”"),
        ("argument.total", "argument.total"), ("order.total >", "too early"), ("order total", "“total”"),
        ("days(order.x)", "one difference"), ("map(order.x as p, days(p - today))", "inside map"),
        ("rand(3)", "rand"),
        ("max(1, 2)", "number of arguments"), ("map([1..3], #)", "interval"), ("x" * 2_001, "2,000"), ("",
        "empty"),
        ("map(order.a, map(order.a, map(order.a, map(order.a, #))))", "too deeply"), ("d('now')",
        "without quotes"),
        ("order.x.run()", "run"), ("map(order.a as in, 1)", "no name"), ("map(order.a as p, q.id)", "“q”"),
    ],
)  # fmt: skip
def test_it_says_what_is_wrong_with_a_formula(text: str, words: str) -> None:
    problems = check(text, DECLARED)
    assert problems
    assert words in problems[0]


@pytest.mark.parametrize(
    "text",
    ["order.total", "map(order.payments as p, p.id)", "days(today - order.promised_on) > 3",
    "tables.days_free[customer.tier]",
     "argument.amount > 300", "d(order.x).diff(d(today), 'day')", "filter(order.a, #.b == 'c')[0].d",
     "1 in (0..2]"],
)  # fmt: skip
def test_it_accepts_a_sound_formula(text: str) -> None:
    assert check(text, DECLARED) == []


LONG: dict[str, object] = {"a": list(range(3_000)), "s": "a" * 300_000, "m": {"x": ["y" * 100] * 2_000}}


@guarantee("F06", ci=1)
@pytest.mark.parametrize(
    "text",
    [
        "map(a, map(a, map(a, #)))", "sum(map(a, sum(map(a, #))))", "fuzzyMatch(s, s)",
        "matches(s, '(a+)+$')",
        "map(split(s, ''), map(split(s, ''), #))", "map(a, s)", "flatMap(a, a)", "map(a, a)", "[a, a, a]",
        "len(flatMap(a, split(s, '')))",
        "some(a, matches(s, 'b'))", "map(a, fuzzyMatch(s, 'x'))", "map(m.x, map(m.x, #))", "s + s == s",
        "+".join(["s"] * 600), "map(map(map(a, s + s) as x, x + x) as y, y + y)", "9 ^ 9 ^ 9",
        "len(split(s, ''))",
    ],
)  # fmt: skip
def test_it_ends_in_bounded_time(text: str) -> None:
    before = thread_time()
    evaluate(text, LONG, now=NOW, zone=HK)
    assert thread_time() - before < 0.5  # 100 ms on a quiet machine


def test_the_pieces_of_a_split_text_are_counted() -> None:
    assert evaluate("len(split(s, ','))", {"s": "a," * 25_000}, now=NOW, zone=HK) == 25_001
    assert evaluate("[len(split(s, ',')), len(split(s, ','))]", LONG, now=NOW, zone=HK) is UNKNOWN


@guarantee("F06", ci=1)
def test_it_does_not_take_values_apart_that_python_owns() -> None:
    class Trap:
        secret = 5

        def __getattr__(self, name: str) -> int:
            raise AssertionError(name)

    assert evaluate("trap.secret", {"trap": Trap()}, now=NOW, zone=HK) is UNKNOWN
    assert evaluate("trap != 5", {"trap": Trap()}, now=NOW, zone=HK) is UNKNOWN
