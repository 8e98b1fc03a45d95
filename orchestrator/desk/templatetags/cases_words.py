"""Filters that say where a case is and why. What they say comes from `cases.story`."""

from typing import Any

from django import template

from cases import story
from cases.models import Case

register = template.Library()


@register.filter
def where(case: Case) -> str:
    return story.where(case)


@register.filter
def why_here(why: Any) -> str:
    return story.why_here(why) if isinstance(why, dict) else ""


@register.filter
def outcome(code: str) -> str:
    return story.outcome(code)
