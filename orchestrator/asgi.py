"""The ASGI application, for one process that serves everything."""

import os

from django.core.asgi import get_asgi_application

from orchestrator.checks import refuse_bad_settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "orchestrator.settings")

application = get_asgi_application()
refuse_bad_settings()
