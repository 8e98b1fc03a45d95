"""A standing approval: its named person confirms it in the browser, and pauses, resumes or withdraws it.

Whoever leads a team may pause or withdraw it too: that only tightens. Only the named person lets it go on. Every move
is an event of the company's chain and raises the policy's epoch: what was permitted and not sent is judged again.
"""

from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from agents import configuration
from approvals import step_up
from approvals.models import StandingApproval
from approvals.permissions import can_end_standing
from approvals.step_up import Proof
from cases.actors import Actor
from cases.clock import database_now
from cases.errors import NoRight, NotFound, ReasonRequired, WrongState
from cases.ledger import Entry, append_company


def confirm_standing(
    *, actor: Actor, standing_id: Any, version: int | None = None, proof: Proof | None = None
) -> StandingApproval:
    """The named person puts their standing approval in force, for the rule's present version.

    It is a decision about all that it will cover: with the second factor, where any of this person's needs one.
    `version`: of the rule, as it was read (only a program may leave it out); WrongState if it is another one by now.
    """
    with transaction.atomic():
        row = _locked(standing_id)
        _must_be_named(actor, row)
        if version is not None and version != row.rule.version:
            raise WrongState(_("The rule changed while you were reading. Read it again; nothing was confirmed."))
        now = database_now()
        given = step_up.check_standing(actor, configuration.current(), proof, now)
        row.confirmed_by_id, row.confirmed_label, row.confirmed_at = actor.user_id, actor.label, now
        row.rule_version, row.withdrawn_at = row.rule.version, None
        row.paused_at, row.paused_label = None, ""
        _save(row, actor, "confirmed")
        append_company([Entry("standing.confirmed", actor, _told(row) | _proved(given))], now=now)
    return row


def pause_standing(*, actor: Actor, standing_id: Any) -> StandingApproval:
    """Nothing is carried out on it until the named person lets it go on. What was used stays counted."""
    with transaction.atomic():
        row = _locked(standing_id)
        _must_end(actor, row)
        if not row.is_confirmed or row.paused_at:
            raise WrongState(_("This standing approval is not in force, so there is nothing to pause."))
        now = database_now()
        row.paused_at, row.paused_label = now, actor.label
        _save(row, actor, "paused")
        append_company([Entry("standing.paused", actor, _told(row))], now=now)
    return row


def resume_standing(*, actor: Actor, standing_id: Any, proof: Proof | None = None) -> StandingApproval:
    """The named person, and nobody else, lets a paused one go on: with the second factor, as they confirmed it."""
    with transaction.atomic():
        row = _locked(standing_id)
        _must_be_named(actor, row)
        if not row.is_confirmed or not row.paused_at:
            raise WrongState(_("This standing approval is not paused."))
        now = database_now()
        given = step_up.check_standing(actor, configuration.current(), proof, now)
        row.paused_at, row.paused_label = None, ""
        _save(row, actor, "resumed")
        append_company([Entry("standing.resumed", actor, _told(row) | _proved(given))], now=now)
    return row


def withdraw_standing(*, actor: Actor, standing_id: Any, reason: str) -> StandingApproval:
    """Nothing new is carried out on it. Anyone who leads a team, or the named person, may: it only tightens."""
    with transaction.atomic():
        row = _locked(standing_id)
        _must_end(actor, row)
        if not reason.strip():
            raise ReasonRequired()
        now = database_now()
        row.withdrawn_at = now
        _save(row, actor, reason)
        append_company([Entry("standing.withdrawn", actor, _told(row) | {"reason": reason})], now=now)
    return row


def _must_be_named(actor: Actor, row: StandingApproval) -> None:
    if not actor.is_person or actor.user is None or not actor.user.is_active or actor.user.username != row.by:
        raise NoRight(_("Only %(name)s can confirm this standing approval. Nothing was changed.") % {"name": row.by})


def _must_end(actor: Actor, row: StandingApproval) -> None:
    if actor.user is None or not can_end_standing(actor.user, row):
        raise NoRight(_("Only %(name)s or a team lead can pause or withdraw this.") % {"name": row.by})


def _told(row: StandingApproval) -> dict[str, Any]:
    return {"rule": row.rule.name, "version": row.rule_version, "sentence": row.rule.sentence}


def _proved(given: Proof | None) -> dict[str, Any]:
    return {"step_up": {"method": given.method, "at": given.at}} if given else {}


def _save(row: StandingApproval, actor: Actor, reason: str) -> None:
    """Who and why, as django-simple-history takes them: from the instance."""
    vars(row).update(_history_user=actor.user, _change_reason=reason[:100])
    row.save()


def _locked(standing_id: Any) -> StandingApproval:
    try:
        rows = StandingApproval.objects.select_for_update(of=("self",))
        return rows.select_related("rule", "confirmed_by").get(pk=standing_id)
    except (StandingApproval.DoesNotExist, ValueError):
        raise NotFound from None
