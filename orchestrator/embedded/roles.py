"""The two database roles: the owner migrates, the product's own role can only add to the ledger.

Works on every PostgreSQL; grants are given anew after each migration, so a new table is never forgotten.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.db import connection
from psycopg import sql

IDENTITY = ("NAME", "USER", "PASSWORD", "HOST", "PORT")


def has_owner() -> bool:
    """True if another role than the product's own migrates."""
    return bool(_owner()) and str(_owner()["USER"]) != settings.DATABASE_ROLE


def _owner() -> dict[str, Any]:
    return settings.DATABASE_OWNER or {}


@contextmanager
def as_owner() -> Iterator[None]:
    """Within this block the default connection of this thread speaks as the owner role.

    For commands in a process of their own, and for the making of a test database. Without an owner: as usual.
    """
    if not has_owner():
        yield
        return
    mine = connection.settings_dict
    before = {name: mine[name] for name in (*IDENTITY, "OPTIONS")}
    _reconnect_with({name: _owner()[name] for name in IDENTITY} | {"OPTIONS": _without_pool(mine)})
    try:
        yield
    finally:
        _reconnect_with(before)


def _without_pool(database: dict[str, Any]) -> dict[str, Any]:
    options: dict[str, Any] = {name: value for name, value in database["OPTIONS"].items() if name != "pool"}
    return {**options, **_owner()["OPTIONS"]}


def _reconnect_with(changes: dict[str, Any]) -> None:
    connection.close()
    if "pool" in connection.settings_dict["OPTIONS"]:
        connection.close_pool()  # type: ignore[attr-defined]
    connection.settings_dict.update(changes)


def grant_app_role() -> None:
    """Give the product's role its rights on every table and sequence of the schema; called as the owner.

    Ledger tables (`settings.LEDGER_TABLES`): SELECT and INSERT. Records (`settings.RECORD_TABLES`): no DELETE.
    Decisions and histories: UPDATE of an undoing, and of accounts that are gone. Django's own record of migrations:
    SELECT.
    """
    app = sql.Identifier(settings.DATABASE_ROLE)
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tableowner = current_user")
        tables = {name for (name,) in cursor.fetchall()}
        histories = {name for name in tables if "_historical" in name}
        less = dict.fromkeys(settings.LEDGER_TABLES, "SELECT, INSERT")
        less |= dict.fromkeys(histories, "SELECT, INSERT, UPDATE (history_user_id)")
        less |= dict.fromkeys(settings.RECORD_TABLES, "SELECT, INSERT, UPDATE")
        less[settings.DECISION_TABLE] = "SELECT, INSERT, UPDATE (undone_at, user_id, covering_id)"
        less["django_migrations"] = "SELECT"
        statements: list[sql.Composable] = [
            sql.SQL("GRANT USAGE ON SCHEMA public TO {app}"),
            sql.SQL("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {app}"),
            sql.SQL("GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {app}"),
        ]
        for name in sorted(less.keys() & tables):
            table = sql.Identifier(name)
            statements += [
                sql.SQL("REVOKE ALL ON {table} FROM {{app}}").format(table=table),
                sql.SQL("GRANT {rights} ON {table} TO {{app}}").format(rights=sql.SQL(less[name]), table=table),
            ]
        for statement in statements:
            cursor.execute(sql.SQL(statement.as_string(None)).format(app=app))
