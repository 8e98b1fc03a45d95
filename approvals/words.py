"""The words of rule sentences, one class per language, with the same methods. No rule logic here."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Protocol


class Words(Protocol):
    """What a language must be able to say."""

    yes: str
    no: str
    lead: str
    unreadable: str
    arguments: Mapping[str, str]
    """What common arguments are called, where the map gives them no title."""

    def whole(self, when: str, effect: str) -> str: ...
    def scope(self, operations: str, types: str) -> str: ...
    def when(self, scope: str, condition: str) -> str: ...
    def both(self, parts: Sequence[str]) -> str: ...
    def either(self, parts: Sequence[str]) -> str: ...
    def opposite(self, part: str) -> str: ...
    def group(self, part: str) -> str: ...
    def compare(self, subject: str, comparison: str, value: str) -> str: ...
    def boundary(self, value: str, included: bool) -> str: ...
    def formula(self, text: str) -> str: ...
    def part(self, title: str, path: str) -> str: ...
    def quoted(self, text: str) -> str: ...
    def day(self, day: date) -> str: ...
    def length(self, parts: Sequence[tuple[int, str]], working: bool) -> str: ...
    def ask(self, team: str, people: int, within: str) -> str: ...
    def nobody(self, team: str, within: str) -> str: ...
    def stages(self, steps: Sequence[str], one_by_one: bool, exclusive: bool) -> str: ...
    def together(self, total: str) -> str: ...
    def forbid(self, reason: str) -> str: ...
    def if_unknown(self, effect: str) -> str: ...
    def standing(self, by: str, caps: Sequence[str]) -> str: ...
    def cap(self, name: str, value: str) -> str: ...


_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class English:
    """Plain English: lower case inside the sentence, limits that say on which side they fall."""

    yes, no = "yes", "no"
    lead, unreadable = "the lead team of the request type", "something that cannot be read"
    arguments: Mapping[str, str] = {}
    _compare = {
        "is": "is {}",
        "is not": "is not {}",
        "more than": "is over {}",
        "at least": "is {} or more",
        "less than": "is under {}",
        "at most": "is {} or less",
        "one of": "is {}",
        "none of": "is not {}",
        "contains": "contains {}",
        "starts with": "starts with {}",
        "ends with": "ends with {}",
        "known": "is known",
        "unknown": "is not known",
        "any of them": "has at least one that {}",
        "all of them": "has only ones that {}",
    }
    _caps = {
        "up_to": "up to {} each",
        "per_day": "{} a day",
        "total_per_day": "{} a day in total",
        "total": "{} in all",
        "until": "until {}",
    }

    def whole(self, when: str, effect: str) -> str:
        return f"{when}, {effect}."

    def scope(self, operations: str, types: str) -> str:
        what = f"{operations} is to be done" if operations else "anything controlled is to be done"
        return f"{what} in {types}" if types else what

    def when(self, scope: str, condition: str) -> str:
        return f"When {scope} and {condition}" if condition else f"Whenever {scope}"

    def both(self, parts: Sequence[str]) -> str:
        return " and ".join(parts)

    def either(self, parts: Sequence[str]) -> str:
        return " or ".join(parts)

    def opposite(self, part: str) -> str:
        return f"it is not so that {self.group(part)}" if part else "never"

    def group(self, part: str) -> str:
        return f"({part})"

    def compare(self, subject: str, comparison: str, value: str) -> str:
        if comparison in ("any of them", "all of them") and not value.startswith(
            ("is ", "contains ", "starts ", "ends ")
        ):
            value = f"is {value}"
        if comparison == "none of" and " or " in value:
            return f"{subject} is none of {value.replace(' or ', ', ')}"
        return f"{subject} {self._compare.get(comparison, comparison + ' {}').format(value)}"

    def boundary(self, value: str, included: bool) -> str:
        return f"Exactly {value}: {'included' if included else 'not included'}."

    def formula(self, text: str) -> str:
        return f"the result of “{text}”"

    def part(self, title: str, path: str) -> str:
        return f"{path} of {title}"

    def quoted(self, text: str) -> str:
        return f"“{text}”"

    def day(self, day: date) -> str:
        return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"

    def length(self, parts: Sequence[tuple[int, str]], working: bool) -> str:
        kind = "working " if working else ""
        return " ".join(f"{n} {kind}{unit}{'' if n == 1 else 's'}" for n, unit in parts)

    def ask(self, team: str, people: int, within: str) -> str:
        who = team if people == 1 else f"{people} people of {team}"
        return f"ask {who}" + (f" within {within}" if within else "")

    def nobody(self, team: str, within: str) -> str:
        return f"; if nobody answers, pass to {team}" + (f" within {within}" if within else "")

    def stages(self, steps: Sequence[str], one_by_one: bool, exclusive: bool) -> str:
        text = ", then ".join(steps) if one_by_one else ", and at the same time ".join(steps)
        return text + (" (nobody may answer twice)" if exclusive else " (one person may answer for more than one)")

    def together(self, total: str) -> str:
        return f" (several decided together: at most {total} in total)"

    def forbid(self, reason: str) -> str:
        return f"it is forbidden ({reason})" if reason else "it is forbidden"

    def if_unknown(self, effect: str) -> str:
        return f"; if something needed is not known, {effect}"

    def standing(self, by: str, caps: Sequence[str]) -> str:
        text = f"it is pre-approved by {by}"
        return text + (f" ({', '.join(caps)})" if caps else "")

    def cap(self, name: str, value: str) -> str:
        return self._caps[name].format(value)


class Chinese:
    """Traditional Chinese as written in Hong Kong."""

    yes, no, lead, unreadable = "「是」", "「否」", "該類請求的主管團隊", "未能讀取的條件"
    arguments: Mapping[str, str] = {
        "address": "地址",
        "amount": "金額",
        "comment": "意見",
        "customer_id": "客戶編號",
        "order_number": "訂單編號",
        "payment_id": "付款編號",
        "priority": "優先次序",
        "reason": "原因",
        "status": "狀態",
        "subject": "主題",
        "team": "團隊",
        "text": "文字",
        "to": "收件人",
    }
    _compare = {
        "is": "是{}",
        "is not": "不是{}",
        "more than": "超過 {}",
        "at least": "達 {} 或以上",
        "less than": "少於 {}",
        "at most": "為 {} 或以下",
        "one of": "是{}其中之一",
        "none of": "不是{}任何一項",
        "contains": "包含{}",
        "starts with": "以{}開頭",
        "ends with": "以{}結尾",
        "known": "為已知",
        "unknown": "為未知",
        "any of them": "至少有一項{}",
        "all of them": "每一項都{}",
    }
    _caps = {
        "up_to": "每次最多 {}",
        "per_day": "每日 {} 次",
        "total_per_day": "每日合共 {}",
        "total": "總額 {}",
        "until": "至 {}",
    }
    _units = {"day": "日", "hour": "小時", "minute": "分鐘", "second": "秒"}
    _working = {"day": "個工作日", "hour": "個工作小時", "minute": "個工作分鐘", "second": "個工作秒"}

    def whole(self, when: str, effect: str) -> str:
        return f"{when}，{effect}。"

    def scope(self, operations: str, types: str) -> str:
        what = f"進行{operations}" if operations else "進行任何受控操作"
        return f"在{types}中{what}" if types else what

    def when(self, scope: str, condition: str) -> str:
        return f"{scope}時，如{condition}" if condition else f"凡{scope}"

    def both(self, parts: Sequence[str]) -> str:
        return "，而且".join(parts)

    def either(self, parts: Sequence[str]) -> str:
        return "或".join(parts)

    def opposite(self, part: str) -> str:
        return f"並非{self.group(part)}"

    def group(self, part: str) -> str:
        return f"（{part}）"

    def compare(self, subject: str, comparison: str, value: str) -> str:
        starts = ("是", "不是", "超過", "達", "少於", "為", "包含", "以")
        if comparison in ("any of them", "all of them") and not value.startswith(starts):
            value = f"是{value}"
        return subject + self._compare.get(comparison, comparison + " {}").format(value)

    def boundary(self, value: str, included: bool) -> str:
        return f"剛好 {value}：{'包括在內' if included else '不包括在內'}。"

    def formula(self, text: str) -> str:
        return f"「{text}」的結果"

    def part(self, title: str, path: str) -> str:
        return f"{title}的 {path} "

    def quoted(self, text: str) -> str:
        return f"「{text}」"

    def day(self, day: date) -> str:
        return f"{day.year} 年 {day.month} 月 {day.day} 日"

    def length(self, parts: Sequence[tuple[int, str]], working: bool) -> str:
        units = self._working if working else self._units
        return " ".join(f"{n} {units[unit]}" for n, unit in parts)

    def ask(self, team: str, people: int, within: str) -> str:
        who = team if people == 1 else f"{team}其中 {people} 人"
        return f"須於 {within}內由{who}批核" if within else f"須由{who}批核"

    def nobody(self, team: str, within: str) -> str:
        return f"；如無人回覆，上報{team}" + (f"（{within}內）" if within else "")

    def stages(self, steps: Sequence[str], one_by_one: bool, exclusive: bool) -> str:
        text = "，然後".join(steps) if one_by_one else "，同時".join(steps)
        return text + ("（同一人不可回覆兩次）" if exclusive else "（同一人可回覆多於一次）")

    def together(self, total: str) -> str:
        return f"（一併批核時合共最多 {total}）"

    def forbid(self, reason: str) -> str:
        return f"禁止進行（{reason}）" if reason else "禁止進行"

    def if_unknown(self, effect: str) -> str:
        return f"；如所需資料未知，{effect}"

    def standing(self, by: str, caps: Sequence[str]) -> str:
        return f"已由{by}預先批准" + (f"（{'，'.join(caps)}）" if caps else "")

    def cap(self, name: str, value: str) -> str:
        return self._caps[name].format(value)


WORDS: dict[str, Words] = {"en": English(), "zh-hant": Chinese()}
