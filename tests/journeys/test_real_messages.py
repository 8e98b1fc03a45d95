"""500 real messages through the API with four workers: each ends in a named state, none is lost, the ledger holds.

Ten of the 77 kinds of the messages are request types of the map, the other kinds are unknown to it. The messages are
no part of the project: without them this is skipped, and says so.
"""

import collections
import gzip
import io
import json
import random
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import call_command

from agents.models import Run, Write
from cases import ledger
from cases.models import Case, Message
from tests.api.program import program
from tests.journeys.processes import Processes
from tests.journeys.retail.retailer import OverHttp

DATA = Path(__file__).parents[3] / "shared" / "data" / "sorting" / "banking77_train.jsonl.gz"
MESSAGES, OF_OUR_TYPES, EXAMPLES = 500, 250, 60
MINUTES = 5
WORKERS = 4
BY_ITSELF = ("card_arrival", "lost_or_stolen_card", "age_limit", "exchange_rate")
ASKS = ("request_refund", "cash_withdrawal_charge", "transfer_fee_charged")
BY_PEOPLE = ("transaction_charged_twice", "compromised_card", "terminate_account")
LABELS = (*BY_ITSELF, *ASKS, *BY_PEOPLE)
NAMED = {"done", "waiting_approval", "with_person", "triage"}

pytestmark = [
    pytest.mark.skipif(not DATA.exists(), reason=f"the real messages are not here: {DATA}"),
    pytest.mark.timeout(900),
]


def steps_of(label: str) -> list[dict[str, Any]]:
    """Written by itself, proposed to the lead, or done by people."""
    if label in BY_PEOPLE:
        return [{"name": "answer", "team": "desk", "does": "Answer the customer"}]
    words = {"text": f"Asked: {label}"}
    procedure: list[dict[str, Any]] = [{"write": "notes.note", "with": words, "as": "kept"}]
    if label in ASKS:
        promise = {"operation": "notes.promise", "with": words}
        procedure = [{"option": "promise", "title": "Promise it", "writes": [promise]}, {"propose": ["promise"]}]
    return [{"name": "answer", "agent": "clerk", "does": "Note what is asked", "procedure": procedure}]


def the_map(examples: dict[str, list[str]]) -> str:
    """A map with a request type for each label, and one system that needs no network."""
    note = {
        "kind": "write",
        "arguments": {
            "type": "object",
            "required": ["text"],
            "additionalProperties": False,
            "properties": {"text": {"type": "string"}},
        },
        "call": {"function": "builtin.note"},
        "case_key": "none",
        "effect_key": "none",
    }
    grant = {"agent": "clerk", "reason": "Notes", "until": "2099-12-31"}
    made = {
        "work_command_map": 1,
        "company": {"name": "Bank", "currency": "GBP", "time_zone": "Europe/London", "languages": ["en"]},
        "teams": [{"name": "desk", "title": "Desk", "escalates_to": "leads"}, {"name": "leads", "title": "Leads"}],
        "systems": [{"name": "notes", "title": "Notes", "connector": "builtin", "owner": "leads"}],
        "operations": [
            {"name": "notes.note", "title": "Keep a note", "level": "internal", **note},
            {"name": "notes.promise", "title": "Promise something", "level": "controlled", **note},
        ],
        "agents": [
            {"name": "clerk", "title": "Clerk", "owner": "desk", "purpose": "Notes", "brain": {"kind": "procedure"}}
        ],
        "grants": [{**grant, "operation": "notes.note"}, {**grant, "operation": "notes.promise"}],
        "request_types": [
            {
                "name": label,
                "title": label.replace("_", " ").capitalize(),
                "team": "desk",
                "lead": "leads",
                "risk": "low",
                "examples": examples[label],
                "steps": steps_of(label),
            }
            for label in LABELS
        ],
    }
    return yaml.safe_dump(made, allow_unicode=True, sort_keys=False)


@pytest.fixture(scope="module")
def messages() -> tuple[dict[str, list[str]], list[tuple[str, str]]]:
    """(the examples of each type, the messages to send with their labels): never the same one in both."""
    by_label: dict[str, list[str]] = collections.defaultdict(list)
    with gzip.open(DATA, "rt", encoding="utf-8") as file:
        for row in map(json.loads, file):
            by_label[row["label"]].append(row["text"])
    draw = random.Random(77)
    for texts in by_label.values():
        draw.shuffle(texts)
    examples = {label: by_label[label][:EXAMPLES] for label in LABELS}
    ours = [(text, label) for label in LABELS for text in by_label[label][EXAMPLES:]]
    others = [(text, label) for label, texts in by_label.items() if label not in LABELS for text in texts]
    sent = draw.sample(ours, OF_OUR_TYPES) + draw.sample(others, MESSAGES - OF_OUR_TYPES)
    draw.shuffle(sent)
    return examples, sent


@pytest.fixture(scope="module")
def bank(
    running: Callable[[], AbstractContextManager[Processes]],
    messages: tuple[dict[str, list[str]], list[tuple[str, str]]],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Processes]:
    with running() as processes:
        processes.web()
        path = tmp_path_factory.mktemp("map") / "bank.yaml"
        path.write_text(the_map(messages[0]), encoding="utf-8")
        call_command("load_map", str(path), stdout=io.StringIO())
        for _number in range(WORKERS):
            processes.worker(threads=1)
        processes.beat()
        processes.ready()
        yield processes


def test_500_real_messages_end_in_named_states(
    bank: Processes,
    messages: tuple[dict[str, list[str]], list[tuple[str, str]]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    began = time.monotonic()
    numbers = dict(_sent(bank, messages[1]))
    accepted = time.monotonic() - began
    assert len(numbers) == MESSAGES, "each message is a case of its own"
    while (left := Case.objects.exclude(status__in=NAMED).count()) and time.monotonic() - began < MINUTES * 60:
        time.sleep(0.25)
    took = time.monotonic() - began

    states = collections.Counter(Case.objects.values_list("status", flat=True))
    right = _right(numbers)
    with capsys.disabled():
        print(f"\n500 real messages: accepted in {accepted:.0f} s, all settled after {took:.0f} s")
        print("; ".join(f"{state} {count}" for state, count in states.most_common()), f"; {right}")
    assert not left, f"{left} have no named state after {MINUTES} minutes\n{bank.log()}"
    assert sum(states.values()) == MESSAGES and set(states) <= NAMED
    assert Message.objects.filter(direction="in").count() == MESSAGES
    assert (
        not Run.objects.filter(state="open").exclude(waiting_on=None).exclude(case__status="waiting_approval").exists()
    )
    _each_did_its_step_once()
    assert "flow.job_failed" not in bank.said("worker"), bank.log()
    verdict = ledger.verify()
    assert (verdict.first_broken, verdict.chains >= MESSAGES) == (None, True)
    assert right["routed right"] >= 0.75 * OF_OUR_TYPES and right["unknown to triage"] >= 0.6 * (
        MESSAGES - OF_OUR_TYPES
    )


def _sent(bank: Processes, lines: list[tuple[str, str]]) -> Iterator[tuple[int, str]]:
    shop = OverHttp(program("intake", name="bank"), bank.url)
    for place, (text, label) in enumerate(lines):
        body = {"source": "customer", "channel": "web", "text": text, "external_id": f"message {place}"}
        answer = shop.post("requests/", body)
        assert answer.status_code == 201, answer.json()
        yield int(answer.json()["case"].removeprefix("C-")), label


def _right(numbers: dict[int, str]) -> dict[str, int]:
    """How many of our types went their own way, and how many of the others a person sorts."""
    found = dict(Case.objects.values_list("pk", "type__name"))
    ours = [number for number, label in numbers.items() if label in LABELS]
    return {
        "routed right": sum(found[number] == numbers[number] for number in ours),
        "unknown to triage": sum(found[number] is None for number in numbers if number not in set(ours)),
    }


def _each_did_its_step_once() -> None:
    """What its type says was done for every case, and done once."""
    for label in LABELS:
        cases = Case.objects.filter(type__name=label)
        expected = "done" if label in BY_ITSELF else "waiting_approval" if label in ASKS else "with_person"
        assert set(cases.values_list("status", flat=True)) <= {expected}, label
        writes = Write.objects.filter(case__in=cases, operation__name__in=["notes.note", "notes.promise"])
        assert writes.count() == (0 if label in BY_PEOPLE else cases.count()), label
        assert set(writes.values_list("state", flat=True)) <= {"written" if label in BY_ITSELF else "waiting"}
