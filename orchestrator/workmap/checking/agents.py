"""Checks of agents and of what grants give them. Pure."""

from django.utils.translation import gettext as _

from orchestrator.workmap.checking.book import Book
from orchestrator.workmap.problems import Path, cut, nearest
from orchestrator.workmap.records import Record, same, title_of


def check(book: Book) -> None:
    for name, agent in book.of("agent"):
        _agent(book, ("agent", name), agent)
    seen: list[tuple[str, Record]] = []
    for name, grant in book.of("grant"):
        _grant(book, ("grant", name), grant)
        for other, earlier in seen:
            if same(earlier, grant):
                book.says(("grant", name), _("this grant is said twice, as `%(name)s` too") % {"name": other})
        seen.append((name, grant))


def _agent(book: Book, at: Path, agent: Record) -> None:
    book.refer((*at, "owner"), "team", agent.get("owner"))
    brain = agent.get("brain", {})
    if brain.get("kind") == "model" and not brain.get("model"):
        book.says((*at, "brain"), _("a brain of kind `model` needs the key `model`, such as openai:gpt-5"))
    if brain.get("kind", "procedure") != "model":
        for key in sorted(set(brain) & {"model", "instructions", "fall_back", "settings"}):
            text = _("`%(key)s` is only for a brain of kind `model`")
            book.says((*at, "brain", key), text % {"key": key})


def _grant(book: Book, at: Path, grant: Record) -> None:
    book.refer((*at, "agent"), "agent", grant["agent"])
    book.refer((*at, "operation"), "operation", grant["operation"])
    if grant.get("since", "") > grant["until"]:
        book.says((*at, "until"), _("`until` is before `since`"))
    for index, name in enumerate(grant.get("types", [])):
        book.refer((*at, "types", index), "request_type", name)
    for index, path in enumerate(grant.get("fields", [])):
        book.path((*at, "fields", index), path)
    if "fields" in grant:
        # An answer that is a list is filtered item by item, so a path begins with a name (agents/fields.py).
        book.is_read((*at, "fields"), grant["operation"])
    _steps(book, at, grant)


def _steps(book: Book, at: Path, grant: Record) -> None:
    """A step of a grant must be one of its types (of any type, if it names none)."""
    covered = grant.get("types") or sorted(book.names("request_type"))
    types = [book.get("request_type", name) for name in covered]
    if any(type_ is None for type_ in types):
        return
    there = {str(step["name"]) for type_ in types for step in (type_ or {}).get("steps", [])}
    for index, name in enumerate(grant.get("steps", [])):
        if name not in there:
            words = _("%(who)s names %(what)s `%(name)s`, which none of its request types has")
            who = f"{title_of('grant')} `{at[1]}`"
            book.add(
                (*at, "steps", index),
                words % {"who": who, "what": title_of("step"), "name": cut(name)} + nearest(name, there),
            )
