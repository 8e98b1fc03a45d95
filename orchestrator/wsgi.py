"""The WSGI application, for the workers that serve pages in production."""

import os

from django.core.wsgi import get_wsgi_application

from orchestrator.checks import refuse_bad_settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "orchestrator.settings")

application = get_wsgi_application()
refuse_bad_settings()
