"""What one reads when an argument does not fit its schema: one sentence per keyword of a schema. Pure."""

from typing import Any

from django.utils.translation import gettext as _

from agents.connectors.base import visible


def sentence(where: str, keyword: str, wanted: Any) -> str:
    """The sentence for the argument at `where`, which does not have what `keyword: wanted` asks for."""
    if keyword == "type":
        kinds = _kinds()
        wanted = _(" or ").join(kinds.get(one, one) for one in ([wanted] if isinstance(wanted, str) else wanted))
    elif keyword in {"enum", "const"}:
        wanted = ", ".join(str(one) for one in (wanted if keyword == "enum" else [wanted]))
    sentences = _sentences()
    return sentences.get(keyword, sentences[""]) % {"where": where, "wanted": visible(wanted, 200)}


def _kinds() -> dict[str, str]:
    return {
        "string": _("text"),
        "number": _("a number"),
        "integer": _("a whole number"),
        "boolean": _("true or false"),
        "array": _("a list"),
        "object": _("an object"),
        "null": _("empty"),
    }


def _sentences() -> dict[str, str]:
    return {
        "": _("%(where)s does not fit what this operation takes."),
        "required": _("%(where)s is missing."),
        "additionalProperties": _("%(where)s is not an argument of this operation."),
        "type": _("%(where)s must be %(wanted)s."),
        "enum": _("%(where)s must be one of: %(wanted)s."),
        "const": _("%(where)s must be %(wanted)s."),
        "minimum": _("%(where)s must be at least %(wanted)s."),
        "maximum": _("%(where)s must be at most %(wanted)s."),
        "exclusiveMinimum": _("%(where)s must be more than %(wanted)s."),
        "exclusiveMaximum": _("%(where)s must be less than %(wanted)s."),
        "multipleOf": _("%(where)s must be a multiple of %(wanted)s."),
        "minLength": _("%(where)s must have at least %(wanted)s characters."),
        "maxLength": _("%(where)s must have at most %(wanted)s characters."),
        "minItems": _("%(where)s must have at least %(wanted)s items."),
        "maxItems": _("%(where)s must have at most %(wanted)s items."),
        "uniqueItems": _("%(where)s has the same item twice."),
        "pattern": _("%(where)s does not have the form that is needed (%(wanted)s)."),
        "format": _("%(where)s must be written as %(wanted)s."),
    }
