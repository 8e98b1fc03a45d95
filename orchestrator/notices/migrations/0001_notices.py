"""What people chose to get, channels of teams, and what was told."""

import django.db.models.deletion
import simple_history.models
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("cases", "0003_ai_may"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="HistoricalTeamHook",
            fields=[
                ("id", models.BigIntegerField(auto_created=True, blank=True, db_index=True, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[("slack", "Slack"), ("teams", "Microsoft Teams")], max_length=10, verbose_name="kind"
                    ),
                ),
                ("address", models.CharField(max_length=2000, verbose_name="address")),
                (
                    "language",
                    models.CharField(
                        choices=[("en", "English"), ("zh-hant", "Traditional Chinese")],
                        default="en",
                        max_length=10,
                        verbose_name="language",
                    ),
                ),
                ("private_network", models.BooleanField(default=False, verbose_name="private network allowed")),
                ("active", models.BooleanField(default=True, verbose_name="active")),
                ("history_id", models.AutoField(primary_key=True, serialize=False)),
                ("history_date", models.DateTimeField(db_index=True)),
                ("history_change_reason", models.TextField(null=True)),
                (
                    "history_type",
                    models.CharField(choices=[("+", "Created"), ("~", "Changed"), ("-", "Deleted")], max_length=1),
                ),
                (
                    "history_user",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "team",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="cases.team",
                        verbose_name="team",
                    ),
                ),
            ],
            options={
                "verbose_name": "historical team channel",
                "verbose_name_plural": "historical team channels",
                "ordering": ("-history_date", "-history_id"),
                "get_latest_by": ("history_date", "history_id"),
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name="MailChoice",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "mode",
                    models.CharField(
                        choices=[
                            ("at_once", "Urgent ones at once, the others together at 09:00 and 14:00"),
                            ("digest", "All together at 09:00 and 14:00"),
                            ("none", "None, but for what is passed up to you or overdue"),
                        ],
                        default="at_once",
                        max_length=10,
                        verbose_name="mails",
                    ),
                ),
                (
                    "user",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="mail_choice",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "choice of mails",
                "verbose_name_plural": "choices of mails",
            },
        ),
        migrations.CreateModel(
            name="TeamHook",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[("slack", "Slack"), ("teams", "Microsoft Teams")], max_length=10, verbose_name="kind"
                    ),
                ),
                ("address", models.CharField(max_length=2000, verbose_name="address")),
                (
                    "language",
                    models.CharField(
                        choices=[("en", "English"), ("zh-hant", "Traditional Chinese")],
                        default="en",
                        max_length=10,
                        verbose_name="language",
                    ),
                ),
                ("private_network", models.BooleanField(default=False, verbose_name="private network allowed")),
                ("active", models.BooleanField(default=True, verbose_name="active")),
                (
                    "team",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="hooks",
                        to="cases.team",
                        verbose_name="team",
                    ),
                ),
            ],
            options={
                "verbose_name": "team channel",
                "verbose_name_plural": "team channels",
            },
        ),
        migrations.CreateModel(
            name="Notice",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("item", models.CharField(max_length=60, verbose_name="about")),
                ("kind", models.CharField(max_length=60, verbose_name="kind")),
                ("covers", models.JSONField(default=list)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("reserved", "To be sent"),
                            ("sending", "Being sent"),
                            ("sent", "Sent"),
                            ("failed", "Refused"),
                            ("unknown", "Unknown"),
                            ("dropped", "No longer needed"),
                        ],
                        default="reserved",
                        max_length=10,
                        verbose_name="state",
                    ),
                ),
                ("tries", models.PositiveSmallIntegerField(default=0, verbose_name="tries")),
                ("blind", models.PositiveSmallIntegerField(default=0, verbose_name="ended unknown")),
                ("try_at", models.DateTimeField(verbose_name="next try")),
                ("reserved_at", models.DateTimeField(verbose_name="reserved at")),
                ("ended_at", models.DateTimeField(null=True, verbose_name="ended at")),
                ("error", models.CharField(blank=True, max_length=300, verbose_name="error")),
                (
                    "user",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="notices",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "hook",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="notices",
                        to="notices.teamhook",
                    ),
                ),
            ],
            options={
                "verbose_name": "notice",
                "verbose_name_plural": "notices",
                "ordering": ["-id"],
            },
        ),
        migrations.AddConstraint(
            model_name="teamhook",
            constraint=models.UniqueConstraint(fields=("team", "kind"), name="one_hook_of_team_and_kind"),
        ),
        migrations.AddIndex(
            model_name="notice",
            index=models.Index(
                models.F("try_at"), condition=models.Q(("state__in", ["reserved", "sending"])), name="notice_due"
            ),
        ),
        migrations.AddIndex(
            model_name="notice",
            index=models.Index(models.F("user"), models.F("reserved_at"), name="notice_of_person"),
        ),
        migrations.AddIndex(
            model_name="notice",
            index=models.Index(models.F("hook"), models.F("reserved_at"), name="notice_of_hook"),
        ),
        migrations.AddConstraint(
            model_name="notice",
            constraint=models.UniqueConstraint(
                condition=models.Q(("hook", None)), fields=("user", "item", "kind"), name="person_told_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="notice",
            constraint=models.UniqueConstraint(
                condition=models.Q(("user", None)), fields=("hook", "item", "kind"), name="hook_told_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="notice",
            constraint=models.CheckConstraint(
                condition=models.Q(("user", None), ("hook", None), _connector="XOR"), name="notice_to_person_or_hook"
            ),
        ),
    ]
