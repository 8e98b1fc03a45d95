"""How records of the map were written, for `dump_map`; and what rules would have done in a period of the past.

What is in force are the rows of the floors below; nothing is ever decided by what stands here.
"""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class MapRecord(models.Model):
    """One record as it was last written in a map file. Used by a dump as long as it still says what is in force."""

    what = models.CharField(max_length=20)
    name = models.CharField(max_length=260)
    position = models.PositiveIntegerField()
    said = models.TextField()  # JSON text: jsonb would lose the order of keys

    class Meta:
        constraints = [models.UniqueConstraint(fields=["what", "name"], name="map_record_once")]
        ordering = ["position"]

    def __str__(self) -> str:
        return f"{self.what} {self.name}".strip()


class RuleTrial(models.Model):
    """One run of a rule over a period of the past. `claim` rises with each taking and fences late workers."""

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        RUNNING = "running", _("Running")
        DONE = "done", _("Done")
        FAILED = "failed", _("Failed")

    rule = models.JSONField()  # the rule as it was on the page
    since = models.DateTimeField()
    until = models.DateTimeField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    by_label = models.CharField(max_length=250)
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    claim = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(default=0)
    done = models.PositiveIntegerField(default=0)
    result = models.JSONField(default=dict)
    created_at = models.DateTimeField()
    beat_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index("id", name="rule_trial_to_do", condition=models.Q(state__in=["waiting", "running"])),
        ]

    def __str__(self) -> str:
        return f"{self.rule.get('name')} {self.since:%Y-%m-%d}"

    @property
    def is_open(self) -> bool:
        return self.state in (self.State.WAITING, self.State.RUNNING)
