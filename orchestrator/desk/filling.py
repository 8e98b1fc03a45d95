"""Fills one form of a page in again with what was entered before. Pure: HTML in, HTML out.

Done on the finished page, so that it works for every form of every template alike, and without scripts. Hidden fields
stay as the new page has them, and nothing is ever put into a password field.
"""

from collections.abc import Mapping, Sequence
from html import unescape
from html.parser import HTMLParser
from urllib.parse import urlsplit

from django.utils.html import escape

LEFT_ALONE = {"hidden", "password", "file", "submit", "button", "reset", "image", "checkbox", "radio"}
Attributes = list[tuple[str, str | None]]


def filled(page: str, action: str, fields: Mapping[str, Sequence[str]]) -> str | None:
    """The page with the first form that posts to `action` filled with `fields`; None if it has no such form."""
    filler = _Filler(action, fields)
    filler.feed(page)
    filler.close()
    return "".join(filler.out) if filler.found else None


class _Filler(HTMLParser):
    def __init__(self, action: str, fields: Mapping[str, Sequence[str]]) -> None:
        super().__init__(convert_charrefs=False)
        self.action = action
        self.left = {name: list(values) for name, values in fields.items()}
        self.out: list[str] = []
        self.found = False
        self.inside = False
        self.folds: list[int] = []  # where the `details` that are open now begin
        self.text: str | None = None  # what stands in the textarea that is open now
        self.choice: str | None = None  # the name of the select that is open now
        self.option: tuple[int, Attributes] | None = None

    def handle_starttag(self, tag: str, attrs: Attributes) -> None:
        said, raw = dict(attrs), self.get_starttag_text() or ""
        if tag == "details":
            self.folds.append(len(self.out))
        if tag == "form" and not self.found and (said.get("method") or "").lower() == "post":
            self.found = self.inside = urlsplit(said.get("action") or "").path == self.action
        if self.inside and tag in ("input", "textarea", "select", "option"):
            raw = self._field(tag, attrs, raw)
        self.out.append(raw)

    def _field(self, tag: str, attrs: Attributes, raw: str) -> str:
        said = dict(attrs)
        name, kind = said.get("name") or "", (said.get("type") or "text").lower()
        if tag == "option":
            self.option = (len(self.out), attrs) if self.choice in self.left else None
        elif tag == "select":
            self.choice = name
        elif tag == "textarea" and self.left.get(name):
            self.text = self.left[name].pop(0)
            self._unfold()
        elif tag == "input" and (
            kind == "checkbox" or (kind == "radio" and name in self.left)
        ):  # an empty box says nothing
            return self._marked(tag, attrs, raw, "checked", (said.get("value") or "on") in self.left.get(name, ()))
        elif tag == "input" and kind not in LEFT_ALONE and self.left.get(name):
            value = self.left[name].pop(0)
            if value != (said.get("value") or ""):
                self._unfold()
            return _tag(tag, [pair for pair in attrs if pair[0] != "value"] + [("value", value)])
        return raw

    def _marked(self, tag: str, attrs: Attributes, raw: str, mark: str, on: bool) -> str:
        if on == (mark in dict(attrs)):
            return raw
        self._unfold()
        return _tag(tag, [pair for pair in attrs if pair[0] != mark] + ([(mark, None)] if on else []))

    def _unfold(self) -> None:
        """Show what was entered: every fold around it opens."""
        for at in self.folds:
            if not self.out[at].endswith(" open>"):
                self.out[at] = f"{self.out[at][:-1]} open>"

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea" and self.text is not None:
            self.out.append(f"\n{escape(self.text)}")  # a browser drops the first line end
            self.text = None
        if tag == "option" and self.option is not None:
            at, attrs = self.option
            said = "".join(self.out[at + 1 :]).strip()
            value = dict(attrs).get("value")
            on = (value if value is not None else unescape(said)) in self.left[self.choice or ""]
            self.out[at], self.option = self._marked("option", attrs, self.out[at], "selected", on), None
        if tag == "select":
            self.choice = None
        if tag == "details" and self.folds:
            self.folds.pop()
        if tag == "form":
            self.inside = False
        self.out.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        if self.text is None:
            self.out.append(data)

    def handle_entityref(self, name: str) -> None:
        self.handle_data(f"&{name};")

    def handle_charref(self, name: str) -> None:
        self.handle_data(f"&#{name};")

    def handle_comment(self, data: str) -> None:
        self.out.append(f"<!--{data}-->")

    def handle_decl(self, decl: str) -> None:
        self.out.append(f"<!{decl}>")


def _tag(tag: str, attrs: Attributes) -> str:
    said = (f" {name}" if value is None else f' {name}="{escape(value)}"' for name, value in attrs)
    return f"<{tag}{''.join(said)}>"
