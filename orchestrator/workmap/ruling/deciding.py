"""Which of the verdicts on a proposal's options decides, as `agents.proposing.store` has it when it is real. Pure.

A suggested option that needs nobody goes by itself; else the strictest option that may be chosen says who is asked.
"""

from collections.abc import Sequence
from dataclasses import replace

from approvals.rules import Verdict, strictness


def deciding(options: Sequence[Verdict], suggested: int | None, lead: Verdict) -> Verdict:
    """The verdict that decides, with what the rules made of every option; `won` is only what decides.

    `options`: in the order they were offered, `reject` first. `suggested`: which of them is, if any. `lead`: that the
    lead team is asked; the verdict itself on an option without writes.
    """
    n = _place(options, suggested, lead)
    chosen = options[n]
    if chosen.kind in ("standing", "nothing") and n != suggested:  # nothing goes that was not suggested
        chosen = lead
    results = [
        result if place == n else replace(result, won=False)
        for place, option in enumerate(options)
        for result in option.results
    ]
    lacked = dict.fromkeys(name for option in options for name in option.lacked)
    return replace(chosen, results=tuple(results), lacked=tuple(lacked))


def _place(options: Sequence[Verdict], suggested: int | None, lead: Verdict) -> int:
    if suggested is not None and options[suggested].kind in ("standing", "nothing"):
        return suggested
    allowed = [n for n, option in enumerate(options) if option.kind != "forbid"]
    if not any(allowed):  # all but rejecting is forbidden
        return suggested or len(options) - 1
    asking = [n for n in allowed if options[n].kind == "ask" and options[n] is not lead]  # whoever decides may reject
    return max(asking or allowed, key=lambda n: (strictness(options[n]), n == suggested))
