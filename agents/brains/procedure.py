"""The `procedure` brain: a readable recipe on the record. Works with no model and no key.

A recipe may be done again from the top after a crash or a wait: reads are repeated, writes and proposals are found
again by their place in the recipe.
"""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from agents.brains.base import Done, Result, ToolFailed, Tools
from agents.configuration import StepConfig
from agents.judge import Option
from agents.proposing import named
from cases import placeholders
from cases.plainly import plain
from cases.values import UNKNOWN


class Missing(Exception):
    """The recipe needs a value that is not known; the step ends as missing data."""

    def __init__(self, names: list[str]) -> None:
        super().__init__(", ".join(names))
        self.names = names


class Procedure:
    """Follows the recipe of a step, line by line."""

    kind = "procedure"

    def work(self, step: StepConfig, tools: Tools) -> Result:
        assert step.work is not None  # noqa: S101  # human steps have no brain
        run = _Recipe(tools)
        try:
            for place, line in enumerate(step.work.procedure):
                ended = run.do(line, str(place))
                if ended is not None:
                    return run.result(ended)
        except Missing as missing:
            return run.result(Result("missing", missing=missing.names))
        except ToolFailed as failed:
            return run.result(Result("failed", why=failed.why))
        return run.result(Result("done"))


class _Recipe:
    """One time through a recipe: the values so far, the options so far, the draft."""

    def __init__(self, tools: Tools) -> None:
        self.tools = tools
        self.values: dict[str, Any] = {**tools.names(), **tools.visible_facts()}
        self.own: dict[str, Any] = {}
        self.options: list[Option] = []
        self.draft = ""
        self.option = ""
        self.outcome = ""

    def result(self, result: Result) -> Result:
        result.values = {**(plain(self.own) if self.own else {}), **({"draft": self.draft} if self.draft else {})}
        result.draft = self.draft
        result.option = result.option or self.option
        result.outcome = result.outcome or self.outcome
        return result

    def do(self, line: Mapping[str, Any], place: str) -> Result | None:
        """One line. A result ends the step; None goes on."""
        for kind in ("read", "work_out", "missing", "option", "write", "draft", "propose"):
            if kind in line:
                ended: Result | None = getattr(self, f"_{kind}")(line, place)
                return ended
        return Result("failed", why=_("The recipe has a line that nobody understands."))

    # ------------------------------------------------------------------ the lines

    def _read(self, line: Mapping[str, Any], place: str) -> None:
        answer = self.tools.read(str(line["read"]), self._fill(line.get("with", {})))
        if "as" in line:
            self._keep(str(line["as"]), answer)

    def _work_out(self, line: Mapping[str, Any], place: str) -> None:
        value = self.tools.evaluate(str(line["formula"]), self.values)
        if value is UNKNOWN:
            raise Missing([str(line["work_out"])])
        self._keep(str(line["work_out"]), value)

    def _missing(self, line: Mapping[str, Any], place: str) -> Result | None:
        facts = line["missing"] if isinstance(line["missing"], list) else [line["missing"]]
        unknown = [str(f) for f in facts if not self.tools.known(str(f))]
        if not unknown:
            return None
        if "ask" not in line:
            raise Missing(unknown)
        text, lacking = self.tools.text(str(line["ask"]), self.values)
        if lacking:
            raise Missing(sorted({*unknown, *lacking}))
        done = self.tools.reply(text, place=place)
        if not done.ended:
            return self._waits(done)
        return Result("missing", missing=unknown, asked=done.worked)

    def _option(self, line: Mapping[str, Any], place: str) -> None:
        """An option is offered when its condition holds; one that cannot be told is not offered."""
        if "when" in line and self.tools.evaluate(str(line["when"]), self.values) is not True:
            return
        suggested = (
            "suggest_when" in line and self.tools.evaluate(str(line["suggest_when"]), self.values) is True
        ) and not any(o.suggested for o in self.options)
        writes = [
            self.tools.option_write(
                str(w["operation"]), self._fill(w.get("with", {})), name=str(w.get("name") or w["operation"])
            )
            for w in line.get("writes", [])
        ]
        title = line.get("title") or line["option"]
        self.options.append(
            Option(str(line["option"]), self._title(title), named(writes), suggested=suggested, draft=self.draft)
        )

    def _title(self, title: Any) -> Any:
        """A title may show values: `Full refund, HK${order_total}`."""
        if isinstance(title, Mapping):
            return {language: self._title(text) for language, text in title.items()}
        filled, _missing = placeholders.fill(str(title), self.values)
        return str(filled)

    def _write(self, line: Mapping[str, Any], place: str) -> Result | None:
        name = str(line["write"])
        done = self.tools.write(name, self._fill(line.get("with", {})), place=place, name=str(line.get("as", "")))
        if not done.ended:
            return self._waits(done)
        if not done.worked:
            return Result("failed", why=done.why or _("%(name)s was not done.") % {"name": name}, outcome=done.state)
        if "as" in line:
            self._keep(str(line["as"]), done.result)
        return None

    def _draft(self, line: Mapping[str, Any], place: str) -> None:
        text, lacking = self.tools.text(str(line["draft"]), self.values)
        if lacking:
            raise Missing(sorted(lacking))
        self.draft = text
        self.values["draft"] = text

    def _propose(self, line: Mapping[str, Any], place: str) -> Result | None:
        wanted = [str(name) for name in line["propose"]]
        options = [o for o in self.options if o.name in wanted]
        if not [o for o in options if o.name != "reject"]:
            raise Missing([_("an option that fits")])
        done = self.tools.propose(options, place=place)
        if not done.ended:
            return self._waits(done)
        self.option, self.outcome = done.option, done.state
        self.values["option"] = done.option
        if not done.worked:
            return Result("failed", why=done.why, outcome=done.state, option=done.option)
        return None

    # ------------------------------------------------------------------ helpers of the lines

    def _waits(self, done: Done) -> Result:
        return Result("waiting", waiting_on=done.proposal.pk if done.proposal else None)

    def _keep(self, name: str, value: Any) -> None:
        self.values[name] = value
        self.own[name] = value

    def _fill(self, thing: Any) -> Any:
        filled, missing = placeholders.fill(thing, self.values)
        if missing:
            raise Missing(sorted(missing))
        return filled
