"""Rows of floor 3: rules, what people pre-approved, what people are asked, what they decided.

State changes live in `approvals.transitions`; decisions are only ever added.
"""

import uuid
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _
from simple_history.models import HistoricalRecords

from agents.models import Proposal
from cases.models import Case, Team
from cases.models.config import ConfigRecord


class Rule(ConfigRecord):
    """One approval rule in force. `sentence` is generated in both languages and stored with the version."""

    when = models.JSONField(_("when"), default=dict)
    then = models.JSONField(_("then"), default=dict)
    sentence = models.JSONField(_("sentence"), default=dict, editable=False)
    active = models.BooleanField(_("in force"), default=True)
    history = HistoricalRecords()

    class Meta(ConfigRecord.Meta):
        verbose_name = _("rule")
        verbose_name_plural = _("rules")


class StandingApproval(models.Model):
    """A named manager's decision, given beforehand within limits. In force once that person confirmed it."""

    rule = models.OneToOneField(Rule, on_delete=models.PROTECT, related_name="standing", verbose_name=_("rule"))
    by = models.CharField(_("named person"), max_length=150)
    rule_version = models.PositiveIntegerField(_("rule version confirmed"), null=True)
    confirmed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="standing_approvals"
    )
    confirmed_label = models.CharField(_("confirmed by"), max_length=250, blank=True)
    confirmed_at = models.DateTimeField(_("confirmed at"), null=True, blank=True)
    withdrawn_at = models.DateTimeField(_("withdrawn at"), null=True, blank=True)
    history = HistoricalRecords()

    class Meta:
        verbose_name = _("standing approval")
        verbose_name_plural = _("standing approvals")

    def __str__(self) -> str:
        return str(self.rule)

    @property
    def in_force(self) -> bool:
        """Confirmed for the very version of the rule that stands now, and not withdrawn."""
        return bool(self.confirmed_at) and not self.withdrawn_at and self.rule_version == self.rule.version


class ApprovalQuerySet(QuerySet["Approval"]):
    def visible_to(self, user: Any) -> "ApprovalQuerySet":
        return self.filter(case__in=Case.objects.visible_to(user))

    def waiting_for(self, user: Any) -> "ApprovalQuerySet":
        """Only what this user can decide now: a member of an asked team who has not decided yet and is not barred."""
        asked = Asked.objects.filter(team__group__user=user.pk, closed=False)
        done = Decision.objects.filter(user=user.pk, undone_at=None)
        return (
            self.filter(state="waiting", pk__in=asked.values("approval_id"))
            .exclude(pk__in=done.values("approval_id"))
            .exclude(proposal__proposer_user_id=user.pk)
            .exclude(case__opened_by=user.pk)
        )


class Approval(models.Model):
    """People are asked to decide one proposal. Deadline and outcome are frozen when it is raised."""

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        DECIDED = "decided", _("Decided")
        WITHDRAWN = "withdrawn", _("Withdrawn")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="approvals")
    proposal = models.ForeignKey(Proposal, on_delete=models.PROTECT, related_name="approvals")
    turn = models.PositiveIntegerField()
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    fingerprint = models.CharField(max_length=64)
    risk = models.CharField(max_length=10)
    title = models.JSONField(default=dict)
    reasons = models.JSONField(default=list)
    asks = models.JSONField(default=list)
    people = models.PositiveSmallIntegerField(default=1)
    exclusive = models.BooleanField(default=False)
    permit_days = models.PositiveSmallIntegerField(default=7)
    due_at = models.DateTimeField(null=True)
    passed_up = models.PositiveSmallIntegerField(default=0)
    hold_until = models.DateTimeField(null=True)
    time_back = models.JSONField(default=list)  # pauses whose lost time was given back
    decided_option = models.CharField(max_length=120, blank=True)
    created_at = models.DateTimeField()
    decided_at = models.DateTimeField(null=True)

    objects = ApprovalQuerySet.as_manager()

    class Meta:
        verbose_name = _("approval")
        verbose_name_plural = _("approvals")
        indexes = [
            models.Index("due_at", name="approval_due", condition=Q(state="waiting")),  # inbox and pass-up
            models.Index("case", name="approval_of_case"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["proposal"], condition=Q(state="waiting"), name="one_open_approval_of_proposal"
            ),
        ]

    def __str__(self) -> str:
        return str(self.pk)


class Asked(models.Model):
    """A team that is asked, and how many people of it must decide. `closed`: not now (a later stage, or ended)."""

    approval = models.ForeignKey(Approval, on_delete=models.CASCADE, related_name="asked")
    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="+")
    people = models.PositiveSmallIntegerField(default=1)
    stage = models.PositiveSmallIntegerField(default=0)  # closed until the stages before it have agreed
    since = models.DateTimeField()
    passed_up_from = models.CharField(max_length=120, blank=True)
    closed = models.BooleanField(default=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["approval", "team"], name="team_asked_once")]
        indexes = [models.Index("team", "approval", name="asked_open", condition=Q(closed=False))]

    def __str__(self) -> str:
        return f"{self.team} x {self.people}"


class Decision(models.Model):
    """One person's answer. The name is copied, so that it stays when the account goes."""

    approval = models.ForeignKey(Approval, on_delete=models.PROTECT, related_name="decisions")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    label = models.CharField(max_length=250)
    token_name = models.CharField(max_length=120, blank=True)
    team = models.CharField(max_length=120)
    option = models.CharField(max_length=120)
    edits = models.JSONField(default=dict)
    reason = models.TextField(blank=True)
    fingerprint = models.CharField(max_length=64)
    nonce = models.CharField(max_length=64, blank=True)
    undone_at = models.DateTimeField(null=True)
    at = models.DateTimeField()

    class Meta:
        verbose_name = _("decision")
        verbose_name_plural = _("decisions")
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["nonce"], condition=~Q(nonce=""), name="decision_nonce_once"),
            models.UniqueConstraint(
                fields=["approval", "user"], condition=Q(undone_at=None), name="one_decision_of_person"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.label}: {self.option}"


class Draft(models.Model):
    """A loosening change that waits for a second person: a rule, a grant, an operation ... and what it would become."""

    OPEN: ClassVar = "open"

    what = models.CharField(_("what"), max_length=60)
    name = models.CharField(_("name"), max_length=250)
    becomes = models.JSONField(_("becomes"))
    words = models.TextField(_("in words"))
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    by_label = models.CharField(_("by"), max_length=250)
    reason = models.CharField(_("reason"), max_length=300)
    created_at = models.DateTimeField(_("created at"))
    state = models.CharField(
        _("state"),
        max_length=10,
        default=OPEN,
        choices=[("open", _("open")), ("published", _("published")), ("dropped", _("dropped"))],
    )
    ended_by = models.CharField(_("published by"), max_length=250, blank=True)
    ended_at = models.DateTimeField(_("ended at"), null=True)

    class Meta:
        verbose_name = _("draft")
        verbose_name_plural = _("drafts")
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.words[:80]
