"""Pages of reports: a table of contents."""

from django.urls import path

from orchestrator.reports import views

app_name = "reports"
urlpatterns = [path("reports/load/", views.load, name="load")]
