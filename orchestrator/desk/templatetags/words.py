"""Filters and tags that write times, money and states in words. What they say comes from `cases.wording`."""

from datetime import datetime
from typing import Any

from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from cases import texts, wording
from cases.plain_sight import visible

register = template.Library()


def _parsed(at: datetime | str | None) -> datetime | None:
    if isinstance(at, str):
        try:
            at = datetime.fromisoformat(at)
        except ValueError:
            return None
    if at is not None and timezone.is_naive(at):
        return timezone.make_aware(at)
    return at


@register.filter
def said(text: Any) -> str:
    """A text of the map in the language of the page."""
    return texts.here(text)


@register.filter
def money(amount: Any, currency: str = "HKD") -> str:
    return wording.money(amount, currency or "HKD")


@register.filter
def whole_value(thing: Any) -> str:
    return wording.value(thing, whole=True)


@register.filter
def pairs(record: Any) -> list[tuple[str, str]]:
    return wording.pairs(record)


@register.filter
def at(found: Any, name: str) -> Any:
    """What stands in `found` under `name`; nothing where there is none."""
    return found.get(name, "") if isinstance(found, dict) else ""


@register.filter
def plain_sight(text: Any) -> str:
    """The text with signs that cannot be seen, or that pose as others, named."""
    return visible(str(text or ""))


@register.filter
def name_of(label: Any) -> str:
    return wording.name_of(str(label or ""))


@register.filter
def field_name(name: str) -> str:
    return wording.field(name)


@register.filter
def percent(share: float | None) -> str:
    return "" if share is None else f"{round(share * 100)}%"


@register.filter
def moment(at: datetime | str | None) -> SafeString | str:
    """`today 10:42` in a `<time>` that holds the exact time."""
    parsed = _parsed(at)
    if parsed is None:
        return ""
    zone = timezone.get_current_timezone()
    exact = parsed.astimezone(zone)
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        exact.isoformat(timespec="seconds"),
        exact.strftime("%Y-%m-%d %H:%M:%S"),
        wording.moment(parsed, timezone.now(), zone),
    )


@register.filter
def clock(at: datetime | str | None, seconds: str = "") -> SafeString | str:
    """`10:42`, or with seconds `10:43:30`."""
    parsed = _parsed(at)
    if parsed is None:
        return ""
    local = parsed.astimezone(timezone.get_current_timezone())
    shown = local.strftime("%H:%M:%S" if seconds else "%H:%M")
    return format_html('<time datetime="{}">{}</time>', local.isoformat(timespec="seconds"), shown)


@register.filter
def long_day(at: datetime) -> str:
    return wording.long_day(at, timezone.get_current_timezone())


TAG_OF_URGENCY = {"overdue": "danger", "hour": "warn", "today": "", "later": ""}


@register.simple_tag
def due_tag(due: datetime | None) -> SafeString | str:
    """`◷ Due in 48 min (11:30)`; red only when overdue."""
    if due is None:
        return ""
    zone, now = timezone.get_current_timezone(), timezone.now()
    return format_html(
        '<span class="tag {}"><span aria-hidden="true">◷</span> {}</span>',
        TAG_OF_URGENCY[wording.urgency(due, now, zone)],
        wording.time_left(due, now, zone),
    )


@register.simple_tag
def risk_tag(risk: str) -> SafeString | str:
    words = {"low": _("Low risk"), "medium": _("Medium risk"), "high": _("High risk")}
    signs = {"low": "▽", "medium": "▲", "high": "▲▲"}
    if risk not in words:
        return ""
    colour = "" if risk == "low" else "warn"
    return format_html(
        '<span class="tag {}"><span aria-hidden="true">{}</span> {}</span>', colour, signs[risk], words[risk]
    )


WRITE_TAGS = {
    "waiting": ("", "◷"),
    "held": ("info", "◷"),
    "permitted": ("info", "◷"),
    "reserved": ("info", "◷"),
    "written": ("ok", "✓"),
    "differs": ("danger", "≠"),
    "failed": ("danger", "✗"),
    "unknown": ("warn", "?"),
    "rejected": ("", "–"),
    "forbidden": ("danger", "✗"),
    "withdrawn": ("", "–"),
    "expired": ("", "–"),
}


@register.simple_tag
def state_tag(state: str, words: str) -> SafeString:
    """The state of a write or a proposal: sign, colour and word together."""
    colour, sign = WRITE_TAGS.get(state, ("", "•"))
    return format_html('<span class="tag {}"><span aria-hidden="true">{}</span> {}</span>', colour, sign, words)


@register.simple_tag(takes_context=True)
def query_with(context: dict[str, Any], **changes: Any) -> str:
    """The page's own query string with some values changed; an empty value leaves the name out."""
    query = context["request"].GET.copy()
    for name, new in changes.items():
        if new in (None, ""):
            query.pop(name, None)
        else:
            query[name] = str(new)
    return f"?{query.urlencode()}"
