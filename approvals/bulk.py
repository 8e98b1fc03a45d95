"""Several low-risk approvals of one kind decided together: each by itself, through the same service.

One kind: the same request type, the same deciding rules in the same version, the same suggested option. At most 20,
and no more money in total than the deciding rules allow at once (`together: {total: …}`).
What the person saw is named by each row's own fingerprint; what changed in the meantime is left and said so.
"""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.db.models import Subquery
from django.utils import timezone
from django.utils.translation import gettext as _

from approvals import first_answer, services, sheet, showing
from approvals.errors import StepUpNeeded
from approvals.models import Approval, Decision, Rule
from approvals.step_up import Proof
from cases.actors import Actor
from cases.errors import Refusal
from cases.models import Case, Company
from cases.wording import money

MOST = 20
Kind = tuple[Any, ...]


@dataclass
class Row:
    """One approval of the batch, with the option that all of them get and what it writes."""

    approval: Approval
    option: sheet.Option
    amount: Decimal | None
    evidence: str  # digest of what it was filled from
    rest: str = ""  # the address of the page without this row


@dataclass
class Batch:
    """What can be decided together of what was chosen, and why the rest cannot."""

    rows: list[Row] = field(default_factory=list)
    left: list[tuple[uuid.UUID, str]] = field(default_factory=list)
    titles: dict[uuid.UUID, Any] = field(default_factory=dict)
    currency: str = "HKD"

    @property
    def option(self) -> str:
        return self.rows[0].option.name if self.rows else ""

    @property
    def total(self) -> str:
        amounts = [row.amount for row in self.rows if row.amount is not None]
        return money(sum(amounts, Decimal()), self.currency) if amounts else ""

    @property
    def words(self) -> str:
        """The words of the button: `Approve 12: Give a voucher, HK$600.00 in total`."""
        what = list(dict.fromkeys(_leading(row.option) for row in self.rows))
        said = {"n": len(self.rows), "what": what[0] if len(what) == 1 else self.rows[0].option.title}
        if self.total:
            return _("Approve %(n)s: %(what)s, %(money)s in total") % {**said, "money": self.total}
        return _("Approve %(n)s: %(what)s") % said


@dataclass(frozen=True)
class Result:
    """What became of one approval. `words` say why it was left."""

    approval_id: uuid.UUID
    approved: bool
    words: str = ""


def chosen(user: Any, ids: Iterable[str], *, language: str) -> Batch:
    """What `user` may decide together of these, in the order of the inbox. The first one says which kind it is."""
    wanted = _ids(ids)
    company = Company.objects.filter(pk=1).first()
    batch = Batch(currency=company.currency if company else "HKD")
    found = list(
        Approval.objects.waiting_for(user)
        .filter(pk__in=wanted[: MOST * 5], case__in=Case.objects.visible_to(user))
        .select_related("case__type", "proposal__proposer_agent")
        .annotate(said_first=Subquery(first_answer.said_first()))
        .prefetch_related("proposal__writes__operation__system")
        .order_by("due_at", "pk")
    )
    batch.titles = {one.pk: one.title for one in found}
    batch.left += [(pk, _("It does not wait for you any more.")) for pk in wanted if pk not in batch.titles]
    hold = max(company.hold_seconds if company else 30, _own_hold(user))
    kind: Kind | None = None
    caps = _caps()
    spent = Decimal()
    for approval in found:
        simple = approval.is_simple
        option = _option(approval, hold=hold, currency=batch.currency, language=language) if simple else None
        if option is None:
            batch.left.append((approval.pk, _("Only low-risk ones with a suggestion are decided together.")))
        elif _stands_otherwise(approval):
            batch.left.append(
                (approval.pk, _("Somebody answered it first, and not as suggested. Decide it by itself."))
            )
        elif kind is not None and kind != _kind(approval):
            batch.left.append((approval.pk, _("It is of another type, rule or option. Decide it by itself.")))
        elif option.ticks:
            batch.left.append((approval.pk, _("Something in it has to be confirmed by a tick of its own.")))
        elif (cap := _cap(approval, caps)) is not None and spent + _moved(option) > cap:
            words = _("Together these would be more than %(total)s, which the rule allows at once.")
            batch.left.append((approval.pk, words % {"total": money(cap, batch.currency)}))
        elif len(batch.rows) == MOST:
            batch.left.append((approval.pk, _("At most %(n)s are decided together.") % {"n": MOST}))
        else:
            kind = _kind(approval)
            spent += _moved(option)
            read = _grounds(approval, batch.currency, language).digest
            batch.rows.append(Row(approval, option, _amount(option), read))
    return batch


def decide_each(
    *,
    actor: Actor,
    seen: Sequence[tuple[str, str]],
    option: str,
    nonce: str,
    language: str,
    proof: Proof | None = None,
) -> list[Result]:
    """Decide each of `seen` (approval, what was shown) by itself; one that is refused leaves the others alone.

    Everything is checked again. `nonce`: of the form; a second post with it gives the first answer. Raises
    `StepUpNeeded` at the first one that needs a second factor: sent again with `proof`, what was decided stays so.
    """
    wanted = _ids(pk for pk, _shown in seen)
    fingerprints = dict(zip(wanted, (shown for _pk, shown in seen), strict=False))
    nonces = {pk: f"{nonce[:30]}.{pk.hex}" for pk in wanted}
    done = Decision.objects.filter(nonce__in=nonces.values(), user=actor.user_id, undone_at=None)
    before = set(done.values_list("approval_id", flat=True))
    batch = chosen(actor.user, [str(pk) for pk in wanted if pk not in before], language=language)
    why = dict(batch.left)
    may = {row.approval.pk for row in batch.rows if row.option.name == option}
    results = []
    for pk in wanted:
        if pk in before:
            results.append(Result(pk, True))
        elif pk in may:
            results.append(_one(actor, pk, fingerprints[pk], option, nonces[pk], proof))
        else:
            results.append(Result(pk, False, why.get(pk, _("This changed while you were reading."))))
    return results


def _one(actor: Actor, pk: uuid.UUID, shown: str, option: str, nonce: str, proof: Proof | None) -> Result:
    fingerprint, _dot, evidence = shown.partition(".")
    try:
        services.decide(
            actor=actor, approval_id=pk, fingerprint=fingerprint, option=option, nonce=nonce, evidence=evidence,
            proof=proof,
        )  # fmt: skip
    except StepUpNeeded:
        raise
    except Refusal as refusal:
        return Result(pk, False, refusal.message)
    return Result(pk, True)


def _stands_otherwise(approval: Any) -> bool:
    """Whether another option or other values are fixed than the list would show and decide."""
    first = first_answer.told(approval, approval.said_first)
    return first is not None and (bool(first.edits) or first.option != approval.proposal.suggested)


def _ids(given: Iterable[str]) -> list[uuid.UUID]:
    """The ids that are ids, each once."""
    found: dict[uuid.UUID, None] = {}
    for text in given:
        try:
            found[uuid.UUID(text)] = None
        except ValueError:
            continue
    return list(found)


def _kind(approval: Approval) -> Kind:
    rules = sorted((rule["name"], rule.get("version")) for rule in approval.proposal.deciding_rules)
    return (approval.case.type_id, rules, approval.proposal.suggested)


def _caps() -> dict[str, Decimal]:
    """Rule name: the money that may be decided together by it."""
    rows = Rule.objects.filter(then__has_key="together", active=True, retired=False).values_list("name", "then")
    return {name: Decimal(str(then["together"]["total"])) for name, then in rows}


def _cap(approval: Approval, caps: Mapping[str, Decimal]) -> Decimal | None:
    """The smallest cap of the rules that decide it; None if none of them has one."""
    return min((caps[r["name"]] for r in approval.proposal.deciding_rules if r["name"] in caps), default=None)


def _moved(option: sheet.Option) -> Decimal:
    """All the money that an option moves."""
    return sum((line.write.money for line in option.lines if line.write.money is not None), Decimal())


def _option(approval: Approval, *, hold: int, currency: str, language: str) -> sheet.Option | None:
    """The suggested option as it would be carried out; None if a rule forbids it."""
    proposal = approval.proposal
    options = sheet.options_of(
        proposal,
        list(proposal.writes.all()),
        language=language,
        hold=hold,
        currency=currency,
        chosen=proposal.suggested,
        grounds=_grounds(approval, currency, language),
    )
    return next((one for one in options if one.chosen and one.allowed), None)


def _grounds(approval: Approval, currency: str, language: str) -> showing.Grounds:
    return showing.Grounds(
        evidence=approval.proposal.evidence,
        tables=approval.case.type.tables if approval.case.type else {},
        now=timezone.now(),
        zone=timezone.get_current_timezone(),
        currency=currency,
        language=language,
    )


def _amount(option: sheet.Option) -> Decimal | None:
    return next((line.write.money for line in option.lines if line.write.money is not None), None)


def _leading(option: sheet.Option) -> str:
    """The operation that matters most: the one that moves money, else the first; of no write the option itself."""
    paying = next((line for line in option.lines if line.write.money is not None), None)
    line = paying or next(iter(option.lines), None)
    return line.operation if line else option.title


def _own_hold(user: Any) -> int:
    return getattr(getattr(user, "person", None), "hold_seconds", 0) or 0
