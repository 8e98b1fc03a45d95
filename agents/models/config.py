"""What a company configures on floor 2: systems and their operations, agents and what each may do.

Also the references that would point up from floor 1: which operation a fact is looked up with, which agent does a
step, which system a fallback card names.
"""

from django.db import models
from django.utils.translation import gettext_lazy as _
from simple_history.models import HistoricalRecords

from cases.models import Fact, RequestType, Step, Team, Template
from cases.models.config import ConfigRecord, Risk


class Level(models.TextChoices):
    """The four levels of permission. A missing level means controlled."""

    REFERENCE = "reference", _("1 Reference")
    CASE = "case", _("2 This case")
    INTERNAL = "internal", _("3 Internal")
    CONTROLLED = "controlled", _("4 Controlled")


class System(ConfigRecord):
    """A business system, reached through one connector. Credentials are named (`env:NAME`), never stored in clear."""

    connector = models.CharField(_("connector"), max_length=20)
    url = models.CharField(_("address"), max_length=500, blank=True)
    auth = models.JSONField(_("sign-in"), default=dict, blank=True)
    answer = models.JSONField(_("answer"), default=dict, blank=True)
    owner = models.ForeignKey(Team, on_delete=models.PROTECT, null=True, blank=True, verbose_name=_("owner"))
    private_network = models.BooleanField(_("private network allowed"), default=False)
    timeout_seconds = models.FloatField(_("time-out (seconds)"), default=10)
    page = models.CharField(
        _("page of a record"),
        max_length=500,
        blank=True,
        help_text=_("Where people open it, such as https://shop.example.com/orders/{order_number}."),
    )
    history = HistoricalRecords()

    class Meta(ConfigRecord.Meta):
        verbose_name = _("system")
        verbose_name_plural = _("systems")


class SystemHealth(models.Model):
    """How a system does: its circuit breaker. Beside the system's row, because that one is configuration."""

    system = models.OneToOneField(System, on_delete=models.CASCADE, related_name="health", primary_key=True)
    breaker = models.JSONField(default=dict)
    checked_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return str(self.system)


class Operation(ConfigRecord):
    """One thing a system can do, named SYSTEM.OPERATION, with its level and its bonds to case and record."""

    system = models.ForeignKey(System, on_delete=models.PROTECT, related_name="operations", verbose_name=_("system"))
    level = models.CharField(_("level"), max_length=12, choices=Level, default=Level.CONTROLLED)
    kind = models.CharField(
        _("kind"), max_length=5, choices=[("read", _("read")), ("write", _("write"))], default="write"
    )
    arguments = models.JSONField(_("arguments"), default=dict, blank=True)
    call = models.JSONField(_("call"), default=dict, blank=True)
    case_key = models.JSONField(_("case key"), null=True, blank=True)
    keep = models.JSONField(_("keep"), default=dict, blank=True)
    money = models.JSONField(_("money"), null=True, blank=True)
    currency = models.CharField(_("currency argument"), max_length=60, blank=True)
    effect_key = models.JSONField(_("effect key"), null=True, blank=True)
    version_of = models.JSONField(_("version of the record"), default=dict, blank=True)
    read_back = models.JSONField(_("read-back"), default=dict, blank=True)
    undo = models.JSONField(_("undo"), default=dict, blank=True)
    editable = models.JSONField(_("editable by an approver"), default=list, blank=True)
    secret = models.JSONField(_("secret arguments"), default=list, blank=True)
    masked = models.JSONField(_("masked arguments"), default=list, blank=True)
    shows = models.JSONField(_("what its approval shows"), default=dict, blank=True)
    page = models.CharField(
        _("page of a record"),
        max_length=500,
        blank=True,
        help_text=_("Where people open it, such as https://shop.example.com/orders/{order_number}."),
    )
    risk = models.CharField(_("risk"), max_length=10, choices=Risk, default=Risk.MEDIUM)
    high_above = models.DecimalField(_("high risk above"), max_digits=14, decimal_places=2, null=True, blank=True)
    hold_seconds = models.PositiveIntegerField(_("hold (seconds)"), null=True, blank=True)
    suspended = models.CharField(_("suspended because"), max_length=200, blank=True)
    history = HistoricalRecords()

    class Meta(ConfigRecord.Meta):
        verbose_name = _("operation")
        verbose_name_plural = _("operations")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(hold_seconds=None) | models.Q(hold_seconds__lte=300),
                name="operation_hold_at_most_300_s",
            ),
        ]

    @property
    def is_write(self) -> bool:
        return self.kind != "read"

    @property
    def is_controlled(self) -> bool:
        return self.level not in (Level.REFERENCE, Level.CASE, Level.INTERNAL)  # an odd level is the highest


class Agent(ConfigRecord):
    """A narrow specialist: a brain (model, procedure, outside), limits, and only what grants give it."""

    purpose = models.TextField(_("purpose"), blank=True)
    owner = models.ForeignKey(Team, on_delete=models.PROTECT, null=True, blank=True, verbose_name=_("owner"))
    brain = models.JSONField(_("brain"), default=dict)
    limits = models.JSONField(_("limits"), default=dict, blank=True)
    active = models.BooleanField(_("active"), default=True)
    history = HistoricalRecords()

    class Meta(ConfigRecord.Meta):
        verbose_name = _("agent")
        verbose_name_plural = _("agents")

    @property
    def brain_kind(self) -> str:
        return str(self.brain.get("kind", "procedure"))


class Grant(models.Model):
    """This agent may call this operation: these fields, these limits, until this date, for this reason."""

    agent = models.ForeignKey(Agent, on_delete=models.PROTECT, related_name="grants", verbose_name=_("agent"))
    operation = models.ForeignKey(
        Operation, on_delete=models.PROTECT, related_name="grants", verbose_name=_("operation")
    )
    reason = models.CharField(_("reason"), max_length=300)
    since = models.DateField(_("from"), null=True, blank=True)
    until = models.DateField(_("until"))
    types = models.JSONField(_("request types"), default=list, blank=True)
    steps = models.JSONField(_("steps"), default=list, blank=True)
    fields = models.JSONField(_("fields"), null=True, blank=True)
    limits = models.JSONField(_("limits"), default=dict, blank=True)
    retired = models.BooleanField(_("retired"), default=False)
    version = models.PositiveIntegerField(_("version"), default=1, editable=False)
    history = HistoricalRecords()

    class Meta:
        verbose_name = _("permission grant")
        verbose_name_plural = _("permission grants")
        ordering = ["agent__name", "operation__name", "id"]

    def __str__(self) -> str:
        return f"{self.agent} · {self.operation}"


class StepWork(models.Model):
    """Who does a step by machine, with which operations, by which recipe."""

    step = models.OneToOneField(Step, on_delete=models.PROTECT, related_name="work", verbose_name=_("step"))
    agent = models.ForeignKey(Agent, on_delete=models.PROTECT, related_name="work", verbose_name=_("agent"))
    operations = models.JSONField(_("operations"), null=True, blank=True)
    procedure = models.JSONField(_("procedure"), default=list, blank=True)
    retired = models.BooleanField(_("retired"), default=False)
    version = models.PositiveIntegerField(_("version"), default=1, editable=False)
    history = HistoricalRecords()

    class Meta:
        verbose_name = _("work of a step")
        verbose_name_plural = _("work of steps")

    def __str__(self) -> str:
        return f"{self.step} · {self.agent}"


class FactSource(models.Model):
    """Where a fact comes from; the first source that is known counts."""

    KINDS = ["form", "message", "look_up", "formula", "history", "match"]

    fact = models.ForeignKey(Fact, on_delete=models.PROTECT, related_name="sources", verbose_name=_("fact"))
    position = models.PositiveSmallIntegerField(_("position"), default=0)
    kind = models.CharField(_("kind"), max_length=10, choices=[(k, k) for k in KINDS])
    operation = models.ForeignKey(
        Operation, on_delete=models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("operation")
    )
    settings = models.JSONField(_("settings"), default=dict)
    retired = models.BooleanField(_("retired"), default=False)
    version = models.PositiveIntegerField(_("version"), default=1, editable=False)
    history = HistoricalRecords()

    class Meta:
        verbose_name = _("source of a fact")
        verbose_name_plural = _("sources of facts")
        ordering = ["fact", "position"]
        constraints = [
            models.UniqueConstraint(
                fields=["fact", "position"], condition=models.Q(retired=False), name="fact_source_place"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.fact} {self.position}: {self.kind}"


class FallbackCard(models.Model):
    """What people do when the AI is off: what to check, which template, who approves, where to record."""

    type = models.OneToOneField(RequestType, on_delete=models.PROTECT, related_name="card", verbose_name=_("type"))
    template = models.ForeignKey(Template, on_delete=models.PROTECT, null=True, blank=True, verbose_name=_("template"))
    approver = models.ForeignKey(Team, on_delete=models.PROTECT, null=True, blank=True, verbose_name=_("approver"))
    record_in = models.ManyToManyField(System, blank=True, verbose_name=_("record in"))
    retired = models.BooleanField(_("retired"), default=False)
    version = models.PositiveIntegerField(_("version"), default=1, editable=False)
    history = HistoricalRecords()

    class Meta:
        verbose_name = _("fallback card")
        verbose_name_plural = _("fallback cards")

    def __str__(self) -> str:
        return str(self.type)


class FallbackStep(models.Model):
    """One line of a fallback card."""

    card = models.ForeignKey(FallbackCard, on_delete=models.CASCADE, related_name="steps", verbose_name=_("card"))
    position = models.PositiveSmallIntegerField(_("position"), default=0)
    title = models.JSONField(_("title"), default=str)
    system = models.ForeignKey(System, on_delete=models.PROTECT, null=True, blank=True, verbose_name=_("system"))
    look_for = models.JSONField(_("look for"), default=str, blank=True)

    class Meta:
        verbose_name = _("line of a fallback card")
        verbose_name_plural = _("lines of fallback cards")
        ordering = ["position"]

    def __str__(self) -> str:
        return str(self.title)


class CompanyCalls(models.Model):
    """One row: how a requester is found by contact, and how the company replies to one."""

    customer = models.ForeignKey(
        Operation, on_delete=models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("customer look-up")
    )
    customer_arguments = models.JSONField(_("its arguments"), default=dict, blank=True)
    customer_path = models.CharField(_("path of the customer's id"), max_length=120, blank=True)
    reply = models.ForeignKey(
        Operation, on_delete=models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("reply")
    )
    reply_with = models.JSONField(_("its arguments"), default=dict, blank=True)
    version = models.PositiveIntegerField(_("version"), default=1, editable=False)
    history = HistoricalRecords()

    class Meta:
        verbose_name = _("company calls")
        verbose_name_plural = _("company calls")
        constraints = [models.CheckConstraint(condition=models.Q(pk=1), name="company_calls_one_row")]

    def __str__(self) -> str:
        return str(_("company calls"))
