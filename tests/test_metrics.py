"""`/metrics`: counts for whoever brings the token, nothing for others."""

import pytest
from django.test import Client

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("header", [None, "Bearer wrong", "Bearer "])
def test_nobody_reads_it_without_the_token(client: Client, settings: object, header: str | None) -> None:
    settings.METRICS_TOKEN = "right"  # type: ignore[attr-defined]
    assert client.get("/metrics", headers={"authorization": header} if header else {}).status_code == 404


def test_an_unset_token_lets_nobody_in(client: Client) -> None:
    assert client.get("/metrics", headers={"authorization": "Bearer "}).status_code == 404


def test_it_counts_what_waits(client: Client, settings: object) -> None:
    settings.METRICS_TOKEN = "right"  # type: ignore[attr-defined]
    answer = client.get("/metrics", headers={"authorization": "Bearer right"})
    assert answer.status_code == 200
    assert b"work_command_cases_due 0.0" in answer.content
