"""The first state of the demo company, generated: the same seed and day give the same records, byte for byte.

At least 2,000 customers and 8,000 orders. Order of drawing matters; add new draws at the end of a function.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from functools import lru_cache
from random import Random
from typing import Any

from orchestrator.demo.company import names
from orchestrator.demo.company.calls import Record
from orchestrator.demo.company.cast import CAST, PETERS_OLD_ORDER, Member, payment_of, waybill_of
from orchestrator.demo.company.reference import FAQ, POLICIES, catalogue

CUSTOMERS = 2400
ORDERS = 9000
Tables = dict[str, list[Record]]


@lru_cache(maxsize=2)
def generate(seed: int, today: date) -> Tables:
    """All tables of the first state, dates counted from `today`. Kept for resets: never change one."""
    return _Seed(seed, today).tables


class _Seed:
    """Draws the records; `tables` is the result."""

    def __init__(self, seed: int, today: date) -> None:
        self.random = Random(seed)  # noqa: S311 (invented records, nothing secret)
        self.today = today
        self._days: dict[int, str] = {}
        kinds = ("customers", "orders", "deliveries", "payments", "refunds", "notes")
        self.tables: Tables = {kind: [] for kind in kinds}
        self.payments: dict[str, Record] = {}
        self.tables["catalogue"] = [self._first(one) for one in catalogue()]
        self.tables["policies"] = [self._first(dict(one)) for one in POLICIES]
        self.tables["faq"] = [self._first(dict(one)) for one in FAQ]
        for member in CAST:
            self._member(member)
        people = [self._customer(number) for number in range(2001, 2001 + CUSTOMERS - len(CAST))]
        self._orders(people)
        self._past(people)

    def _day(self, days: int) -> str:
        if days not in self._days:
            self._days[days] = (self.today + timedelta(days=days)).isoformat()
        return self._days[days]

    def _first(self, record: Record, days: int = -30) -> Record:
        return {**record, "version": 1, "updated_at": f"{self._day(days)}T02:00:00.000000Z"}

    # the cast

    def _member(self, who: Member) -> None:
        chinese = who.language == "zh-hant"
        self.tables["customers"].append(
            self._first(
                {
                    "id": who.id,
                    "name": who.name,
                    "name_en": who.name_en,
                    "mail": who.mail,
                    "phone": who.phone,
                    "language": who.language,
                    "tier": who.tier,
                    "since": self._day(-900),
                    "address": self._address(chinese),
                }
            )
        )
        self._order(
            who.order,
            self.tables["customers"][-1],
            who.status,
            who.ordered,
            who.promised,
            who.delivered,
            total=who.total,
        )
        if who.refunded is not None:
            self._order(PETERS_OLD_ORDER, self.tables["customers"][-1], "delivered", -60, -55, -50, total=95.0)
            self._refund(self.tables["orders"][-1], who.refunded, share=1.0)
        for nth in range(who.complaints):
            self._complaint(who.id, names.COMPLAINTS[nth], 20 + 40 * nth)

    # everybody else

    def _customer(self, number: int) -> Record:
        draw = self.random
        surname, given = draw.choice(names.SURNAMES), draw.choice(names.GIVEN)
        chinese = draw.random() < 0.45
        english = f"{draw.choice(names.ENGLISH)} {surname[0]}" if draw.random() < 0.6 else f"{surname[0]} {given[0]}"
        record = self._first(
            {
                "id": f"C-{number}",
                "name": surname[1] + given[1] if chinese else english,
                "name_en": english,
                "mail": f"{english.lower().replace(' ', '.')}.{number}@example.com",
                "phone": f"+852{60000000 + number}",
                "language": "zh-hant" if chinese else "en",
                "tier": draw.choices(["none", "silver", "gold"], [70, 22, 8])[0],
                "since": self._day(-draw.randrange(30, 1800)),
                "address": self._address(chinese),
            }
        )
        self.tables["customers"].append(record)
        return record

    def _orders(self, people: list[Record]) -> None:
        draw = self.random
        for number in _numbers(draw, ORDERS - len(self.tables["orders"])):
            ordered = -draw.randrange(0, 25) if draw.random() < 0.1 else -int(draw.triangular(0, 520, 15))
            promised = ordered + draw.randrange(3, 8)
            status, delivered = self._fate(ordered, promised)
            self._order(number, draw.choice(people), status, ordered, promised, delivered)

    def _fate(self, ordered: int, promised: int) -> tuple[str, int | None]:
        """Status and delivery day of an order by its age; late, misaddressed, unpaid ones are recent."""
        luck = self.random.random()
        if ordered > -20 and luck < 0.03:
            return "payment_failed", None
        if luck < 0.05:
            return "cancelled", None
        if promised < -35 or (promised < 0 and luck > 0.2):
            return "delivered", min(0, promised + self.random.choice([-2, -1, -1, 0, 0, 0, 1, 2, 5, 9]))
        if ordered < -1 and luck < 0.09:
            return "address_problem", None
        return ("placed" if ordered > -1 else "packed" if ordered > -2 else "in_transit"), None

    def _order(
        self,
        number: str,
        who: Record,
        status: str,
        ordered: int,
        promised: int,
        delivered: int | None,
        total: float | None = None,
    ) -> None:
        items = self._items(total)
        amount = round(sum(item["price"] * item["quantity"] for item in items), 2)
        sent = status in ("in_transit", "address_problem", "delivered")
        updated = max(ordered, delivered if delivered is not None else min(0, promised - 1))
        order = self._first(
            {
                "number": number,
                "customer_id": who["id"],
                "status": status,
                "ordered_on": self._day(ordered),
                "promised_on": self._day(promised),
                "delivered_on": None if delivered is None else self._day(delivered),
                "items": items,
                "total": amount,
                "currency": "HKD",
                "address": who["address"],
                "payments": [{"id": payment_of(number)}],
                "waybill": waybill_of(number) if sent else None,
                "notes": [],
            },
            min(0, updated),
        )
        self.tables["orders"].append(order)
        self._payment(order, ordered)
        if sent:
            self._delivery(order, promised)

    def _payment(self, order: Record, ordered: int) -> None:
        failed = order["status"] == "payment_failed"
        payment = self.payments[order["number"]] = self._first(
            {
                "id": payment_of(order["number"]),
                "order_number": order["number"],
                "customer_id": order["customer_id"],
                "amount": order["total"],
                "currency": "HKD",
                "status": "failed" if failed else "paid",
                "method": self.random.choice(["Visa", "Mastercard", "FPS", "AlipayHK"]),
                "card_ending": f"{self.random.randrange(10000):04d}",
                "refunded": 0.0,
                "refundable": 0.0 if failed else order["total"],
                "paid_on": None if failed else order["ordered_on"],
                "failure": self.random.choice(["Card declined", "Bank timed out", "Card expired"]) if failed else None,
            },
            ordered,
        )
        self.tables["payments"].append(payment)

    def _delivery(self, order: Record, promised: int) -> None:
        states = {"delivered": "delivered", "address_problem": "wrong_address"}
        state = states.get(order["status"], "delayed" if promised < 0 else "in_transit")
        place = self.random.choice(names.PLACES)
        last = order["delivered_on"] or self._day(min(0, promised - 1))
        self.tables["deliveries"].append(
            self._first(
                {
                    "waybill": order["waybill"],
                    "order_number": order["number"],
                    "customer_id": order["customer_id"],
                    "status": state,
                    "courier": "Pearl River Express",
                    "address": order["address"],
                    "address_ok": state != "wrong_address",
                    "promised_on": order["promised_on"],
                    "delivered_on": order["delivered_on"],
                    "delay_reason": self.random.choice(names.DELAY_REASONS) if state == "delayed" else None,
                    "last_place": {"en": place[0], "zh": place[1]},
                    "last_seen_on": last,
                },
                min(0, promised),
            )
        )

    def _items(self, total: float | None) -> list[dict[str, Any]]:
        draw, goods = self.random, self.tables["catalogue"]
        if total is not None:
            product = draw.choice(goods)
            return [{"id": product["id"], "title": product["title"], "quantity": 1, "price": total}]
        chosen = draw.sample(goods, draw.choices([1, 2, 3], [6, 3, 1])[0])
        return [
            {
                "id": one["id"],
                "title": one["title"],
                "quantity": draw.choice([1, 1, 1, 2]),
                "price": one["price"],
            }
            for one in chosen
        ]

    def _address(self, chinese: bool) -> str:
        draw = self.random
        street, district = draw.choice(names.STREETS), draw.choice(names.DISTRICTS)
        house, floor = draw.randrange(1, 300), draw.randrange(2, 40)
        if chinese:
            return f"{district[1]}{street[1]}{house}號{floor}樓"
        return f"{floor}/F, {house} {street[0]}, {district[0]}"

    # the past: refunds and complaints

    def _past(self, people: list[Record]) -> None:
        draw = self.random
        delivered: dict[str, list[Record]] = {}
        for order in self.tables["orders"][len(CAST) + 1 :]:
            if order["status"] == "delivered":
                delivered.setdefault(order["customer_id"], []).append(order)
        for owner, orders in list(delivered.items())[:400]:
            repeat = len(orders) >= 2 and draw.random() < 0.4
            for order in orders[: 2 if repeat else 1]:
                self._refund(order, draw.randrange(5, 85) if repeat else draw.randrange(5, 300))
            if repeat and draw.random() < 0.3:
                self._complaint(owner, draw.choice(names.COMPLAINTS), draw.randrange(5, 90))
        for customer in draw.sample(people, 150):
            self._complaint(customer["id"], draw.choice(names.COMPLAINTS), draw.randrange(5, 300))

    def _refund(self, order: Record, days_ago: int, share: float | None = None) -> None:
        payment = self.payments[order["number"]]
        amount = round(payment["amount"] * (share or self.random.choice([0.5, 1.0])), 2)
        payment.update(
            refunded=amount,
            refundable=round(payment["amount"] - amount, 2),
            status="refunded" if amount == payment["amount"] else "partly_refunded",
        )
        at = f"{self._day(-days_ago)}T03:00:00.000000Z"
        number = 500001 + len(self.tables["refunds"])
        self.tables["refunds"].append(
            self._first(
                {
                    "id": f"R-{number}",
                    "payment_id": payment["id"],
                    "order_number": order["number"],
                    "customer_id": order["customer_id"],
                    "amount": amount,
                    "currency": "HKD",
                    "status": "done",
                    "reason": self.random.choice(["Late delivery", "Damaged", "Wrong item"]),
                    "made_at": at,
                    "cancel_until": at,
                },
                -days_ago,
            )
        )

    def _complaint(self, customer_id: str, text: str, days_ago: int) -> None:
        number = 500001 + len(self.tables["notes"])
        self.tables["notes"].append(
            self._first(
                {
                    "id": f"N-{number}",
                    "customer_id": customer_id,
                    "kind": "complaint",
                    "text": text,
                    "order_number": None,
                    "by": "hotline",
                    "at": f"{self._day(-days_ago)}T04:00:00.000000Z",
                },
                -days_ago,
            )
        )


def _numbers(draw: Random, count: int) -> Iterator[str]:
    """Order numbers of 5 to 8 digits, none twice; 70000 to 89999 is kept for the cast."""
    five = draw.sample(range(10000, 70000), int(count * 0.7))
    rest = count - len(five)
    longer = draw.sample(range(100000, 99999999), rest)
    return iter([str(number) for number in [*five, *longer]])
