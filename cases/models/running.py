"""What runs on floor 1: cases, their messages, who may see them, and what we know of a person.

State changes live in `cases.transitions`. `Case.facts` and `Case.steps` are JSON on the case row because they change
only under the case lock and are always read together with it.
"""

from typing import Any, ClassVar

from django.conf import settings
from django.contrib.auth.models import User
from django.db import models
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext_lazy as _

from cases.models.config import RequestType, Team
from cases.story import AI_MAY


class CaseQuerySet(QuerySet["Case"]):
    def visible_to(self, user: Any, right: str = "see") -> "CaseQuerySet":
        """The only way a page, API, search, export or count gets at cases.

        A team's type, a case that the team or the person has now, or a row of sight (asked, cover). A confidential case
        is seen through its own row alone.
        """
        if not user.is_authenticated or not user.is_active:
            return self.none()
        groups = user.groups.values("pk")
        by_type = Q(type__in=RequestType.objects.with_right(user, right).values("pk")) & Q(confidential=False)
        # what nobody has sorted yet belongs to no team: whoever works on any type may sort it
        anyone = Exists(RequestType.objects.with_right(user, "work"))
        untyped = Q(type=None, confidential=False) & anyone if right in ("see", "work") else Q(pk=None)
        teams = Team.objects.filter(group__in=groups).values("pk")
        has_it = Q(holder_user=user) | Q(holder_team__in=teams, confidential=False)
        mine = has_it if right in ("see", "work") else Q(pk=None)
        # asked row by row: a list of all that was ever asked of a team grows with the archive
        sight = CaseSight.objects.filter(Q(user=user) | Q(team__in=teams), case=OuterRef("pk"))
        by_row = Q(Exists(sight)) if right == "see" else Q(pk=None)
        return self.filter(by_type | untyped | mine | by_row)


class Case(models.Model):
    """One request on its way. Locked first in every transition, never during an outside call."""

    class Status(models.TextChoices):
        RECEIVED = "received", _("Received")
        TRIAGE = "triage", _("To be sorted by a person")
        WORKING = "working", _("With AI")
        WAITING_CUSTOMER = "waiting_customer", _("Waiting for the customer")
        WAITING_APPROVAL = "waiting_approval", _("Waiting for approval")
        WAITING_WRITE = "waiting_write", _("Waiting to be written")
        WITH_PERSON = "with_person", _("With a person")
        REPAIR = "repair", _("Record to repair")
        DONE = "done", _("Done")
        MERGED = "merged", _("Merged")

    class Source(models.TextChoices):
        CUSTOMER = "customer", _("Customer")
        STAFF = "staff", _("Staff")
        SYSTEM = "system", _("System")
        MANAGEMENT = "management", _("Management")

    class Channel(models.TextChoices):
        API = "api", _("API")
        EMAIL = "email", _("E-mail")
        WHATSAPP = "whatsapp", _("WhatsApp")
        WEB = "web", _("Web")
        STAFF = "staff", _("Staff")
        ALERT = "alert", _("Alert")

    class Holder(models.TextChoices):
        AI = "ai", _("AI")
        PERSON = "person", _("Person")
        TEAM = "team", _("Team")

    class AiMay(models.TextChoices):
        """What the AI may do with the case. Of people's own calls it says nothing."""

        CONTINUE = "continue", AI_MAY["continue"]
        DRAFT = "draft", AI_MAY["draft"]  # a person decides each write, also those that nobody would be asked about
        WATCH = "watch", AI_MAY["watch"]  # no write at all

    class Stage(models.TextChoices):
        """What the control layer does next, before and between the steps."""

        SORT = "sort"
        FACTS = "facts"
        STEPS = "steps"

    CLOSED: ClassVar = ("done", "merged")
    REVERSAL: ClassVar = "reversal:"  # the external id of a person's case that reverses a write, before its number

    type = models.ForeignKey(
        RequestType, on_delete=models.PROTECT, null=True, blank=True, related_name="cases", db_index=False
    )  # case_type_newest begins with it
    confidence = models.FloatField(null=True)
    sorting = models.JSONField(default=dict)
    status = models.CharField(max_length=20, choices=Status, default=Status.RECEIVED)
    stage = models.CharField(max_length=10, choices=Stage, default=Stage.SORT)
    turn = models.PositiveIntegerField(default=1)
    holder_kind = models.CharField(max_length=10, choices=Holder, default=Holder.AI)
    holder_user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+", db_index=False
    )  # case_mine
    holder_team = models.ForeignKey(Team, on_delete=models.PROTECT, null=True, related_name="+")
    ai_may = models.CharField(max_length=10, choices=AiMay, default=AiMay.CONTINUE)
    why_here = models.JSONField(default=dict)
    wake_at = models.DateTimeField(null=True)
    wake_queue = models.CharField(max_length=10, default="flow")  # which workers it is handed to
    confidential = models.BooleanField(default=False)

    source = models.CharField(max_length=12, choices=Source)
    channel = models.CharField(max_length=12, choices=Channel)
    language = models.CharField(max_length=10, default="en")
    subject = models.CharField(max_length=300, blank=True)
    requester_name = models.CharField(max_length=200, blank=True)
    contact = models.CharField(max_length=254, blank=True)
    customer = models.CharField(max_length=200, blank=True)
    customer_from = models.CharField(max_length=20, blank=True)
    form = models.JSONField(default=dict)
    form_binds = models.BooleanField(default=False)
    operations = models.JSONField(null=True)
    token_id = models.BigIntegerField(null=True)
    external_id = models.CharField(max_length=200, blank=True)
    opened_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+", db_index=False
    )

    facts = models.JSONField(default=dict)
    steps = models.JSONField(default=dict)
    lacked = models.JSONField(default=list)
    promised = models.TextField(blank=True)
    outcome = models.CharField(max_length=60, blank=True)
    merged_into = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="merged", db_index=False)
    policy_epoch = models.PositiveIntegerField(default=0)

    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    first_reply_due = models.DateTimeField(null=True)
    finish_due = models.DateTimeField(null=True)
    first_reply_at = models.DateTimeField(null=True)
    late_since = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)

    seq = models.PositiveIntegerField(default=0)
    head = models.CharField(max_length=64, blank=True)

    objects = CaseQuerySet.as_manager()

    class Meta:
        verbose_name = _("case")
        verbose_name_plural = _("cases")
        ordering = ["-id"]
        indexes = [
            models.Index("wake_at", name="case_wake", condition=Q(wake_at__isnull=False)),  # claims and the sweeper
            models.Index("status", "finish_due", name="case_queue", condition=~Q(status__in=["done", "merged"])),
            models.Index(fields=["type", "-id"], name="case_type_newest"),  # the case list of a team
            models.Index("holder_user", name="case_mine", condition=Q(holder_user__isnull=False)),
            models.Index("opened_by", name="case_opened_by", condition=Q(opened_by__isnull=False)),
            models.Index("merged_into", name="case_merged_into", condition=Q(merged_into__isnull=False)),
            # the other cases of a customer, the newest first
            models.Index(fields=["customer", "-id"], name="case_customer_newest", condition=~Q(customer="")),
            models.Index(fields=["contact", "-id"], name="case_contact_newest", condition=~Q(contact="")),
            models.Index("created_at", name="case_created"),  # reports
            # what no roll-up of a type counts: not sorted yet, or confidential
            models.Index("created_at", name="case_apart", condition=Q(type__isnull=True) | Q(confidential=True)),
            models.Index("closed_at", name="case_closed", condition=Q(closed_at__isnull=False)),
            # reversals: of one write, and the later ones of all
            models.Index(
                fields=["external_id", "created_at"],
                name="case_external_id_of_person",
                condition=~Q(external_id="") & Q(token_id__isnull=True),
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["token_id", "external_id"],
                condition=~Q(external_id="") & Q(token_id__isnull=False),
                name="case_external_id_of_token",
            ),
            models.CheckConstraint(
                condition=~Q(holder_kind="person") | Q(holder_user__isnull=False), name="case_person_holds_has_user"
            ),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def number(self) -> str:
        return f"C-{self.id}"

    @property
    def is_open(self) -> bool:
        return self.status not in self.CLOSED

    @property
    def ai_may_act(self) -> bool:
        return self.is_open and self.holder_kind == self.Holder.AI

    @property
    def ai_only_drafts(self) -> bool:
        """The AI has the case, and people keep the writing."""
        return self.holder_kind == self.Holder.AI and self.ai_may == self.AiMay.DRAFT

    @property
    def request_sentence(self) -> str:
        return self.subject or str(self.facts.get("_request", "")) or self.number


class Message(models.Model):
    """The conversation. What is in it is data: nothing in it can permit anything."""

    class Direction(models.TextChoices):
        IN = "in", _("From the requester")
        OUT = "out", _("To the requester")
        NOTE = "note", _("Private note")

    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="messages", db_index=False)  # message_of_case
    direction = models.CharField(max_length=5, choices=Direction)
    author = models.CharField(max_length=200)
    text = models.TextField()
    language = models.CharField(max_length=10, blank=True)
    by_ai = models.BooleanField(default=False)
    at = models.DateTimeField()
    external_id = models.CharField(max_length=200, blank=True)
    token_id = models.BigIntegerField(null=True)  # whose `external_id` it is

    class Meta:
        verbose_name = _("message")
        verbose_name_plural = _("messages")
        ordering = ["id"]
        indexes = [models.Index("case", "id", name="message_of_case")]

    def __str__(self) -> str:
        return self.text[:60]


class CaseSight(models.Model):
    """Sight of one case by being asked or by cover: written by floor 3, read by `visible_to`."""

    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="sight", db_index=False)
    team = models.ForeignKey(Team, on_delete=models.CASCADE, null=True, db_index=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, db_index=False)
    reason = models.CharField(max_length=20)
    at = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index("team", "case", name="sight_team"),
            models.Index("user", "case", name="sight_user"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["case", "team", "user"], name="sight_once", nulls_distinct=False),
        ]

    def __str__(self) -> str:
        return f"{self.case_id} {self.team_id or self.user_id}"


class Person(models.Model):
    """What we know of a user beside the account: phone for the fallback card, language, theme, own hold."""

    user = models.OneToOneField(User, on_delete=models.CASCADE, related_name="person")
    phone = models.CharField(_("phone"), max_length=40, blank=True)
    language = models.CharField(_("language"), max_length=10, default="en")
    theme = models.CharField(_("theme"), max_length=6, default="system")
    keys = models.BooleanField(_("keyboard shortcuts"), default=True)
    hold_seconds = models.PositiveIntegerField(_("own hold (seconds)"), default=0)

    class Meta:
        verbose_name = _("person")
        verbose_name_plural = _("people")
        constraints = [
            models.CheckConstraint(condition=Q(hold_seconds__lte=300), name="person_hold_at_most_300_s"),
        ]

    def __str__(self) -> str:
        return self.user.get_full_name() or self.user.username
