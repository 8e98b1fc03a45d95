"""The table of contents of the web side."""

from allauth.account.decorators import secure_admin_login
from django.contrib import admin
from django.urls import include, path

from orchestrator import accounts, health, metrics

# The admin has no door of its own: its people come through ours, with its limits and second factors.
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]

urlpatterns = [
    path("readyz", health.readyz, name="readyz"),
    path("metrics", metrics.metrics, name="metrics"),
    path("i18n/", include("django.conf.urls.i18n")),
    path("accounts/email/", accounts.closed),
    path("accounts/confirm-email/", accounts.closed),
    path("accounts/confirm-email/<str:key>/", accounts.closed),
    path("accounts/3rdparty/", accounts.closed),
    path("accounts/reauthenticate/code/", accounts.closed),
    path("accounts/reauthenticate/code/confirm/", accounts.closed),
    path("accounts/reauthenticate/company/", accounts.at_the_provider, name="reauthenticate_at_the_provider"),
    path("accounts/", include("allauth.urls")),
    path("admin/", admin.site.urls),
    path("api/v1/", include("orchestrator.api.urls")),
    path("", include("orchestrator.desk.urls")),
    path("", include("approvals.urls")),
    path("", include("orchestrator.reports.urls")),
    path("", include("cases.urls")),
]

handler400 = "orchestrator.desk.answers.bad_request"
handler429 = "orchestrator.desk.answers.too_many"
handler500 = "orchestrator.desk.answers.broken"
