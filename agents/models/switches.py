"""What stops agents, and the epoch of the policy. Rows always exist; pausing updates one."""

import uuid

from django.db import models
from django.utils.translation import gettext_lazy as _


class Switch(models.Model):
    """One pause switch: all AI, one agent, one request type or one system. Read FOR SHARE by the gate."""

    class Scope(models.TextChoices):
        ALL = "all", _("All AI")
        AGENT = "agent", _("One agent")
        TYPE = "type", _("One request type")
        SYSTEM = "system", _("One system")

    scope = models.CharField(max_length=6, choices=Scope)
    name = models.CharField(max_length=120, blank=True)
    paused = models.BooleanField(default=False)
    by = models.CharField(max_length=250, blank=True)
    by_user_id = models.BigIntegerField(null=True)
    reason = models.CharField(max_length=300, blank=True)
    at = models.DateTimeField(null=True)
    since = models.DateTimeField(null=True)  # when the last pause began, also once it is over: then it ended `at`
    # no: it lets go on again, and what it stopped was not woken yet
    settled = models.BooleanField(default=True, db_default=True)

    class Meta:
        verbose_name = _("pause switch")
        verbose_name_plural = _("pause switches")
        constraints = [models.UniqueConstraint(fields=["scope", "name"], name="switch_once")]

    def __str__(self) -> str:
        return f"{self.scope} {self.name}".strip()


class Policy(models.Model):
    """One row. `epoch` rises when a rule is published, a grant changed or a map loaded; permits carry it."""

    epoch = models.PositiveIntegerField(default=1)
    stamp = models.UUIDField(default=uuid.uuid4)  # new with every change: what configuration caches go by
    restoring = models.BooleanField(default=False)

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(pk=1), name="policy_one_row")]

    def __str__(self) -> str:
        return str(self.epoch)
