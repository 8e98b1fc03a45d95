"""Pages about cases alone: a table of contents. Pages over several floors are the desk's."""

from django.urls import path

from cases import views

app_name = "cases"
urlpatterns = [path("triage/", views.triage, name="triage")]
