"""Roll-ups of the reports: what each case counts for, sums a day, and up to when both are true. `rolling` writes them.

They are a copy: thrown away, they are worked out anew. A report adds what happened since.
"""

from django.db import models

from cases.models import Case, RequestType


class CaseLine(models.Model):
    """What one typed, not confidential case counts for, as it was when it was last rolled up."""

    case = models.OneToOneField(Case, on_delete=models.CASCADE, primary_key=True, related_name="+")
    day = models.DateField()  # on which it was received, in the company's zone
    type = models.ForeignKey(RequestType, on_delete=models.PROTECT, related_name="+", db_index=False)
    status = models.CharField(max_length=20)
    automatic = models.BooleanField()
    above = models.BooleanField()
    late = models.BooleanField()
    lacked = models.JSONField()
    refunds = models.PositiveIntegerField()
    money = models.DecimalField(max_digits=20, decimal_places=4)

    class Meta:
        indexes = [models.Index("day", name="line_of_day")]  # a day is summed anew when one of its cases changed

    def __str__(self) -> str:
        return f"{self.day} {self.case_id}"


class DayCount(models.Model):
    """The lines of one day, type and status together; `facts` says how often which fact was lacking."""

    day = models.DateField()
    type = models.ForeignKey(RequestType, on_delete=models.PROTECT, related_name="+", db_index=False)
    status = models.CharField(max_length=20)
    received = models.PositiveIntegerField()
    automatic = models.PositiveIntegerField()
    above = models.PositiveIntegerField()
    late = models.PositiveIntegerField()
    lacked = models.PositiveIntegerField()
    facts = models.JSONField()
    refunds = models.PositiveIntegerField()
    money = models.DecimalField(max_digits=24, decimal_places=4)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["day", "type", "status"], name="one_count_a_day")]

    def __str__(self) -> str:
        return f"{self.day} {self.type_id} {self.status}"


class RollUp(models.Model):
    """One row. Every case with no event since `at` stands in the lines as it is; None while they are first built."""

    at = models.DateTimeField(null=True)
    began = models.DateTimeField()
    reached = models.BigIntegerField(default=0)  # the last case of the first building
    time_zone = models.CharField(max_length=60)
    currency = models.CharField(max_length=3)

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(pk=1), name="one_roll_up")]

    def __str__(self) -> str:
        return str(self.at or self.reached)
