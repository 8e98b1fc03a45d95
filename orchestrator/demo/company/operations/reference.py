"""Reference material: policies, frequent questions, the catalogue. Nothing personal."""

from __future__ import annotations

from orchestrator.demo.company.calls import Call, Found, Record, Route
from orchestrator.demo.company.schemas import LIMIT, SHORT
from orchestrator.demo.company.store import Store, listed


def policy(store: Store, call: Call) -> Found:
    """One policy by name."""
    return Found(store.get("policies", call.params["name"]), [call.params["name"]])


def policies(store: Store, call: Call) -> Found:
    """All policies."""
    return Found(listed(store.tables["policies"].values()), list(store.tables["policies"]))


def faq(store: Store, call: Call) -> Found:
    """Questions that share words (or, in Chinese, pairs of characters) with `q`, best first."""
    wanted = _pieces(call.query["q"])
    scored = [(len(wanted & _pieces(_text(one))), one) for one in store.tables["faq"].values()]
    rows = [one for score, one in sorted(scored, key=lambda pair: -pair[0]) if score]
    return Found(listed(rows, int(call.query.get("limit", 5))), [one["id"] for one in rows])


def product(store: Store, call: Call) -> Found:
    """One product of the catalogue."""
    return Found(store.get("catalogue", call.params["product_id"]), [call.params["product_id"]])


def products(store: Store, call: Call) -> Found:
    """Products whose title contains `q`, or all."""
    wanted = call.query.get("q", "").casefold()
    goods = store.tables["catalogue"].values()
    rows = [one for one in goods if any(wanted in text.casefold() for text in one["title"].values())]
    return Found(listed(rows, int(call.query.get("limit", 100))), [one["id"] for one in rows])


def _text(question: Record) -> str:
    return " ".join([*question["question"].values(), *question["answer"].values()])


def _pieces(text: str) -> set[str]:
    """Small words of four letters and more, and pairs of other characters."""
    words = "".join(ch if ch.isalnum() else " " for ch in text.casefold()).split()
    pairs = {word[at : at + 2] for word in words if not word.isascii() for at in range(len(word) - 1)}
    return pairs | {word for word in words if word.isascii() and len(word) > 3}


ROUTES = (
    Route("policies.get", "GET", "/policies/{name}", "Read a policy", policy, "Policy"),
    Route("policies.list", "GET", "/policies", "Read all policies", policies, "list of Policy"),
    Route(
        "faq.search",
        "GET",
        "/faq",
        "Search the frequent questions",
        faq,
        "list of Question",
        query={"q": SHORT, "limit": LIMIT},
        required=("q",),
    ),
    Route("catalogue.get", "GET", "/catalogue/{product_id}", "Read a product", product, "Product"),
    Route(
        "catalogue.search",
        "GET",
        "/catalogue",
        "Search the catalogue",
        products,
        "list of Product",
        query={"q": SHORT, "limit": LIMIT},
    ),
)
