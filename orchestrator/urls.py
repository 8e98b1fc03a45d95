"""The table of contents of the web side."""

from django.contrib import admin
from django.urls import include, path

from orchestrator import health, metrics

urlpatterns = [
    path("readyz", health.readyz, name="readyz"),
    path("metrics", metrics.metrics, name="metrics"),
    path("i18n/", include("django.conf.urls.i18n")),
    path("accounts/", include("allauth.urls")),
    path("admin/", admin.site.urls),
    path("api/v1/", include("orchestrator.api.urls")),
    path("", include("orchestrator.desk.urls")),
    path("", include("approvals.urls")),
    path("", include("cases.urls")),
]

handler400 = "orchestrator.desk.answers.bad_request"
handler500 = "orchestrator.desk.answers.broken"
