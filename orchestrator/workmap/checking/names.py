"""Which names formulas and texts stand on. Pure."""

from typing import Any

from cases import formulas, placeholders
from orchestrator.workmap.checking.book import root


def names_in_formula(text: object) -> set[str]:
    """The first names a formula uses; nothing for one that cannot be read (its own check says so)."""
    try:
        return {root(name) for name in formulas.names(str(text))}
    except ValueError:
        return set()


def roots_in(thing: Any) -> set[str]:
    """The first names of the placeholders in a text, list or dict."""
    return {root(name) for name in placeholders.names(thing)}
