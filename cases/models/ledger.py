"""The ledger: append-only events in one hash chain per case, and one chain for the company.

The application's database role may only INSERT and SELECT here; triggers refuse the rest. `cases.ledger` writes it.
"""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from cases.models.running import Case


class Event(models.Model):
    """One thing that happened. `hash` chains over the previous one; personal values are in `EventDetail`."""

    # event_seq_in_case begins with it
    case = models.ForeignKey(Case, on_delete=models.PROTECT, null=True, related_name="events", db_index=False)
    seq = models.PositiveIntegerField()
    at = models.DateTimeField()
    code = models.CharField(max_length=60)
    actor = models.CharField(max_length=250)
    operation_id = models.UUIDField(null=True)
    detail_digest = models.CharField(max_length=64)
    hash = models.CharField(max_length=64)

    class Meta:
        verbose_name = _("event")
        verbose_name_plural = _("events")
        ordering = ["case", "seq"]
        constraints = [
            models.UniqueConstraint(fields=["case", "seq"], name="event_seq_in_case", nulls_distinct=False),
        ]
        indexes = [models.Index("at", name="event_at")]  # reports and the daily anchor

    def __str__(self) -> str:
        return f"{self.case_id or 'company'} {self.seq} {self.code}"


class EventDetail(models.Model):
    """The erasable half of an event: its values and the salt of their digest."""

    event = models.OneToOneField(Event, on_delete=models.DO_NOTHING, related_name="detail", primary_key=True)
    salt = models.CharField(max_length=32)
    data = models.JSONField()

    def __str__(self) -> str:
        return str(self.pk)


class ChainHead(models.Model):
    """End of the chain `company`: events without a case. Locked last."""

    name = models.CharField(max_length=20, primary_key=True)
    seq = models.PositiveIntegerField(default=0)
    head = models.CharField(max_length=64, blank=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(name="company"), name="chain_company_only")]

    def __str__(self) -> str:
        return self.name


class Anchor(models.Model):
    """A signed digest over all chain heads on one day, kept outside the database as well."""

    at = models.DateTimeField()
    last_event = models.BigIntegerField()
    events = models.BigIntegerField()
    cases = models.BigIntegerField()
    digest = models.CharField(max_length=64)
    signature = models.CharField(max_length=128)

    class Meta:
        verbose_name = _("anchor")
        verbose_name_plural = _("anchors")
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M} {self.digest[:12]}"
