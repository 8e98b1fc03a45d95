"""What changed on an approval between the page a person saw and now. In the cache alone, and lost with it."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from django.core.cache import cache

from agents.models import Proposal, Write
from approvals import first_answer
from approvals.masks import covered
from approvals.models import Approval
from cases.texts import say
from cases.wording import argument, field, value

KEPT_SECONDS = 86_400
Snapshot = dict[str, Any]


def keep(approval: Approval, writes: Sequence[Write]) -> None:
    """Remember what a page shows, under the fingerprint it shows it with. `writes`: as a first answer fixed them."""
    cache.set(
        _key(approval, first_answer.to_name(approval, approval.first_answer)),
        _snapshot(approval.proposal, writes),
        KEPT_SECONDS,
    )


def changes(
    approval: Approval,
    fingerprint: str,
    writes: Sequence[Write],
    titles: Mapping[str, Any],
    language: str,
    amounts: Collection[str],
) -> list[dict[str, Any]]:
    """What stands there now against what stood there under `fingerprint`: `{what, kind, before, now}` for each.

    `amounts`: names of facts and arguments that hold money.
    """
    before = cache.get(_key(approval, fingerprint)) if fingerprint else None
    if before is None:
        return []
    now = _snapshot(approval.proposal, writes)
    options = {str(option["name"]): option.get("title") for option in approval.proposal.options}
    rows = []
    for key in {**before, **now}:
        if before.get(key) == now.get(key):
            continue
        kind, _dot, rest = key.partition("/")
        if kind == "fact":
            what = say(titles.get(rest), language) or field(rest)
        elif kind == "rule":
            what = rest
        else:
            option, name = rest.split("/", 1)
            what = f"{say(options.get(option), language) or field(option)}: {argument(name.split('/')[-1])}"
        money = "money" if kind != "rule" and key.rpartition("/")[2] in amounts else ""
        rows.append({"what": what, "kind": money, "before": before.get(key), "now": now.get(key)})
    return rows


def in_words(rows: Sequence[Mapping[str, Any]], currency: str) -> list[dict[str, str]]:
    """The same as it is read; what is masked has to be masked before."""
    return [
        {"what": row["what"]} | {side: value(row[side], currency, row["kind"]) for side in ("before", "now")}
        for row in rows
    ]


def _snapshot(proposal: Proposal, writes: Sequence[Write]) -> Snapshot:
    """Arguments, facts and versions of rules, as the page shows them: nothing secret, masked ones masked."""
    found: Snapshot = {}
    for write in writes:
        shown = covered(write.operation, write.proposed if write.decided is None else write.decided)
        found |= {f"write/{write.option}/{write.name}/{name}": inner for name, inner in shown.items()}
    found |= {f"fact/{name}": inner for name, inner in proposal.facts.items()}
    found |= {f"rule/{rule.get('name')}": rule.get("version") for rule in proposal.rules}
    return found


def _key(approval: Approval, fingerprint: str) -> str:
    return f"approvals:shown:{approval.pk}:{fingerprint}"
