"""The Celery application: four queues and a static beat schedule.

A message is only a doorbell: it carries ids, may be lost, and may come twice.
What has to be done stands in PostgreSQL.
"""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "orchestrator.settings")

app = Celery("work_command")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
