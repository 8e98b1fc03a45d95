"""The fixed records that stories and tests rely on. The same for every seed; dates count from today.

| who | order | the story |
|---|---|---|
| C-1001 Chan Tai Man, gold | 88213 | HK$480.00, 9 days late, first refund: a support manager decides |
| C-1002 Emily Wong | 88240 | on its way, promised in 3 days: a plain status enquiry, in English |
| C-1003 李嘉欣, silver | 88251 | HK$240.00, 10 days late, no refund yet: a small first refund, in Chinese |
| C-1004 Peter Lam | 88262 | HK$180.00, 8 days late; had a refund 30 days ago (order 87120): a repeat refund |
| C-1005 Mandy Cheung | 70115 | HK$350.00, ordered 400 days ago: too old for a refund |
| C-1006 何家豪 | 88274 | the courier could not find the address |
| C-1007 Susan Ng | 88285 | the payment failed |
| C-1008 黃志明 | 88296 | three complaints on record, 3 days late |
| C-1009 Rachel Tse | 88307 | delivered yesterday says the courier: to be traced |
| C-1010 楊子健 | 88318 | on its way, promised in 2 days: a plain status enquiry, in Chinese |
| C-1011 Vivian Kwok, gold | 88329 | HK$2,600.00, 12 days late: high risk |
| C-1012 Kelvin Mak, silver | 88330 | HK$620.00, 3 days late: a voucher for the delay |
| C-1013 Fiona Tang | 88341 | HK$300.00, 8 days late, no refund yet: exactly at the limit |
| C-1014 Raymond Siu | 88352 | HK$410.00, delivered on time: a refund has no ground |
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Member:
    """One customer of the stories and their order. Days count from today: `promised` -9 was nine days
    ago; `refunded` is how many days ago an older order of theirs was refunded. Money in HKD."""

    id: str
    name: str
    name_en: str
    language: str
    tier: str
    mail: str
    phone: str
    order: str
    total: float
    status: str
    ordered: int
    promised: int
    delivered: int | None = None
    refunded: int | None = None
    complaints: int = 0


CHAN = Member(
    "C-1001",
    "Chan Tai Man",
    "Chan Tai Man",
    "en",
    "gold",
    "tai.man.chan@example.com",
    "+85291234567",
    "88213",
    480.0,
    "in_transit",
    -14,
    -9,
)
EMILY = Member(
    "C-1002",
    "Emily Wong",
    "Emily Wong",
    "en",
    "none",
    "emily.wong@example.com",
    "+85291230002",
    "88240",
    318.0,
    "in_transit",
    -2,
    3,
)
KA_YAN = Member(
    "C-1003",
    "李嘉欣",
    "Lee Ka Yan",
    "zh-hant",
    "silver",
    "kayan.lee@example.com",
    "+85291230003",
    "88251",
    240.0,
    "in_transit",
    -15,
    -10,
)
PETER = Member(
    "C-1004",
    "Peter Lam",
    "Peter Lam",
    "en",
    "none",
    "peter.lam@example.com",
    "+85291230004",
    "88262",
    180.0,
    "in_transit",
    -13,
    -8,
    refunded=30,
)
MANDY = Member(
    "C-1005",
    "Mandy Cheung",
    "Mandy Cheung",
    "en",
    "silver",
    "mandy.cheung@example.com",
    "+85291230005",
    "70115",
    350.0,
    "delivered",
    -400,
    -395,
    delivered=-396,
)
KA_HO = Member(
    "C-1006",
    "何家豪",
    "Ho Ka Ho",
    "zh-hant",
    "none",
    "kaho.ho@example.com",
    "+85291230006",
    "88274",
    268.0,
    "address_problem",
    -4,
    1,
)
SUSAN = Member(
    "C-1007",
    "Susan Ng",
    "Susan Ng",
    "en",
    "none",
    "susan.ng@example.com",
    "+85291230007",
    "88285",
    599.0,
    "payment_failed",
    -1,
    5,
)
CHI_MING = Member(
    "C-1008",
    "黃志明",
    "Wong Chi Ming",
    "zh-hant",
    "gold",
    "chiming.wong@example.com",
    "+85291230008",
    "88296",
    720.0,
    "in_transit",
    -9,
    -3,
    complaints=3,
)
RACHEL = Member(
    "C-1009",
    "Rachel Tse",
    "Rachel Tse",
    "en",
    "none",
    "rachel.tse@example.com",
    "+85291230009",
    "88307",
    155.0,
    "delivered",
    -5,
    -1,
    delivered=-1,
)
TSZ_KIN = Member(
    "C-1010",
    "楊子健",
    "Yeung Tsz Kin",
    "zh-hant",
    "none",
    "tszkin.yeung@example.com",
    "+85291230010",
    "88318",
    198.0,
    "in_transit",
    -3,
    2,
)
VIVIAN = Member(
    "C-1011",
    "Vivian Kwok",
    "Vivian Kwok",
    "en",
    "gold",
    "vivian.kwok@example.com",
    "+85291230011",
    "88329",
    2600.0,
    "in_transit",
    -17,
    -12,
)
KELVIN = Member(
    "C-1012",
    "Kelvin Mak",
    "Kelvin Mak",
    "en",
    "silver",
    "kelvin.mak@example.com",
    "+85291230012",
    "88330",
    620.0,
    "in_transit",
    -8,
    -3,
)
FIONA = Member(
    "C-1013",
    "Fiona Tang",
    "Fiona Tang",
    "en",
    "none",
    "fiona.tang@example.com",
    "+85291230013",
    "88341",
    300.0,
    "in_transit",
    -13,
    -8,
)
RAYMOND = Member(
    "C-1014",
    "Raymond Siu",
    "Raymond Siu",
    "en",
    "none",
    "raymond.siu@example.com",
    "+85291230014",
    "88352",
    410.0,
    "delivered",
    -12,
    -6,
    delivered=-7,
)

CAST = (
    CHAN,
    EMILY,
    KA_YAN,
    PETER,
    MANDY,
    KA_HO,
    SUSAN,
    CHI_MING,
    RACHEL,
    TSZ_KIN,
    VIVIAN,
    KELVIN,
    FIONA,
    RAYMOND,
)
PETERS_OLD_ORDER = "87120"


def payment_of(order: str) -> str:
    """The payment id of an order: the seed gives every order exactly one payment."""
    return f"P-{order}"


def waybill_of(order: str) -> str:
    """The waybill of an order that left the warehouse or waits there."""
    return f"SF{int(order):010d}"
