"""Checks of the steps of a request type, and of the recipe each agent follows in one. Pure."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from orchestrator.workmap.checking.book import OWN_NAMES, Book, circle
from orchestrator.workmap.problems import Path, cut
from orchestrator.workmap.records import Record, title_of


def check(book: Book, at: Path, type_: Record) -> None:
    """`at` leads to the type."""
    steps = type_.get("steps", [])
    names = {str(step["name"]) for step in steps}
    book.unique((*at, "steps"), title_of("step"), steps)
    for index, step in enumerate(steps):
        where = (*at, "steps", index)
        _who(book, where, step)
        for number, name in enumerate(step.get("after", [])):
            if name not in names:
                book.missing((*where, "after", number), title_of("step"), name, names)
        for number, name in enumerate(step.get("operations", [])):
            book.refer((*where, "operations", number), "operation", name)
        facts = {str(fact["name"]) for fact in type_.get("facts", [])}
        tables = {f"tables.{name}" for name in type_.get("tables", {})}
        if step.get("when"):
            book.conditions((*where, "when"), step["when"], facts, tables | {"request", "steps"})
        _Recipe(book, type_, step, facts, tables).check((*where, "procedure"))
    around = circle({str(step["name"]): step.get("after", []) for step in steps})
    if around:
        place = next(i for i, step in enumerate(steps) if step["name"] == around[0])
        words = _("steps wait for one another in a circle: %(names)s") % {"names": " → ".join(around)}
        book.says((*at, "steps", place, "after"), words)


def worked_out(type_: Mapping[str, Any]) -> set[str]:
    """Every name that some recipe of the type gives to something it read or worked out."""
    found = {"draft"}
    for step in type_.get("steps", []):
        for one in step.get("procedure", []):
            found |= {str(one[key]) for key in ("as", "work_out") if isinstance(one.get(key), str)}
    return found


def _who(book: Book, at: Path, step: Record) -> None:
    if ("agent" in step) == ("team" in step):
        text = _("step `%(name)s` needs either `agent` or `team`")
        book.says(at, text % {"name": step["name"]})
    book.refer((*at, "agent"), "agent", step.get("agent"))
    book.refer((*at, "team"), "team", step.get("team"))
    if "team" in step and (step.get("procedure") or "operations" in step):
        text = _("step `%(name)s` is done by people, so it has no procedure and no operations")
        book.says(at, text % {"name": step["name"]})
    agent = book.get("agent", step.get("agent"))
    if agent and agent.get("brain", {}).get("kind") == "outside" and step.get("procedure"):
        text = _("agent `%(name)s` is an outside one and follows no procedure")
        book.says((*at, "procedure"), text % {"name": step["agent"]})


class _Recipe:
    """One procedure, instruction by instruction, with the names that are known so far."""

    def __init__(self, book: Book, type_: Record, step: Record, facts: set[str], tables: set[str]) -> None:
        self.book, self.step, self.facts, self.tables = book, step, facts, tables
        self.templates = {str(template["name"]) for template in type_.get("templates", [])}
        self.known = facts | {"request", "steps", "templates"}
        self.options: set[str] = set()

    def check(self, at: Path) -> None:
        for index, one in enumerate(self.step.get("procedure", [])):
            kind = next(k for k in ("read", "work_out", "missing", "option", "write", "draft", "propose") if k in one)
            getattr(self, f"_{kind}")((*at, index), one)

    def _learn(self, at: Path, name: str | None) -> None:
        if name is None:
            return
        if name in OWN_NAMES or name in self.facts:
            text = _("`%(name)s` is a name of its own or a fact, and cannot be given again")
            self.book.says(at, text % {"name": name})
        self.known.add(name)

    def _operation(self, at: Path, name: str) -> bool:
        """Whether the operation is there and the step may use it."""
        if not self.book.refer(at, "operation", name):
            return False
        narrowed = self.step.get("operations")
        if narrowed is not None and name not in narrowed:
            text = _("step `%(step)s` uses operation `%(name)s`, which its `operations` leave out")
            self.book.says(at, text % {"step": self.step["name"], "name": name})
        return True

    def _call(self, at: Path, key: str, one: Mapping[str, Any], *, write: bool) -> None:
        name = one[key]
        if self._operation((*at, key), name):
            (self.book.is_write if write else self.book.is_read)((*at, key), name)
            self.book.given((*at, "with"), name, one.get("with", {}))
        self.book.fill_ins((*at, "with"), one.get("with", {}), self.known)

    def _read(self, at: Path, one: Mapping[str, Any]) -> None:
        self._call(at, "read", one, write=False)
        self._learn((*at, "as"), one.get("as"))

    def _work_out(self, at: Path, one: Mapping[str, Any]) -> None:
        self.book.formula((*at, "formula"), one["formula"], self.known | self.tables)
        self._learn((*at, "work_out"), one["work_out"])

    def _missing(self, at: Path, one: Mapping[str, Any]) -> None:
        for index, name in enumerate(one["missing"]):
            if name not in self.facts:
                self.book.missing((*at, "missing", index), title_of("fact"), name, self.facts)
        self._template((*at, "ask"), one["ask"])
        company = self.book.get("company", "")
        if company is not None and "reply" not in company:
            self.book.says((*at, "ask"), _("asking needs `company.reply`"))

    def _template(self, at: Path, name: str) -> None:
        if name not in self.templates:
            self.book.missing(at, title_of("template"), name, self.templates)

    def _option(self, at: Path, one: Mapping[str, Any]) -> None:
        if one["option"] in self.options:
            self.book.says((*at, "option"), _("option `%(name)s` is said twice") % {"name": cut(one["option"])})
        self.options.add(one["option"])
        for key in ("when", "suggest_when"):
            if key in one:
                self.book.formula((*at, key), one[key], self.known | self.tables)
        writes = one.get("writes", [])
        self.book.unique((*at, "writes"), _("write"), [write for write in writes if "name" in write])
        for index, write in enumerate(writes):
            # An option may use the draft that the recipe makes after it: it is carried out when that is there.
            known, self.known = self.known, self.known | {"draft"}
            self._call((*at, "writes", index), "operation", write, write=True)
            self.known = known

    def _write(self, at: Path, one: Mapping[str, Any]) -> None:
        self._call(at, "write", one, write=True)
        record = self.book.get("operation", one["write"])
        if record is not None and record.get("level", "controlled") == "controlled":
            text = _("operation `%(name)s` is at level controlled: it belongs in an option that is proposed")
            self.book.says((*at, "write"), text % {"name": one["write"]})
        self._learn((*at, "as"), one.get("as"))

    def _draft(self, at: Path, one: Mapping[str, Any]) -> None:
        self._template((*at, "draft"), one["draft"])
        self.known.add("draft")

    def _propose(self, at: Path, one: Mapping[str, Any]) -> None:
        for index, name in enumerate(one["propose"]):
            if name not in self.options and name != "reject":
                self.book.missing((*at, "propose", index), _("option"), name, self.options)
