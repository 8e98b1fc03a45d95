"""What runs on floor 2: runs of steps, proposals with options, and the writes that come of them.

State changes live in `agents.transitions`. The database itself refuses a level-4 write that starts without a permit.
"""

import uuid
from datetime import datetime
from typing import Any, ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from agents.models.config import Agent, Operation
from cases.models import Case


class Run(models.Model):
    """One step of one case in one turn, done by one agent. `claim` rises with each taking and fences late workers."""

    class State(models.TextChoices):
        OPEN = "open", _("Open")
        DONE = "done", _("Done")
        HANDED_OVER = "handed_over", _("Handed over")
        SKIPPED = "skipped", _("Skipped")
        LATE = "late", _("Late, not used")

    # run_of_step_in_turn begins with it
    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="runs", db_index=False)
    step = models.CharField(max_length=120, blank=True)  # '' is the control layer's own: sort and facts
    agent = models.ForeignKey(Agent, on_delete=models.PROTECT, null=True, related_name="runs")
    turn = models.PositiveIntegerField()
    claim = models.PositiveIntegerField(default=1)
    state = models.CharField(max_length=12, choices=State, default=State.OPEN)
    lease_until = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(default=1)
    try_at = models.DateTimeField(null=True)
    calls = models.PositiveIntegerField(default=0)
    waiting_on = models.UUIDField(null=True)  # the proposal a proposing step waits for
    result = models.JSONField(default=dict)
    versions = models.JSONField(default=dict)
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("run")
        verbose_name_plural = _("runs")
        constraints = [
            models.UniqueConstraint(fields=["case", "turn", "step"], name="run_of_step_in_turn"),
        ]
        indexes = [
            models.Index("agent", "id", name="run_open_of_agent", condition=Q(state="open"))
        ]  # GET /runs/?open=1

    def __str__(self) -> str:
        return f"{self.case_id} {self.step} turn {self.turn}"


class Proposal(models.Model):
    """What an agent or a person wants done that needs judging: options, each with its writes.

    `options`: `[{name, title, suggested, allowed, why, verdict, writes: [write ids in order]}]`.
    """

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        HELD = "held", _("Held")
        PERMITTED = "permitted", _("Permitted")
        WRITTEN = "written", _("Written")
        DIFFERS = "differs", _("Differs")
        FAILED = "failed", _("Failed")
        UNKNOWN = "unknown", _("Unknown")
        REJECTED = "rejected", _("Rejected")
        FORBIDDEN = "forbidden", _("Forbidden")
        WITHDRAWN = "withdrawn", _("Withdrawn")
        EXPIRED = "expired", _("Expired")

    OPEN: ClassVar = ("waiting", "held", "permitted", "unknown")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="proposals")
    run = models.ForeignKey(Run, on_delete=models.PROTECT, null=True, related_name="proposals")
    step = models.CharField(max_length=120, blank=True)
    place = models.CharField(max_length=60, blank=True)
    turn = models.PositiveIntegerField()
    claim = models.PositiveIntegerField(default=0)
    lost = models.PositiveSmallIntegerField(default=0, db_default=0)  # claims in a row that were not given back
    lease_until = models.DateTimeField(null=True)
    try_at = models.DateTimeField(null=True)
    proposer_kind = models.CharField(max_length=10)
    proposer = models.CharField(max_length=250)
    proposer_user_id = models.BigIntegerField(null=True)
    proposer_agent = models.ForeignKey(Agent, on_delete=models.PROTECT, null=True, related_name="+")
    why = models.TextField(blank=True)
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    options = models.JSONField()
    suggested = models.CharField(max_length=120, blank=True)
    decided = models.CharField(max_length=120, blank=True)
    risk = models.CharField(max_length=10, default="medium")
    facts = models.JSONField(default=dict)
    versions = models.JSONField(default=dict)
    rules = models.JSONField(default=list)
    verdict = models.JSONField(default=dict)
    evidence = models.JSONField(default=list)
    fingerprint = models.CharField(max_length=64)
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    # No columns, but what is known of a proposal that was just read or made: its writes, and until when people decide.
    loaded: "list[Write] | None" = None
    approval_due_at: datetime | None = None

    class Meta:
        verbose_name = _("proposal")
        verbose_name_plural = _("proposals")
        indexes = [
            models.Index(
                "case", name="proposal_open", condition=Q(state__in=["waiting", "held", "permitted", "unknown"])
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["case", "turn", "step", "place"],
                condition=~Q(place="") & ~Q(state__in=["withdrawn"]),
                name="proposal_place_of_recipe",
            ),
        ]

    def __str__(self) -> str:
        return str(self.pk)

    @property
    def deciding_rules(self) -> list[dict[str, Any]]:
        """The rules that won, each once: several options may be decided by the same one."""
        return list({rule["name"]: rule for rule in self.rules if rule.get("won")}.values())


WRITE_OPEN = ("waiting", "held", "permitted", "reserved", "unknown")  # what may still become of a write


class Write(models.Model):
    """One call that changes a system. Its primary key is the effect key, kept over every retry and hand re-run."""

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        HELD = "held", _("Held")
        PERMITTED = "permitted", _("Permitted")
        RESERVED = "reserved", _("Being written")
        WRITTEN = "written", _("Written")
        DIFFERS = "differs", _("Differs")
        FAILED = "failed", _("Failed")
        UNKNOWN = "unknown", _("Unknown")
        WITHDRAWN = "withdrawn", _("Withdrawn")
        EXPIRED = "expired", _("Expired")

    FINAL: ClassVar = ("written", "differs", "failed", "withdrawn", "expired")
    TAKES_PLACE: ClassVar = ("held", "permitted", "reserved", "written", "differs", "unknown")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="writes")
    # write_of_option, write_history and write_limits begin with these three
    proposal = models.ForeignKey(Proposal, on_delete=models.PROTECT, null=True, related_name="writes", db_index=False)
    run = models.ForeignKey(Run, on_delete=models.PROTECT, null=True, related_name="writes")
    step = models.CharField(max_length=120, blank=True)
    place = models.CharField(max_length=60, blank=True)
    option = models.CharField(max_length=120, blank=True)
    position = models.PositiveSmallIntegerField(default=0)
    name = models.CharField(max_length=140)
    operation = models.ForeignKey(Operation, on_delete=models.PROTECT, related_name="+", db_index=False)
    controlled = models.BooleanField()
    turn = models.PositiveIntegerField()
    agent = models.ForeignKey(Agent, on_delete=models.PROTECT, null=True, related_name="+", db_index=False)
    customer = models.CharField(max_length=200, blank=True)
    subject = models.CharField(max_length=64)
    money = models.DecimalField(max_digits=16, decimal_places=2, null=True)
    currency = models.CharField(max_length=3, blank=True)

    proposed = models.JSONField()
    decided = models.JSONField(null=True)
    carried_out = models.JSONField(null=True)

    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    claim = models.PositiveIntegerField(default=0)
    lease_until = models.DateTimeField(null=True)
    try_at = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    resent = models.BooleanField(default=False)  # sent again after an unknown outcome: a refusal now proves nothing
    hold_until = models.DateTimeField(null=True)
    placed_at = models.DateTimeField(null=True)

    permit_fingerprint = models.CharField(max_length=64, blank=True)
    permit_source = models.CharField(max_length=200, blank=True)
    permit_rule = models.BigIntegerField(null=True)
    permit_until = models.DateTimeField(null=True)
    permit_epoch = models.PositiveIntegerField(null=True)

    target_version = models.JSONField(null=True)
    receipt = models.JSONField(default=dict)
    reference = models.CharField(max_length=300, blank=True)
    result = models.JSONField(null=True)
    error = models.CharField(max_length=600, blank=True)
    reserved_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    repaired = models.JSONField(default=dict)

    start_by: float = (
        0.0  # no column: until when the worker that reserved it may begin to send, on its own monotonic clock
    )

    class Meta:
        verbose_name = _("write")
        verbose_name_plural = _("writes")
        ordering = ["proposal", "option", "position"]
        indexes = [
            models.Index("proposal", "option", "position", name="write_of_option"),
            models.Index("operation", name="write_held", condition=Q(state="held")),  # what a pause would meet
            models.Index("state", name="write_open", condition=Q(state__in=WRITE_OPEN)),  # `/metrics`
            models.Index("operation", "customer", "placed_at", name="write_history"),  # sums and counts of rules
            models.Index("permit_rule", "placed_at", name="write_standing", condition=Q(permit_rule__isnull=False)),
            models.Index("agent", "operation", "placed_at", name="write_limits", condition=Q(agent__isnull=False)),
        ]
        constraints = [
            models.CheckConstraint(
                name="controlled_write_needs_permit",
                condition=Q(controlled=False)
                | ~Q(state__in=["permitted", "reserved", "written", "differs", "unknown"])
                | ~Q(permit_fingerprint=""),
            ),
            # One write of an operation and record is under way at a time, whoever looked at the same moment.
            models.UniqueConstraint(
                fields=["subject"], condition=Q(state__in=["reserved", "unknown"]), name="one_write_under_way"
            ),
            models.UniqueConstraint(
                fields=["case", "turn", "step", "place", "option", "position"],
                condition=~Q(place="") & ~Q(state="withdrawn"),
                name="write_place_of_recipe",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.pk}"


class Subject(models.Model):
    """A row to lock: one operation and record, a customer's sums, a grant's limits, a standing approval's caps."""

    key = models.CharField(max_length=160, primary_key=True)

    def __str__(self) -> str:
        return self.key
