"""A procedure as sentences that a person can read, one an instruction, in the language of the page. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _

from cases.texts import here

LONGEST = 120  # characters of one value


def sentences(procedure: Sequence[Any], titles: Mapping[str, Any] | None = None) -> list[str]:
    """One sentence for each instruction. `titles`: of operations, facts and templates, by name; a text or one per
    language. What cannot be read is said to be so, and never left out."""
    named = titles or {}
    return [_sentence(one, named) if isinstance(one, Mapping) else _unreadable(one) for one in procedure]


def _sentence(one: Mapping[str, Any], titles: Mapping[str, Any]) -> str:
    writers = {
        "read": _read,
        "work_out": _work_out,
        "missing": _missing,
        "option": _option,
        "write": _write,
        "draft": _draft,
        "propose": _propose,
    }
    kind = next((kind for kind in writers if kind in one), None)
    return writers[kind](one, titles) if kind else _unreadable(one)


def _unreadable(one: object) -> str:
    return _("This instruction cannot be read: %(what)s") % {"what": _cut(one)}


def _read(one: Mapping[str, Any], titles: Mapping[str, Any]) -> str:
    values = {"what": _title(one["read"], titles), "with": _with(one), "name": one.get("as", "")}
    if one.get("as"):
        return _("Read “%(what)s”%(with)s, and call it %(name)s.") % values
    return _("Read “%(what)s”%(with)s.") % values


def _work_out(one: Mapping[str, Any], titles: Mapping[str, Any]) -> str:
    return _("Work out %(name)s: %(formula)s.") % {"name": one["work_out"], "formula": _cut(one.get("formula", ""))}


def _missing(one: Mapping[str, Any], titles: Mapping[str, Any]) -> str:
    facts = _or(_title(name, titles) for name in _list(one["missing"]))
    text = _("If %(facts)s is not known, ask the requester with the template “%(template)s”.")
    return text % {"facts": facts, "template": _title(one.get("ask", ""), titles)}


def _option(one: Mapping[str, Any], titles: Mapping[str, Any]) -> str:
    name = here(one.get("title")) or str(one["option"])
    writes = [
        f"“{_title(write.get('operation', ''), titles)}”{_with(write)}"
        for write in _list(one.get("writes"))
        if isinstance(write, Mapping)
    ]
    parts = [_("Option “%(name)s”") % {"name": name}]
    if one.get("when"):
        parts.append(_("offered only if %(formula)s") % {"formula": _cut(one["when"])})
    if one.get("suggest_when"):
        parts.append(_("suggested if %(formula)s") % {"formula": _cut(one["suggest_when"])})
    done = _("it would write %(writes)s") % {"writes": _("; then ").join(writes)} if writes else _("it writes nothing")
    return _(", ").join([*parts, done]) + _(".")


def _write(one: Mapping[str, Any], titles: Mapping[str, Any]) -> str:
    values = {"what": _title(one["write"], titles), "with": _with(one), "name": one.get("as", "")}
    if one.get("as"):
        return _("Write “%(what)s”%(with)s at once, and call the answer %(name)s.") % values
    return _("Write “%(what)s”%(with)s at once.") % values


def _draft(one: Mapping[str, Any], titles: Mapping[str, Any]) -> str:
    return _("Draft a text from the template “%(template)s”.") % {"template": _title(one["draft"], titles)}


def _propose(one: Mapping[str, Any], titles: Mapping[str, Any]) -> str:
    options = _or(str(name) for name in _list(one["propose"]))
    return _("Propose %(options)s, and wait until that has ended.") % {"options": options}


def _with(one: Mapping[str, Any]) -> str:
    given = one.get("with")
    if not isinstance(given, Mapping) or not given:
        return ""
    pairs = ", ".join(f"{name.replace('_', ' ')} = {_cut(value)}" for name, value in given.items())
    return _(" with %(arguments)s") % {"arguments": pairs}


def _title(name: object, titles: Mapping[str, Any]) -> str:
    return here(titles.get(str(name))) or str(name)


def _or(names: Iterable[str]) -> str:
    listed = list(names)
    if len(listed) < 2:
        return "".join(listed)
    return _("%(first)s or %(last)s") % {"first": ", ".join(listed[:-1]), "last": listed[-1]}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _cut(value: object) -> str:
    text = " ".join(str(value).split())
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
