"""Rows of floor 3: rules, what people pre-approved, what people are asked, what they decided.

State changes live in `approvals.transitions`; decisions are only ever added.
"""

import uuid
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q, QuerySet
from django.db.models.expressions import RawSQL
from django.utils.translation import gettext as _said
from django.utils.translation import gettext_lazy as _
from simple_history.models import HistoricalRecords

from agents.models import Proposal
from approvals.acting import LISTED_FOR, WAITING_FOR, Turn
from cases.models import Case, Team
from cases.models.config import ConfigRecord
from cases.wording import name_of


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
    paused_at = models.DateTimeField(_("paused at"), null=True, blank=True)
    paused_label = models.CharField(_("paused by"), max_length=250, blank=True)
    history = HistoricalRecords()

    class Meta:
        verbose_name = _("standing approval")
        verbose_name_plural = _("standing approvals")

    def __str__(self) -> str:
        return str(self.rule)

    @property
    def in_force(self) -> bool:
        """Confirmed for the very version of the rule that stands now, not withdrawn and not paused."""
        return self.is_confirmed and not self.paused_at

    @property
    def is_confirmed(self) -> bool:
        """The same, paused or not. One that names nobody, or somebody who has left, is nobody's word."""
        given = bool(self.by and self.confirmed_at) and not self.has_left
        return given and not self.withdrawn_at and self.rule_version == self.rule.version

    @property
    def has_left(self) -> bool:
        """Whether who confirmed it is here no more: their account is switched off or gone."""
        here = self.confirmed_by is not None and self.confirmed_by.is_active
        return bool(self.confirmed_at) and not here

    @property
    def confirmed_name(self) -> str:
        return name_of(self.confirmed_label)


class ApprovalQuerySet(QuerySet["Approval"]):
    def visible_to(self, user: Any) -> "ApprovalQuerySet":
        return self.filter(case__in=Case.objects.visible_to(user))

    def waiting_for(self, user: Any) -> "ApprovalQuerySet":
        """Only what this user can decide now, as one who was asked or by cover (`approvals.acting`)."""
        return self.filter(pk__in=RawSQL(WAITING_FOR, [user.pk]))  # noqa: S611  # constant text, bound value

    def listed_for(self, user: Any) -> "ApprovalQuerySet":
        """The same without what this user put aside: the list and every count of it."""
        return self.filter(pk__in=RawSQL(LISTED_FOR, [user.pk, user.pk]))  # noqa: S611  # constant text, bound values


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
    exclusive = models.BooleanField(default=True)  # a person answers for one stage at most
    permit_days = models.PositiveSmallIntegerField(default=7)
    due_at = models.DateTimeField(null=True)
    passed_up = models.PositiveSmallIntegerField(default=0)
    hold_until = models.DateTimeField(null=True)
    time_back = models.JSONField(default=list)  # pauses whose lost time was given back
    decided_option = models.CharField(max_length=120, blank=True)
    created_at = models.DateTimeField()
    decided_at = models.DateTimeField(null=True)
    changed_at = models.DateTimeField(null=True)  # somebody else did something to it: ends what was put aside
    answered_at = models.DateTimeField(null=True)  # the newest answer to a question

    objects = ApprovalQuerySet.as_manager()
    # For the reader of a list, put there by it: as whom they may decide, who else looks, whether it changed.
    turn_of_mine: Turn | None = None
    lookers: str = ""
    changed_since: bool = False
    # For the reader of one: put there by `selectors.approval_of`.
    open_next: bool = False
    own_hold: int | None = None
    first_answer: "Decision | None" = None  # while it waits for others
    of_company: dict[str, Any] | None = None

    class Meta:
        verbose_name = _("approval")
        verbose_name_plural = _("approvals")
        indexes = [models.Index("due_at", name="approval_due", condition=Q(state="waiting"))]  # inbox and pass-up
        constraints = [
            models.UniqueConstraint(
                fields=["proposal"], condition=Q(state="waiting"), name="one_open_approval_of_proposal"
            ),
        ]

    def __str__(self) -> str:
        return str(self.pk)

    @property
    def decided(self) -> dict[str, Any]:
        """The option that was chosen, as the proposal has it; empty while none is."""
        return next((one for one in self.proposal.options if one["name"] == self.decided_option), {})

    @property
    def is_simple(self) -> bool:
        """Low risk, with a suggestion that is not to reject: may be decided together with others of its kind."""
        return self.risk == "low" and self.proposal.suggested not in ("", "reject")

    @property
    def fits_bulk(self) -> bool:
        """The same, in a list of what its reader may decide."""
        return self.turn_of_mine is not None and self.is_simple


class Asked(models.Model):
    """A team that is asked, and how many people of it must decide. `closed`: not now (a later stage, or ended)."""

    # team_asked_once_a_stage begins with it
    approval = models.ForeignKey(Approval, on_delete=models.CASCADE, related_name="asked", db_index=False)
    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="+")
    people = models.PositiveSmallIntegerField(default=1)
    stage = models.PositiveSmallIntegerField(default=0)  # closed until the stages before it have agreed
    since = models.DateTimeField()
    passed_up_from = models.CharField(max_length=120, blank=True)
    closed = models.BooleanField(default=False)
    above = models.BooleanField(default=False)  # another team than the one that worked the type then: reports count it

    class Meta:
        constraints = [models.UniqueConstraint(fields=["approval", "team", "stage"], name="team_asked_once_a_stage")]
        indexes = [models.Index("team", "approval", name="asked_open", condition=Q(closed=False))]

    def __str__(self) -> str:
        return f"{self.team} x {self.people}"


class Decision(models.Model):
    """One person's answer. The name is copied, so that it stays when the account goes."""

    approval = models.ForeignKey(Approval, on_delete=models.PROTECT, related_name="decisions")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    label = models.CharField(max_length=250)
    token_name = models.CharField(max_length=120, blank=True)
    covering = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    covering_label = models.CharField(max_length=250, blank=True)  # whose authority it was, if not one's own
    override = models.BooleanField(default=False)  # for an empty position, as an admin had laid down
    team = models.CharField(max_length=120)
    place = models.CharField(max_length=250, blank=True)  # STAGE/TEAM, where a person may answer for several; else ''
    option = models.CharField(max_length=120)
    edits = models.JSONField(default=dict)
    reason = models.TextField(blank=True)
    reason_code = models.CharField(max_length=200, blank=True)  # the reason of the type that was chosen
    confirmed = models.JSONField(default=dict)  # WRITE.SLOT: what was ticked, as it stood there
    fingerprint = models.CharField(max_length=64)
    nonce = models.CharField(max_length=64, blank=True)
    step_up = models.CharField(max_length=20, blank=True)  # the second factor given for it, where one is asked for
    step_up_at = models.DateTimeField(null=True)
    undone_at = models.DateTimeField(null=True)
    at = models.DateTimeField()

    class Meta:
        verbose_name = _("decision")
        verbose_name_plural = _("decisions")
        ordering = ["id"]
        indexes = [
            models.Index("at", name="decision_at"),  # the load of teams
            # what a person decided, the newest first: the inbox's tab, and how many today
            models.Index(fields=["user", "-at"], name="decision_of_user", condition=Q(undone_at=None)),
        ]
        constraints = [
            models.UniqueConstraint(fields=["nonce"], condition=~Q(nonce=""), name="decision_nonce_once"),
            models.UniqueConstraint(
                fields=["approval", "user", "place"], condition=Q(undone_at=None), name="one_decision_of_person"
            ),
            models.UniqueConstraint(
                fields=["approval", "covering"],
                condition=Q(undone_at=None, covering__isnull=False),
                name="one_decision_for_person",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.who}: {self.option}"

    @property
    def who(self) -> str:
        """Both names where it was cover: `May Lee, covering for Ken Ho`."""
        return names_of(self.label, self.covering_label, self.team if self.override else "")


def names_of(label: str, covering: str = "", position: str = "") -> str:
    """Who answered, and by whose authority, in the language of the page."""
    name = name_of(label)
    if covering:
        return _said("%(name)s, covering for %(other)s") % {"name": name, "other": name_of(covering)}
    if position:
        return _said("%(name)s, for the empty position %(team)s") % {"name": name, "team": position}
    return name


class Reading(models.Model):
    """How a decision came about. Shown to nobody but who made it: in no ledger, no admin page, no figure of a team.

    None: unknown, as of everything that was not decided on the page.
    """

    decision = models.OneToOneField(Decision, on_delete=models.PROTECT, primary_key=True, related_name="reading")
    seconds = models.FloatField(null=True)  # from opening the page to deciding
    words = models.PositiveIntegerField(null=True)  # that were there to be read
    folded = models.JSONField(null=True)  # names of the parts that were folded shut
    opened = models.JSONField(null=True)  # those of them that were opened

    def __str__(self) -> str:
        return str(self.pk)


class Cover(models.Model):
    """Who decides for `of` between two times, with the limits `of` has. Or for a team in which nobody is left.

    In force by its dates alone; `begun` and `over` only say whether sight was given and taken.
    """

    of = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, related_name="+")
    team = models.ForeignKey(Team, on_delete=models.PROTECT, null=True, related_name="+")  # an override
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    reason = models.CharField(max_length=300, blank=True)
    set_by_label = models.CharField(max_length=250)
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    ended_by_label = models.CharField(max_length=250, blank=True)
    begun = models.BooleanField(default=False)
    over = models.BooleanField(default=False)

    class Meta:
        verbose_name = _("cover")
        verbose_name_plural = _("cover")
        ordering = ["starts_at", "id"]
        indexes = [
            models.Index("by", "ends_at", name="cover_by", condition=Q(ended_at=None)),
            models.Index("of", "ends_at", name="cover_of", condition=Q(ended_at=None)),
            models.Index("ends_at", name="cover_not_over", condition=Q(over=False)),  # the sweep
        ]
        constraints = [
            models.CheckConstraint(condition=Q(ends_at__gt=models.F("starts_at")), name="cover_ends_after_it_starts"),
            models.CheckConstraint(condition=Q(of=None) ^ Q(team=None), name="cover_of_person_or_position"),
            models.CheckConstraint(condition=Q(of=None) | ~Q(of=models.F("by")), name="cover_by_another"),
        ]

    def __str__(self) -> str:
        return f"{self.by_id} for {self.of_id or self.team_id}"

    @property
    def by_name(self) -> str:
        return self.by.get_full_name() or self.by.username

    @property
    def of_name(self) -> str:
        return (self.of.get_full_name() or self.of.username) if self.of else ""


class Draft(models.Model):
    """A loosening change that waits for a second person: a rule, a grant, an operation ... and what it would become."""

    OPEN: ClassVar = "open"
    SCHEDULED: ClassVar = "scheduled"
    WAITING: ClassVar = ("open", "scheduled")

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
        choices=[
            ("open", _("open")),
            ("scheduled", _("to start")),
            ("published", _("published")),
            ("dropped", _("dropped")),
        ],
    )
    starts_at = models.DateTimeField(_("starts at"), null=True)  # of the database's clock; null: nothing is planned
    publisher = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    publisher_label = models.CharField(_("second person"), max_length=250, blank=True)
    publish_reason = models.CharField(_("reason of the second person"), max_length=300, blank=True)
    problem = models.CharField(_("why it did not start"), max_length=500, blank=True)
    sentence = models.JSONField(_("sentence"), default=dict, editable=False)  # of a rule, as it would be
    ended_by = models.CharField(_("published by"), max_length=250, blank=True)
    ended_at = models.DateTimeField(_("ended at"), null=True)

    class Meta:
        verbose_name = _("draft")
        verbose_name_plural = _("drafts")
        ordering = ["-id"]
        indexes = [models.Index("starts_at", name="draft_to_start", condition=Q(state="scheduled"))]  # every 2 s

    def __str__(self) -> str:
        return self.words[:80]


class Named(models.Model):
    """A person put before an approval by one who may decide it: to decide as well (`added`), or in their stead.

    `team` is through which they could be asked; `stands_for` the asked team whose answer theirs may be.
    """

    class Kind(models.TextChoices):
        ADDED = "added", _("added as an approver")
        PASSED = "passed", _("passed on to")

    approval = models.ForeignKey(Approval, on_delete=models.CASCADE, related_name="named")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=6, choices=Kind)
    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="+")
    stands_for = models.CharField(max_length=120)
    by_label = models.CharField(max_length=250)
    reason = models.CharField(max_length=300, blank=True)
    at = models.DateTimeField()

    here = True  # whether they could answer still; `counting` asks for it

    class Meta:
        constraints = [models.UniqueConstraint(fields=["approval", "user"], name="person_named_once")]

    def __str__(self) -> str:
        return f"{self.user_id} {self.kind}"


class Question(models.Model):
    """What somebody who may decide wants to know first. The approval stays pending; the answer wakes it."""

    approval = models.ForeignKey(Approval, on_delete=models.CASCADE, related_name="questions")
    to_user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    to_team = models.ForeignKey(Team, on_delete=models.PROTECT, null=True, related_name="+")
    to_requester = models.BooleanField(default=False)
    to_label = models.CharField(max_length=250)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    by_label = models.CharField(max_length=250)
    text = models.TextField()
    at = models.DateTimeField()
    answer = models.TextField(blank=True)
    answered_by_label = models.CharField(max_length=250, blank=True)
    answered_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["id"]
        indexes = [
            models.Index("to_user", name="question_to_user", condition=Q(answered_at=None)),
            models.Index("to_team", name="question_to_team", condition=Q(answered_at=None)),
        ]

    def __str__(self) -> str:
        return self.text[:60]


class Attention(models.Model):
    """What a person did with an approval in their own list: put it aside, or watch it. Nobody else's list changes."""

    approval = models.ForeignKey(Approval, on_delete=models.CASCADE, related_name="attention")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    snoozed_at = models.DateTimeField(null=True)
    until = models.DateTimeField(null=True)  # null: until something changes
    watching = models.BooleanField(default=False)

    class Meta:
        indexes = [models.Index("user", name="attention_watching", condition=Q(watching=True))]
        constraints = [models.UniqueConstraint(fields=["approval", "user"], name="attention_once")]

    def __str__(self) -> str:
        return f"{self.user_id}"


class SavedFilter(models.Model):
    """A choice of the inbox that one person gave a name: the part of the address after `?`."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(_("name"), max_length=60)
    query = models.CharField(max_length=500)

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["user", "name"], name="filter_named_once")]

    def __str__(self) -> str:
        return self.name


class DecidingChoice(models.Model):
    """What a person wants after a decision. No row: the list."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", primary_key=True)
    open_next = models.BooleanField(_("open the next approval after a decision"), default=False)

    def __str__(self) -> str:
        return str(self.user_id)
