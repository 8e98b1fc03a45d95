"""The tests' own ground: the product's role, rights on the ledger, a database that is empty each time."""

import psycopg
import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.db import connection

from orchestrator.embedded.postgres import APP
from tests.guarantees import guarantee

MARKS: list[int] = []


@pytest.mark.django_db
def test_tests_run_as_the_product_role() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user")
        assert cursor.fetchone() == (APP,)


@guarantee("U04", ci=1)
@pytest.mark.django_db
def test_the_product_role_may_add_to_the_ledger_but_not_change_it() -> None:
    with connection.cursor() as cursor:
        for table in settings.LEDGER_TABLES:
            rights = {}
            for right in ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE"):
                cursor.execute("SELECT has_table_privilege(%s, %s)", [table, right])
                rights[right] = cursor.fetchone()[0]
            assert rights == {
                "SELECT": True,
                "INSERT": True,
                "UPDATE": False,
                "DELETE": False,
                "TRUNCATE": False,
            }, table


@pytest.mark.django_db
def test_the_product_role_cannot_make_or_change_tables() -> None:
    with connection.cursor() as cursor, pytest.raises(Exception, match=r"permission denied|must be owner"):
        cursor.execute("ALTER TABLE auth_user ADD COLUMN extra int")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("turn", [1, 2])
def test_a_committing_test_finds_an_empty_database(turn: int, app_connection: psycopg.Connection) -> None:
    assert not User.objects.exists()
    assert ContentType.objects.exists()
    user = User.objects.create_user("ann")
    assert app_connection.execute("SELECT username FROM auth_user").fetchall() == [("ann",)]
    MARKS.append(user.pk)
    assert len(set(MARKS)) == 1, "numbers begin anew"


@pytest.mark.django_db(transaction=True)
def test_a_new_content_type_gets_a_number_of_its_own() -> None:
    assert ContentType.objects.create(app_label="x", model="y").pk


@pytest.mark.django_db
def test_a_rolled_back_test_finds_no_rows_of_the_committing_ones() -> None:
    assert not User.objects.exists()
