"""A rule as a sentence that people read, in English and in Traditional Chinese (Hong Kong). Pure.

The words stand beside it (words.py), not in the message catalogues: the sentence is stored with each version
of the rule in both languages at once, and must be the same on every machine that reads it later.
"""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from approvals.rules import RuleSpec
from approvals.words import WORDS, Words
from cases.calendars import duration
from cases.canonical import decimal_text
from cases.conditions import is_reference
from cases.values import UNKNOWN, number
from cases.wording import SIGNS

_DEEPEST = 12


def sentence(
    rule: RuleSpec,
    *,
    titles: Mapping[str, Any],
    language: str = "en",
    currency: str = "HKD",
    kinds: Mapping[str, str] | None = None,
) -> str:
    """Return the rule as one sentence.

    `titles`: what names are called, by kind and name ("team:heads", "fact:refunds_90d", "operation:…",
    "argument:amount", "type:refund", "person:may.lee") or by name alone; a text or one per language.
    `kinds`: of facts and arguments by the same keys ("argument:amount": "money"); a name that ends in
    `amount` is money anyway. An unknown `language` gives English.
    """
    return _Sentence(titles, WORDS.get(language, WORDS["en"]), language, currency, kinds or {}).of(rule)


def boundaries(
    rule: RuleSpec,
    *,
    titles: Mapping[str, Any],
    language: str = "en",
    currency: str = "HKD",
    kinds: Mapping[str, str] | None = None,
) -> list[str]:
    """Return what happens exactly at each limit of the rule ("Exactly HK$300.00: not included.")."""
    writer = _Sentence(titles, WORDS.get(language, WORDS["en"]), language, currency, kinds or {})
    return list(dict.fromkeys(writer.boundaries(rule.condition(), 0)))


class _Sentence:
    def __init__(
        self, titles: Mapping[str, Any], words: Words, language: str, currency: str, kinds: Mapping[str, str]
    ) -> None:
        self.titles, self.words, self.language = titles, words, language
        self.currency, self.kinds = currency, kinds

    def of(self, rule: RuleSpec) -> str:
        scope = self.scope(rule)
        condition = self.tree(rule.condition(), 0, top=True)
        when = self.words.when(scope, condition)
        return self.words.whole(when, self.effect(rule.then))

    # --- when ---

    def scope(self, rule: RuleSpec) -> str:
        operations = [self.quoted(self.title("operation", name)) for name in rule.covered_operations()]
        types = [self.quoted(self.title("type", name)) for name in rule.covered_types()]
        return self.words.scope(self.words.either(operations), self.words.either(types))

    def tree(self, tree: Mapping[str, Any], depth: int, *, top: bool = False) -> str:
        if depth > _DEEPEST or not isinstance(tree, Mapping):
            return self.words.unreadable
        parts = [self.leaf(tree)] if {"fact", "argument", "formula"} & set(tree) else []
        if tree.get("all"):
            parts += [self.tree(part, depth + 1) for part in tree["all"]]
        if tree.get("any"):
            choices = [self.tree(part, depth + 1) for part in tree["any"]]
            parts.append(self.words.group(self.words.either(choices)) if len(choices) > 1 else choices[0])
        if "not" in tree:
            parts.append(self.words.opposite(self.tree(tree["not"], depth + 1)))
        joined = self.words.both(parts)
        return self.words.group(joined) if not top and len(parts) > 1 else joined

    def leaf(self, leaf: Mapping[str, Any]) -> str:
        source = next(side for side in ("fact", "argument", "formula") if side in leaf)
        name = str(leaf[source])
        value = self.right(leaf.get("value"), self.kind(source, name))
        return self.words.compare(self.subject(source, name), str(leaf.get("is")), value)

    def right(self, value: Any, kind: str) -> str:
        if is_reference(value):
            ((source, name),) = value.items()
            return self.subject(source, str(name))
        if isinstance(value, Mapping) and "is" in value:
            return self.words.compare("", str(value["is"]), self.right(value.get("value"), kind)).strip()
        if isinstance(value, list | tuple):
            return self.words.either([self.literal(item, kind) for item in value])
        return self.literal(value, kind)

    def subject(self, source: str, name: str) -> str:
        if source == "formula":
            return self.words.formula(name)
        root = name.split(".")[0].split("[")[0]
        whole = self.find(source, name)
        if whole is not None or root == name:
            common = self.words.arguments.get(name) if source == "argument" else None
            return self.middle(whole or common or self.plain(name))
        inside = self.plain(name[len(root) :].strip("."))
        return self.words.part(self.middle(self.title(source, root)), inside)

    def kind(self, source: str, name: str) -> str:
        known = self.kinds.get(f"{source}:{name}") or self.kinds.get(name)
        if known is None and source != "formula" and name.replace(".", "_").split("_")[-1] == "amount":
            return "money"
        return known or ""

    def literal(self, value: Any, kind: str) -> str:
        if value is None:
            return ""
        if isinstance(value, bool):
            return self.words.yes if value else self.words.no
        if isinstance(value, date):
            return value.isoformat(" ", "minutes") if isinstance(value, datetime) else self.words.day(value)
        amount = number(value)
        if amount is not UNKNOWN and (kind == "money" or not isinstance(value, str)):
            return self.money(amount) if kind == "money" else decimal_text(amount)
        return self.quoted(str(value))

    def boundaries(self, tree: Mapping[str, Any], depth: int) -> list[str]:
        found: list[str] = []
        if depth > _DEEPEST or not isinstance(tree, Mapping):
            return found
        if tree.get("is") in ("more than", "at least", "less than", "at most"):
            source = next((side for side in ("fact", "argument", "formula") if side in tree), "fact")
            shown = self.right(tree.get("value"), self.kind(source, str(tree.get(source))))
            found.append(self.words.boundary(shown, tree["is"] in ("at least", "at most")))
        for part in [*(tree.get("all") or []), *(tree.get("any") or []), tree.get("not") or {}]:
            found += self.boundaries(part, depth + 1)
        return found

    # --- then ---

    def effect(self, then: Mapping[str, Any]) -> str:
        text = self.demand(then)
        if "if_unknown" in then and isinstance(then["if_unknown"], Mapping):
            text += self.words.if_unknown(self.demand(then["if_unknown"]))
        return text

    def demand(self, then: Mapping[str, Any]) -> str:
        if "forbid" in then:
            return self.words.forbid(self.text(then["forbid"]))
        if "stages" in then:
            one_by_one = then.get("order", "one_after_the_other") == "one_after_the_other"
            common = {key: then[key] for key in ("within", "calendar") if key in then}
            steps = [self.ask({**common, **part}) for part in then["stages"]]
            text = self.words.stages(steps, one_by_one, then.get("exclusive", True) is not False)
            return text + self.nobody(then) + self.together(then)
        if isinstance(then.get("standing_approval"), Mapping):
            return self.standing(then["standing_approval"])
        return self.ask(then) + self.nobody(then) + self.together(then)

    def together(self, then: Mapping[str, Any]) -> str:
        cap = then.get("together")
        total = number(cap.get("total")) if isinstance(cap, Mapping) else UNKNOWN
        return self.words.together(self.money(total)) if isinstance(total, Decimal) else ""

    def ask(self, then: Mapping[str, Any]) -> str:
        team = self.middle(self.title("team", str(then["ask"]))) if then.get("ask") else self.words.lead
        return self.words.ask(team, int(then.get("people") or 1), self.within(then))

    def within(self, then: Mapping[str, Any]) -> str:
        if not then.get("within"):
            return ""
        length = duration(str(then["within"]))
        hours, rest = divmod(length.seconds, 3600)
        minutes, seconds = divmod(rest, 60)
        parts = ((length.working_days, "day"), (hours, "hour"), (minutes, "minute"), (seconds, "second"))
        return self.words.length([(n, unit) for n, unit in parts if n], bool(then.get("calendar")))

    def nobody(self, then: Mapping[str, Any]) -> str:
        other = then.get("if_nobody")
        if not isinstance(other, Mapping) or not other.get("pass_to"):
            return ""
        team = self.middle(self.title("team", str(other["pass_to"])))
        calendar = {"calendar": then.get("calendar")} if then.get("calendar") else {}
        return self.words.nobody(team, self.within({**calendar, **other}))

    def standing(self, then: Mapping[str, Any]) -> str:
        caps = [
            self.words.cap(name, self.money(amount) if name != "per_day" else decimal_text(amount))
            for name in ("up_to", "per_day", "total_per_day", "total")
            if (amount := number(then.get(name))) is not UNKNOWN
        ]
        if then.get("until"):
            until = then["until"]
            try:
                until = self.words.day(until if isinstance(until, date) else date.fromisoformat(str(until)))
            except ValueError:
                until = str(until)
            caps.append(self.words.cap("until", until))
        return self.words.standing(self.title("person", str(then.get("by", ""))), caps)

    # --- words of the map ---

    def find(self, source: str, name: str) -> str | None:
        found = self.titles.get(f"{source}:{name}", self.titles.get(name))
        return self.text(found) if found else None

    def title(self, source: str, name: str) -> str:
        found = self.find(source, name)
        return found if found is not None else name if source == "person" else self.plain(name)

    def text(self, given: Any) -> str:
        if isinstance(given, Mapping):
            return str(given.get(self.language) or given.get("en") or next(iter(given.values()), ""))
        return str(given)

    def plain(self, name: str) -> str:
        return name.replace("_", " ").replace("-", " ").replace(".", " ")

    def middle(self, title: str) -> str:
        """A title in the middle of a sentence: without its capital, but for words like VIP."""
        return title[:1].lower() + title[1:] if title[1:2].islower() else title

    def quoted(self, text: str) -> str:
        return self.words.quoted(text)

    def money(self, amount: Decimal) -> str:
        sign = SIGNS.get(self.currency, f"{self.currency} ")
        return f"{'-' if amount < 0 else ''}{sign}{abs(amount):,.2f}"
