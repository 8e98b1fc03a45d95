"""The environment: bad values are refused in a sentence, wrong addresses told within seconds."""

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from orchestrator import checks
from orchestrator.demo import environment as demo
from orchestrator.embedded.postgres import APP, DATABASE, OWNER, EmbeddedPostgres
from orchestrator.embedded.secrets import kept_secrets
from orchestrator.environment import (
    BadEnvironment,
    Environment,
    broker_address,
    cache_beside,
    cache_settings,
    postgres_settings,
)

ROOT = Path(__file__).resolve().parents[2]


def manage(tmp_path: Path, *words: str, **values: str) -> tuple[subprocess.CompletedProcess[str], float]:
    began = time.monotonic()
    done = program(tmp_path, "manage.py", *words, **values)
    return done, time.monotonic() - began


def program(tmp_path: Path, *words: str, **values: str) -> subprocess.CompletedProcess[str]:
    """`python WORDS` with a data folder of its own; one that starts after all is ended after a while."""
    kept = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG"}}
    return subprocess.run(
        [sys.executable, *words],
        cwd=ROOT,
        env={**kept, "WORK_COMMAND_DATA": str(tmp_path / "data"), **values},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize("value", ["maybe", "2", "yes please"])
def test_a_flag_that_is_neither_yes_nor_no_is_refused(value: str) -> None:
    with pytest.raises(BadEnvironment, match="DEBUG must be yes or no"):
        Environment({"DEBUG": value}).flag("DEBUG", False)


@pytest.mark.parametrize("value", ["-1", "1.5", "٣", "70000", "x"])
def test_a_number_outside_its_bounds_is_refused(value: str) -> None:
    with pytest.raises(BadEnvironment, match="whole number from 1 to 65535"):
        Environment({"PORT": value}).whole("PORT", 25, least=1, most=65_535)


@pytest.mark.parametrize("value", ["work.example.com", "//work.example.com", "https://", "ftp://a", "https://a b"])
def test_an_address_without_its_scheme_is_refused(value: str) -> None:
    """Links in mails begin with it: nobody could open them, and nothing else would say so."""
    with pytest.raises(BadEnvironment, match=r"PUBLIC_URL must look like https://work\.example\.com"):
        Environment({"PUBLIC_URL": value}).address("PUBLIC_URL")
    assert Environment({"PUBLIC_URL": "https://a.example/"}).address("PUBLIC_URL") == "https://a.example"


def test_sign_in_through_a_provider_needs_the_name_it_knows_us_by(tmp_path: Path) -> None:
    done, _seconds = manage(tmp_path, "check", OIDC_URL="https://login.example.com")
    assert done.returncode != 0 and "OIDC_CLIENT_ID must be set, because OIDC_URL is." in done.stderr


def test_the_product_does_not_start_with_links_that_nobody_could_open(tmp_path: Path) -> None:
    done, _seconds = manage(tmp_path, "check", PUBLIC_URL="work.example.com")
    assert done.returncode != 0 and "PUBLIC_URL must look like" in done.stderr


@pytest.mark.parametrize(
    "url",
    [
        *("mysql://u:secret@h/d", "localhost:5432/x", "postgresql://u:secret@h", "postgresql://u:secret@h:x/d"),
        *("postgresql://u:secret#a@h/d", "postgresql://u:secret/a@h/d", "postgresql://u:[secret@h/d"),
    ],
)
def test_a_database_address_that_cannot_be_used_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(BadEnvironment, match=r"DATABASE_URL (must look like|has a host or a port)") as refused:
        postgres_settings("DATABASE_URL", url)
    assert "secret" not in str(refused.value)


def test_a_database_address_is_read_with_all_its_parts() -> None:
    found = postgres_settings("DATABASE_URL", "postgresql://ann:a%40b@db:5433/work?sslmode=require")
    assert (found["USER"], found["PASSWORD"], found["HOST"], found["PORT"]) == ("ann", "a@b", "db", "5433")
    assert found["OPTIONS"] == {"sslmode": "require"}


def test_a_broker_of_an_unknown_kind_is_refused() -> None:
    with pytest.raises(BadEnvironment, match="BROKER_URL must begin with redis"):
        broker_address("BROKER_URL", "sqs://key:secret@")


@pytest.mark.parametrize("url", ["redis://:secret#a@h:6379/0", "redis://:secret/a@h:6379/0", "amqp://u:secret?a@h//"])
def test_a_broker_or_cache_whose_password_ends_its_host_is_refused_without_it(url: str) -> None:
    for read in (broker_address, cache_settings):
        with pytest.raises(BadEnvironment, match="SERVER_URL has a host or a port that cannot be read") as refused:
            read("SERVER_URL", url)
        assert "secret" not in str(refused.value)


def test_the_cache_goes_with_the_broker() -> None:
    assert cache_beside("redis://h:6379/0") == "redis://h:6379/0"
    assert cache_beside("redis+socket:///run/v.sock") == "unix:///run/v.sock?db=1"
    assert cache_settings("CACHE_URL", cache_beside("amqp://h//"))["BACKEND"].endswith("DatabaseCache")


def test_secrets_are_made_once_and_closed_to_others(tmp_path: Path) -> None:
    first = kept_secrets(tmp_path / "data")
    assert kept_secrets(tmp_path / "data") == first
    assert len(set(first.values())) == 3
    assert (tmp_path / "data" / "secrets.json").stat().st_mode & 0o777 == 0o600


def test_a_wrong_database_is_a_sentence_within_five_seconds(tmp_path: Path) -> None:
    done, seconds = manage(tmp_path, "migrate", DATABASE_URL="postgresql://u:hidden@127.0.0.1:1/x")
    assert done.returncode == 1
    assert "PostgreSQL at 127.0.0.1:1 (DATABASE_URL) cannot be used" in done.stderr
    assert "Traceback" not in done.stderr
    assert "hidden" not in done.stderr
    assert seconds < 5 + float(os.environ.get("SLOW_MACHINE_SECONDS", "5"))


def test_a_wrong_owner_is_a_sentence_too(tmp_path: Path, postgres: EmbeddedPostgres) -> None:
    """Nobody but `migrate` speaks as the owner, so nothing else tells of it."""
    product = f"postgresql://{APP}@/{DATABASE}?host={postgres.sockets}"
    done, _seconds = manage(
        tmp_path, "migrate", DATABASE_URL=product, DATABASE_OWNER_URL="postgresql://o:hidden@127.0.0.1:1/x"
    )
    assert done.returncode == 1
    assert "PostgreSQL at 127.0.0.1:1 (DATABASE_OWNER_URL) cannot be used" in done.stderr
    assert "onnection refused" in done.stderr
    assert "Traceback" not in done.stderr and "hidden" not in done.stderr


def test_it_says_that_the_owner_migrated_another_database(tmp_path: Path, postgres: EmbeddedPostgres) -> None:
    """One wrong letter in its name, and all looked well until the first page broke."""
    with postgres.connect() as line:
        for name in ("with_one_letter", "with_another"):
            line.execute(f"CREATE DATABASE {name} OWNER {OWNER}")
        try:
            done, _seconds = manage(
                tmp_path,
                *("migrate", "contenttypes", "-v0"),
                DATABASE_URL=f"postgresql://{APP}@/with_one_letter?host={postgres.sockets}",
                DATABASE_OWNER_URL=f"postgresql://{OWNER}@/with_another?host={postgres.sockets}",
            )
        finally:
            for name in ("with_one_letter", "with_another"):
                line.execute(f"DROP DATABASE {name} WITH (FORCE)")
    assert done.returncode == 1
    assert "DATABASE_OWNER_URL and DATABASE_URL do not lead to the same database." in done.stderr


def test_a_wrong_broker_is_a_sentence(tmp_path: Path) -> None:
    done, _seconds = manage(tmp_path, "demo", BROKER_URL="redis://:hidden@127.0.0.1:1/0")
    assert done.returncode == 1
    assert "The broker at redis://127.0.0.1:1 (BROKER_URL) does not answer" in done.stderr
    assert "Traceback" not in done.stderr + done.stdout
    assert "hidden" not in done.stderr + done.stdout


@pytest.mark.parametrize("command", ["demo", "verify_ledger"])
def test_a_data_folder_that_cannot_be_used_is_a_sentence(command: str, tmp_path: Path) -> None:
    """It may be a file, of another user, full or not writable: a file stands for all, as root may do the rest."""
    (tmp_path / "data").write_text("")
    done, _seconds = manage(tmp_path, command)
    assert done.returncode == 1
    assert f"{tmp_path / 'data'} cannot be used: " in done.stderr
    assert "WORK_COMMAND_DATA names another data folder" in done.stderr and "Traceback" not in done.stderr


def test_a_data_folder_of_another_user_is_no_demo_of_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With all settings in the environment nothing is read there, so no command may fail because of it."""

    def refuse(*_: Any, **__: Any) -> str:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_text", refuse)
    monkeypatch.setattr(Path, "exists", refuse)
    values: dict[str, str] = {}
    demo.apply_kept(values, tmp_path)
    assert values == {}


@pytest.mark.parametrize("name", ["PORT", "DEMO_COMPANY_PORT"])
@pytest.mark.parametrize("value", ["abc", "0", "99999"])
def test_a_port_that_is_none_is_a_sentence(name: str, value: str, tmp_path: Path) -> None:
    with pytest.raises(BadEnvironment, match=f"^{name} must be a whole number from 1 to 65535"):
        demo.decide({name: value}, tmp_path)


def test_production_without_secrets_says_what_to_set(tmp_path: Path) -> None:
    done, _seconds = manage(tmp_path, "check", DATABASE_URL="postgresql://u@127.0.0.1/x", WORK_COMMAND_DATA="")
    assert done.returncode == 1
    assert "SECRET_KEY is not set" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_fixed_clock_is_refused_in_production(tmp_path: Path) -> None:
    done, _seconds = manage(tmp_path, "check", FIXED_NOW="2026-03-02T10:00:00+08:00")
    assert done.returncode == 1
    assert "work.E001" in done.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("-c", "import orchestrator.wsgi"),
        ("-c", "import orchestrator.asgi"),
        ("-m", "celery", "-A", "orchestrator", "worker", "-Q", "flow", "--concurrency", "1"),
        ("-m", "celery", "-A", "orchestrator", "beat", "--pidfile="),
    ],
    ids=["wsgi", "asgi", "worker", "beat"],
)
def test_web_workers_and_beat_do_not_start_with_what_the_checks_refuse(words: tuple[str, ...], tmp_path: Path) -> None:
    """Nobody has to ask `manage.py check` before they start: they judged rules by a clock that stands still."""
    done = program(tmp_path, *words, FIXED_NOW="2026-03-02T10:00:00+08:00", FIELD_KEYS="none", LEDGER_KEY="short")
    assert done.returncode != 0
    for said in ("FIXED_NOW is set outside the demo.", "FIELD_KEYS has a value", "LEDGER_KEY must have at least 32"):
        assert said in done.stderr


@pytest.mark.parametrize("keys", ["short", f"{'k' * 32},short", f"{'k' * 20},{'l' * 20}", ","])
def test_each_key_of_the_ledger_must_be_long(keys: str, settings: Any) -> None:
    settings.LEDGER_KEY = keys
    assert [found.id for found in checks.ledger_key()] == ["work.E004"]
    settings.LEDGER_KEY = f"{'k' * 32}, {'l' * 32}"
    assert checks.ledger_key() == []


def test_no_anchor_is_signed_with_a_key_that_is_refused(tmp_path: Path) -> None:
    done, _seconds = manage(tmp_path, "anchor_ledger", LEDGER_KEY="short")
    assert done.returncode == 1 and "work.E004" in done.stderr


PRODUCTION = {"ALLOWED_HOSTS": "work.example.com", "PUBLIC_URL": "https://work.example.com"}


def test_production_settings_pass_the_deploy_check(tmp_path: Path) -> None:
    done, _seconds = manage(tmp_path, "check", "--deploy", "--fail-level", "WARNING", **PRODUCTION)
    assert done.returncode == 0, done.stderr
    assert "0 silenced" in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("public", "hosts", "found"),
    [
        ("http://127.0.0.1:8000", ["work.example.com"], ["work.W001"]),  # PUBLIC_URL was not set
        ("https://work.example.com", ["localhost", "127.0.0.1", "[::1]"], ["work.W001"]),  # ALLOWED_HOSTS was not
        ("https://work.example.com", ["https://work.example.com"], ["work.W001"]),
        ("http://work.example.com", ["work.example.com"], ["work.W001"]),
        ("https://work.example.com", ["*"], ["work.W002"]),
        ("https://work.example.com:8443/desk", [".example.com"], []),
        ("https://[2001:db8::1]:8443", ["[2001:db8::1]"], []),
    ],
)
def test_the_deploy_check_tells_of_an_address_that_nobody_can_open(
    public: str, hosts: list[str], found: list[str], settings: Any
) -> None:
    settings.PUBLIC_URL, settings.ALLOWED_HOSTS = public, hosts
    assert [one.id for one in checks.addresses()] == found


def test_commands_beside_the_demo_see_its_ports_but_another_database_does_not(tmp_path: Path) -> None:
    values: dict[str, str] = {"PORT": "8000"}
    demo.decide(values, tmp_path)
    beside: dict[str, str] = {}
    demo.apply_kept(beside, tmp_path)
    assert beside["WORK_COMMAND_DEMO"] == "yes"
    assert beside["DEMO_COMPANY_TOKEN"] == values["DEMO_COMPANY_TOKEN"]
    production = {"DATABASE_URL": "postgresql://u@h/d"}
    demo.apply_kept(production, tmp_path)
    assert production == {"DATABASE_URL": "postgresql://u@h/d"}


def test_a_taken_port_gives_way_to_the_next() -> None:
    import socket

    with socket.socket() as line:
        line.bind(("127.0.0.1", 0))
        line.listen()
        taken = line.getsockname()[1]
        assert demo.first_free_port(taken) > taken


def test_the_pages_do_not_take_the_port_that_the_demo_company_is_about_to_take(tmp_path: Path) -> None:
    free = demo.first_free_port(20_000)
    values = {"PORT": str(free), "DEMO_COMPANY_PORT": str(free)}
    demo.decide(values, tmp_path)
    assert values["DEMO_COMPANY_PORT"] == str(free) != values["PORT"]
