"""A change may start at a time of its own, a standing approval may be paused, a team is asked once a stage."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("approvals", "0006_ticks_and_filters"),
        ("cases", "0004_created_index"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="asked",
            name="team_asked_once",
        ),
        migrations.AddField(
            model_name="draft",
            name="problem",
            field=models.CharField(blank=True, max_length=500, verbose_name="why it did not start"),
        ),
        migrations.AddField(
            model_name="draft",
            name="publish_reason",
            field=models.CharField(blank=True, max_length=300, verbose_name="reason of the second person"),
        ),
        migrations.AddField(
            model_name="draft",
            name="publisher",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.SET_NULL, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="draft",
            name="publisher_label",
            field=models.CharField(blank=True, max_length=250, verbose_name="second person"),
        ),
        migrations.AddField(
            model_name="draft",
            name="sentence",
            field=models.JSONField(default=dict, editable=False, verbose_name="sentence"),
        ),
        migrations.AddField(
            model_name="draft",
            name="starts_at",
            field=models.DateTimeField(null=True, verbose_name="starts at"),
        ),
        migrations.AddField(
            model_name="historicalstandingapproval",
            name="paused_at",
            field=models.DateTimeField(blank=True, null=True, verbose_name="paused at"),
        ),
        migrations.AddField(
            model_name="historicalstandingapproval",
            name="paused_label",
            field=models.CharField(blank=True, max_length=250, verbose_name="paused by"),
        ),
        migrations.AddField(
            model_name="standingapproval",
            name="paused_at",
            field=models.DateTimeField(blank=True, null=True, verbose_name="paused at"),
        ),
        migrations.AddField(
            model_name="standingapproval",
            name="paused_label",
            field=models.CharField(blank=True, max_length=250, verbose_name="paused by"),
        ),
        migrations.AlterField(
            model_name="draft",
            name="state",
            field=models.CharField(
                choices=[
                    ("open", "open"),
                    ("scheduled", "to start"),
                    ("published", "published"),
                    ("dropped", "dropped"),
                ],
                default="open",
                max_length=10,
                verbose_name="state",
            ),
        ),
        migrations.AddIndex(
            model_name="draft",
            index=models.Index(
                models.F("starts_at"), condition=models.Q(("state", "scheduled")), name="draft_to_start"
            ),
        ),
        migrations.AddConstraint(
            model_name="asked",
            constraint=models.UniqueConstraint(fields=("approval", "team", "stage"), name="team_asked_once_a_stage"),
        ),
    ]
