"""An upgrade migrates first and restarts one process after another: until then the version before works on the new
tables, and adds rows without the columns that it does not know.
"""

from typing import Any

from django.apps import apps
from django.db import models
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations import AddField

SINCE = {
    "agents": "0011",
    "approvals": "0015",
    "cases": "0012",
    "notices": "0002",
    "reports": "0003",
    "workmap": "0003",
}
"""Where this began to hold: what came before is no upgrade from here."""


def needs_a_value(field: Any) -> bool:
    return isinstance(field, models.Field) and not (
        field.null or field.has_db_default() or field.many_to_many or field.primary_key
    )


def test_the_version_before_can_add_rows_to_the_new_tables() -> None:
    ours = {one.label for one in apps.get_app_configs() if one.label in SINCE}
    added = [
        (label, name, operation)
        for (label, name), migration in MigrationLoader(None).disk_migrations.items()
        for operation in migration.operations
        if label in ours and name >= SINCE[label] and isinstance(operation, AddField)
    ]
    assert {label for label, _name, _operation in added} >= {"agents", "cases"}, "it looks at those that there are"
    assert [
        f"{label}.{name}: {operation.model_name}.{operation.name}"
        for label, name, operation in added
        if needs_a_value(operation.field)
    ] == []
