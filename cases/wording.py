"""How money, times, names and values are written for a person. Pure: the clock and the zone are handed in.

Pages, mails and the story all use these, so that one thing reads the same everywhere.
"""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta, tzinfo
from decimal import Decimal, InvalidOperation
from typing import Any

from django.utils import formats, translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from cases.plain_sight import visible
from cases.texts import here

SIGNS = {
    "HKD": "HK$",
    "USD": "US$",
    "TWD": "NT$",
    "SGD": "S$",
    "CNY": "RMB¥",
    "JPY": "JP¥",
    "EUR": "€",
    "GBP": "£",
}
CJK = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]")
POINTS = re.compile(r"[…，。；：、（）「」]")
BRIEF = 6  # fields of a record
LONGEST = 400  # characters of one value in a list; the whole value stands in the raw data


def money(amount: Any, currency: str = "HKD") -> str:
    """`HK$1,480.00`: always with the currency and two places. What is no amount comes back as it is."""
    try:
        number = Decimal(str(amount))
    except InvalidOperation:
        return str(amount)
    if not number.is_finite():
        return str(amount)
    sign = SIGNS.get(currency, f"{currency} ")
    return f"{'-' if number < 0 else ''}{sign}{abs(number):,.2f}"


def clock(at: datetime, zone: tzinfo) -> str:
    """`10:42` in the company's zone."""
    return at.astimezone(zone).strftime("%H:%M")


def moment(at: datetime, now: datetime, zone: tzinfo) -> str:
    """`today 10:42`, `yesterday 10:42`, `14 Sep 10:42`, `14 Sep 2025 10:42`."""
    local, today = at.astimezone(zone), now.astimezone(zone).date()
    time = local.strftime("%H:%M")
    if local.date() == today:
        return _("today %(time)s") % {"time": time}
    if local.date() == today - timedelta(days=1):
        return _("yesterday %(time)s") % {"time": time}
    if local.date() == today + timedelta(days=1):
        return _("tomorrow %(time)s") % {"time": time}
    return f"{day(at, now, zone)} {time}"


def day(at: datetime, now: datetime, zone: tzinfo) -> str:
    """`14 September` or `14 September 2025`, in the language of the page."""
    local = at.astimezone(zone)
    with_year = local.year != now.astimezone(zone).year
    if (translation.get_language() or "en").startswith("zh"):
        return f"{local.year} 年 " * with_year + f"{local.month} 月 {local.day} 日"
    return formats.date_format(local.date(), "j M Y" if with_year else "j M", use_l10n=False)


def long_day(at: datetime, zone: tzinfo) -> str:
    """`Sunday 22 November`."""
    local = at.astimezone(zone)
    if (translation.get_language() or "en").startswith("zh"):
        return f"{local.month} 月 {local.day} 日 " + formats.date_format(local.date(), "l", use_l10n=False)
    return formats.date_format(local.date(), "l j F", use_l10n=False)


def span(seconds: float) -> str:
    """`48 min`, `2 h`, `2 h 30 min`, `3 days`, `40 s`: rounded down, two parts at most."""
    whole = int(seconds)
    if whole < 60:
        return _("%(n)s s") % {"n": whole}
    if whole < 3600:
        return _("%(n)s min") % {"n": whole // 60}
    if whole < 86_400:
        hours, minutes = whole // 3600, whole % 3600 // 60
        if minutes and hours < 4:
            return _("%(h)s h %(m)s min") % {"h": hours, "m": minutes}
        return _("%(n)s h") % {"n": hours}
    days = whole // 86_400
    return ngettext("%(n)s day", "%(n)s days", days) % {"n": days}


def time_left(due: datetime, now: datetime, zone: tzinfo) -> str:
    """`Due in 48 min (11:30)`, `Overdue by 5 min`, `Due today 18:00`, `Due 25 Nov 09:00`."""
    left = (due - now).total_seconds()
    if left < 0:
        return _("Overdue by %(span)s") % {"span": span(-left)}
    if left < 3 * 3600:
        return _("Due in %(span)s (%(time)s)") % {"span": span(left), "time": clock(due, zone)}
    return _("Due %(moment)s") % {"moment": moment(due, now, zone)}


def urgency(due: datetime | None, now: datetime, zone: tzinfo) -> str:
    """`overdue`, `hour`, `today` or `later`: how lists are grouped and tags coloured."""
    if due is None:
        return "later"
    if due < now:
        return "overdue"
    if due < now + timedelta(hours=1):
        return "hour"
    return "today" if due.astimezone(zone).date() == now.astimezone(zone).date() else "later"


def name_of(label: str) -> str:
    """`May Lee (may.lee)` is written `May Lee`; what the control layer did is named so in every language."""
    if label == "control layer":
        return _("control layer")
    if label.startswith("requester of "):
        return _("the requester")
    return label.split(" (", 1)[0]


def value(thing: Any, currency: str = "HKD", kind: str = "", *, whole: bool = False) -> str:
    """One value as words: yes, no, lists with commas, records as `name: value`; signs that cannot be seen are named.

    `kind` is that of a fact: money is written as an amount, of a record only what tells one from another is shown.
    `whole`: however long it is.
    """
    if thing is None or thing == "":
        return _("not known")
    if isinstance(thing, bool):
        return _("yes") if thing else _("no")
    if kind == "money":
        return (
            money(thing.get("amount"), thing.get("currency", currency))
            if isinstance(thing, Mapping)
            else money(thing, currency)
        )
    if kind == "record" and isinstance(thing, Mapping):
        if thing and all(inner == [] for inner in thing.values()):
            return _("nothing found")  # the answer of a search
        return _cut(_plain(_brief(thing)))
    return _plain(thing) if whole else _cut(_plain(thing))


def pairs(record: Any) -> list[tuple[str, str]]:
    """The fields of a record that hold something, each with its whole value in words; [] for what is no record."""
    if not isinstance(record, Mapping):
        return []
    return [
        (field(visible(str(name))), value(inner, whole=True))
        for name, inner in record.items()
        if inner not in (None, "", [], {})
    ]


def _plain(thing: Any) -> str:
    if isinstance(thing, bool):
        return _("yes") if thing else _("no")
    if isinstance(thing, Mapping):
        if set(thing) <= {"en", "zh-hant"} and thing:
            return here(dict(thing))
        return " · ".join(
            f"{field(visible(str(key)))}: {_plain(inner)}" for key, inner in thing.items() if inner not in (None, "")
        )
    if isinstance(thing, (list, tuple)):
        return ", ".join(_plain(inner) for inner in thing)
    return visible(str(thing))


def source(name: str) -> str:
    """Where a fact came from when it was no system: the kind of its source in words."""
    kinds = {
        "form": _("staff form"),
        "message": _("message"),
        "formula": _("worked out"),
        "history": _("our own record"),
        "match": _("text of the write"),
    }
    return str(kinds.get(name, name))


def _brief(record: Mapping[str, Any]) -> dict[str, Any]:
    """Its first plain fields, without version and times of change; of a record of lists, how long they are."""
    noise = ("version", "updated_at")
    plain = {k: v for k, v in record.items() if not isinstance(v, (Mapping, list)) and k not in noise}
    lists = {k: len(v) for k, v in record.items() if isinstance(v, list)}
    return dict(list((plain or lists).items())[:BRIEF])


def field(name: str) -> str:
    """`promised_on` is read as `promised on`."""
    return name.replace("_", " ")


def argument(name: str) -> str:
    """The name of an argument on a page: common ones in the language of the page, others as `field` reads them."""
    plain = field(name)
    return str(_common().get(plain, plain))


def _common() -> dict[str, str]:
    return {
        "address": _("address"),
        "amount": _("amount"),
        "comment": _("comment"),
        "customer id": _("customer id"),
        "order number": _("order number"),
        "payment id": _("payment id"),
        "priority": _("priority"),
        "reason": _("reason"),
        "status": _("status"),
        "subject": _("subject"),
        "team": _("team"),
        "text": _("text"),
        "to": pgettext("an argument: to whom", "to"),
    }


def _cut(text: str) -> str:
    if len(text) <= LONGEST:
        return text
    return _("%(start)s… (%(n)s characters; the whole text is in the raw data)") % {
        "start": text[:LONGEST],
        "n": len(text),
    }


def words(text: str) -> int:
    """Words of a text; two Chinese characters count as one, a sign that stands alone as none."""
    chinese = len(CJK.findall(text))
    others = POINTS.sub(" ", CJK.sub(" ", text)).split()
    return sum(any(map(str.isalnum, one)) for one in others) + (chinese + 1) // 2
