"""What a company configures on floor 1. Edited in the admin or loaded from a map; each row keeps its history.

No row is deleted: it is retired. `version` rises with every change and is what runs and approvals name.
"""

from typing import Any

from django.conf import settings
from django.contrib.auth.models import Group
from django.db import models
from django.utils.translation import gettext_lazy as _
from guardian.models import GroupObjectPermissionBase, UserObjectPermissionBase
from simple_history.models import HistoricalRecords

from cases.texts import here


class Risk(models.TextChoices):
    LOW = "low", _("Low")
    MEDIUM = "medium", _("Medium")
    HIGH = "high", _("High")


class ConfigRecord(models.Model):
    """A record of the map: a name that never changes, a title in every language, a version, retired or not."""

    name = models.CharField(_("name"), max_length=120, unique=True)
    title = models.JSONField(_("title"), default=str, blank=True)
    retired = models.BooleanField(_("retired"), default=False)
    version = models.PositiveIntegerField(_("version"), default=1, editable=False)

    class Meta:
        abstract = True
        ordering = ["name"]

    def __str__(self) -> str:
        return self.shown

    @property
    def shown(self) -> str:
        """The title in the language of the page, else the name."""
        return here(self.title) or self.name


class Company(models.Model):
    """One row: the company this installation works for."""

    name = models.CharField(_("name"), max_length=200)
    currency = models.CharField(_("currency"), max_length=3, default="HKD")
    time_zone = models.CharField(_("time zone"), max_length=60, default="Asia/Hong_Kong")
    languages = models.JSONField(_("languages"), default=list)
    hold_seconds = models.PositiveIntegerField(_("hold (seconds)"), default=30)
    step_up = models.CharField(
        _("second factor at the decision, from this risk on"), max_length=10, choices=Risk, blank=True
    )
    step_up_seconds = models.PositiveIntegerField(_("a second factor counts for (seconds)"), default=300)
    version = models.PositiveIntegerField(_("version"), default=1, editable=False)
    history = HistoricalRecords()

    class Meta:
        verbose_name = _("company")
        verbose_name_plural = _("company")
        constraints = [
            models.CheckConstraint(condition=models.Q(pk=1), name="company_one_row"),
            models.CheckConstraint(condition=models.Q(hold_seconds__lte=300), name="company_hold_at_most_300_s"),
            models.CheckConstraint(condition=models.Q(step_up_seconds__range=(30, 3600)), name="company_step_up_lasts"),
        ]

    def __str__(self) -> str:
        return self.name


class Calendar(ConfigRecord):
    """Working hours: `{"mon-fri": "09:00-18:00"}`, and the holidays of a country code."""

    hours = models.JSONField(_("hours"), default=dict)
    holidays = models.CharField(_("holidays"), max_length=20, blank=True)
    history = HistoricalRecords()

    class Meta(ConfigRecord.Meta):
        verbose_name = _("calendar")
        verbose_name_plural = _("calendars")


class Team(ConfigRecord):
    """People who share work. Members are the users of `group`, which is what guardian gives rights to."""

    group = models.OneToOneField(Group, on_delete=models.PROTECT, related_name="team", editable=False)
    escalates_to = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="below", verbose_name=_("passes up to")
    )
    leads = models.ManyToManyField(settings.AUTH_USER_MODEL, blank=True, related_name="leads", verbose_name=_("leads"))
    step_up = models.BooleanField(_("second factor at the decision"), default=False)
    history = HistoricalRecords()

    class Meta(ConfigRecord.Meta):
        verbose_name = _("team")
        verbose_name_plural = _("teams")


class RequestTypeQuerySet(models.QuerySet["RequestType"]):
    def with_right(self, user: Any, right: str) -> "RequestTypeQuerySet":
        """Types on which `user` has `see`, `work`, `decide` or `lead` through a team (or a right of their own).

        Superusers get no short cut: an admin who should see cases is put in a team.
        """
        grant = {"permission__codename": right, "permission__content_type__app_label": "cases"}
        by_team = RequestTypeGroupPermission.objects.filter(group__user=user.pk, **grant)
        own = RequestTypeUserPermission.objects.filter(user=user.pk, **grant)
        return self.filter(
            models.Q(pk__in=by_team.values("content_object_id")) | models.Q(pk__in=own.values("content_object_id"))
        )


class RequestType(ConfigRecord):
    """A kind of request: how it is recognised, who works and decides it, when it is due, and its steps."""

    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="works", verbose_name=_("team"))
    lead = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="decides", verbose_name=_("lead team"))
    risk = models.CharField(_("risk"), max_length=10, choices=Risk, default=Risk.MEDIUM)
    confidential = models.BooleanField(_("confidential"), default=False)
    suggestion_after_choice = models.BooleanField(
        _("choose before seeing the suggestion"),
        default=False,
        help_text=_("At high risk the suggestion shows only on the check page, once a choice was made."),
    )
    examples = models.JSONField(_("examples"), default=list, blank=True)
    phrases = models.JSONField(_("phrases"), default=list, blank=True)
    tables = models.JSONField(_("tables"), default=dict, blank=True)
    customer_fact = models.CharField(_("fact that names the customer"), max_length=120, blank=True)
    routes = models.JSONField(_("routes"), default=list, blank=True)
    due = models.JSONField(_("due"), default=dict, blank=True)
    reasons = models.JSONField(_("reasons"), default=list, blank=True)
    history = HistoricalRecords()

    objects = RequestTypeQuerySet.as_manager()

    class Meta(ConfigRecord.Meta):
        verbose_name = _("request type")
        verbose_name_plural = _("request types")
        default_permissions = ("add", "change", "delete", "view")
        permissions = [
            ("see", _("See cases of this type")),
            ("work", _("Work cases of this type")),
            ("decide", _("Decide approvals of this type")),
            ("lead", _("Lead the work on this type")),
        ]


class RequestTypeUserPermission(UserObjectPermissionBase):
    content_object = models.ForeignKey(RequestType, on_delete=models.CASCADE)


class RequestTypeGroupPermission(GroupObjectPermissionBase):
    content_object = models.ForeignKey(RequestType, on_delete=models.CASCADE)


class OfType(models.Model):
    """A named part of a request type; the name is unique within it."""

    name = models.CharField(_("name"), max_length=120)
    retired = models.BooleanField(_("retired"), default=False)
    version = models.PositiveIntegerField(_("version"), default=1, editable=False)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.name


class Template(OfType):
    """A text we send, in every language: `{"en": …, "zh-hant": …}`."""

    type = models.ForeignKey(RequestType, on_delete=models.PROTECT, related_name="templates", verbose_name=_("type"))
    texts = models.JSONField(_("texts"), default=dict)
    history = HistoricalRecords()

    class Meta:
        verbose_name = _("template")
        verbose_name_plural = _("templates")
        constraints = [models.UniqueConstraint(fields=["type", "name"], name="template_name_in_type")]


class Fact(OfType):
    """Something the control layer finds out itself. Where it comes from are rows of floor 2 (`agents.FactSource`)."""

    KINDS = ["text", "number", "money", "date", "time", "duration", "yes_no", "list", "record"]

    type = models.ForeignKey(RequestType, on_delete=models.PROTECT, related_name="facts", verbose_name=_("type"))
    title = models.JSONField(_("title"), default=str, blank=True)
    kind = models.CharField(_("kind"), max_length=10, choices=[(k, k) for k in KINDS], default="text")
    required = models.BooleanField(_("required"), default=False)
    position = models.PositiveSmallIntegerField(_("position"), default=0)
    history = HistoricalRecords()

    class Meta:
        verbose_name = _("fact")
        verbose_name_plural = _("facts")
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["type", "name"], name="fact_name_in_type")]


class Step(OfType):
    """One step of a type. Who does it by machine is a row of floor 2 (`agents.StepWork`); with `team` people do it."""

    ON_FAILURE = ["hand_over", "skip"]

    type = models.ForeignKey(RequestType, on_delete=models.PROTECT, related_name="steps", verbose_name=_("type"))
    does = models.JSONField(_("does"), default=str, blank=True)
    position = models.PositiveSmallIntegerField(_("position"), default=0)
    after = models.JSONField(_("after"), default=list, blank=True)
    when = models.JSONField(_("when"), default=dict, blank=True)
    on_failure = models.CharField(
        _("on failure"), max_length=10, choices=[(k, k) for k in ON_FAILURE], default="hand_over"
    )
    team = models.ForeignKey(Team, on_delete=models.PROTECT, null=True, blank=True, verbose_name=_("team"))
    history = HistoricalRecords()

    class Meta:
        verbose_name = _("step")
        verbose_name_plural = _("steps")
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["type", "name"], name="step_name_in_type")]


class Example(models.Model):
    """What a person answered in triage or corrected: learned from a case, so personal data and not part of the map."""

    type = models.ForeignKey(RequestType, on_delete=models.PROTECT, null=True, blank=True, related_name="learned")
    text = models.TextField()
    case_id = models.BigIntegerField(db_index=True)
    by = models.CharField(max_length=200)
    at = models.DateTimeField()

    class Meta:
        verbose_name = _("learned example")
        verbose_name_plural = _("learned examples")

    def __str__(self) -> str:
        return self.text[:60]
