"""`sort_check`: JSON and nothing else, numbers that mean what they say, and words for every bad line."""

import gzip
import json
import os
import subprocess
import sys
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from orchestrator.workmap.sorting_numbers import calibration_error

KEYS = [
    "accuracy",
    "auroc",
    "oos_recall",
    "in_scope_routed_right",
    "routed_right",
    "ece",
    "train_s",
    "predict_ms_p95",
    "peak_rss_mb",
]
NAMES = ("lost", "late", "broken", "wrong")
THINGS = ("parcel", "kettle", "letter", "pan", "cup", "book", "phone", "chair")
LEARNED = [(f"{name} {thing} again", f"is_{name}") for name in NAMES for thing in THINGS]
BROKEN = gzip.compress(b"x" * 99)[:12] + b"\xff" * 20
OUTSIDE = [(f"sing a song about the {thing} of 我", "oos") for thing in THINGS]


def written(path: Path, rows: list[tuple[str, str]]) -> str:
    lines = "\n".join(json.dumps({"text": text, "label": label, "more": 1}) for text, label in rows) + "\n\n"
    path.write_bytes(gzip.compress(lines.encode()) if path.suffix == ".gz" else lines.encode())
    return str(path)


def check(**files: str) -> dict[str, float | None]:
    out = StringIO()
    call_command("sort_check", stdout=out, **files)
    numbers: dict[str, float | None] = json.loads(out.getvalue())
    return numbers


class TestNumbers:
    def test_it_prints_every_number_of_the_contract(self, tmp_path: Path) -> None:
        train = written(tmp_path / "train.jsonl.gz", LEARNED + OUTSIDE[:5])
        numbers = check(train=train, test=written(tmp_path / "test.jsonl", LEARNED[::3] + OUTSIDE[5:]))
        assert list(numbers) == KEYS
        assert numbers["accuracy"] == numbers["routed_right"] == numbers["auroc"] == numbers["oos_recall"] == 1
        assert (numbers["in_scope_routed_right"] or 0) > 0.8

    def test_what_the_lines_cannot_tell_is_null(self, tmp_path: Path) -> None:
        train = written(tmp_path / "train.jsonl", LEARNED)
        known = check(train=train, test=written(tmp_path / "known.jsonl", LEARNED[:9]))
        assert (known["auroc"], known["oos_recall"]) == (None, None)
        strange = check(train=train, test=written(tmp_path / "strange.jsonl", OUTSIDE))
        assert (strange["accuracy"], strange["in_scope_routed_right"], strange["ece"]) == (None, None, None)
        assert strange["oos_recall"] is not None

    def test_validation_lines_are_learned_from(self, tmp_path: Path) -> None:
        halves = [written(tmp_path / f"{n}.jsonl", LEARNED[n * 16 : n * 16 + 16]) for n in (0, 1)]
        test = written(tmp_path / "test.jsonl", [("broken thing", "is_broken"), ("lost thing", "is_lost")])
        assert check(train=halves[0], validation=halves[1], test=test)["accuracy"] == 1

    def test_calibration_error_is_the_gap_between_confidence_and_right_answers(self) -> None:
        confidence, right = np.array([0.9, 0.9, 0.9, 0.9]), np.array([True, True, False, False])
        assert calibration_error(confidence, right) == pytest.approx(0.4)
        assert calibration_error(np.array([1.0, 0.0]), np.array([True, False])) == 0
        assert calibration_error(confidence[:0], right[:0]) is None

    def test_it_runs_without_a_database_and_writes_json_alone(self, tmp_path: Path) -> None:
        train = written(tmp_path / "train.jsonl", LEARNED)
        environment = os.environ | {
            "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/nothing",
            "BROKER_URL": "redis://127.0.0.1:1/0",
            "DJANGO_SETTINGS_MODULE": "orchestrator.settings",
        }
        ran = subprocess.run(
            [sys.executable, "manage.py", "sort_check", "--train", train, "--test", train],
            cwd=Path(__file__).parents[2],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        assert list(json.loads(ran.stdout)) == KEYS


class TestBadInput:
    @pytest.mark.parametrize(
        ("line", "why"),
        [
            ("{", "this is not JSON"),
            ("[" * 100_000, "this is not JSON"),
            ("[]", "two texts"),
            ('{"text": "a"}', "two texts"),
            ('{"text": 1, "label": "a"}', "two texts"),
            ('{"text": "a", "label": null}', "two texts"),
            ('{"text": "a", "label": "  "}', "`label` is empty"),
        ],
    )
    def test_a_bad_line_is_refused_by_file_and_line(self, tmp_path: Path, line: str, why: str) -> None:
        bad = tmp_path / "bad.jsonl"
        bad.write_text(f'{{"text": "a", "label": "b"}}\n\n{line}\n')
        with pytest.raises(CommandError, match=r"bad\.jsonl, line 3: .*" + why):
            check(train=str(bad), test=str(bad))

    def test_a_test_label_that_nothing_was_learned_of_is_refused(self, tmp_path: Path) -> None:
        train = written(tmp_path / "train.jsonl", LEARNED)
        test = written(tmp_path / "test.jsonl", [("hello", "oos"), ("hello", "greeting")])
        with pytest.raises(CommandError, match=r"test\.jsonl, line 2: the label `greeting`"):
            check(train=train, test=test)

    @pytest.mark.parametrize("content", [b"", b"\n \n"])
    def test_an_empty_file_is_refused(self, tmp_path: Path, content: bytes) -> None:
        (tmp_path / "empty.jsonl").write_bytes(content)
        with pytest.raises(CommandError, match="has no messages"):
            check(train=str(tmp_path / "empty.jsonl"), test=str(tmp_path / "empty.jsonl"))

    @pytest.mark.parametrize(
        "content", [b"\xff\xfe\x00", b"\x1f\x8bnot gzip", BROKEN, gzip.compress(b'{"text": 1}')[:-9], None]
    )
    def test_a_file_that_cannot_be_read_is_named(self, tmp_path: Path, content: bytes | None) -> None:
        file = tmp_path / "odd.jsonl"
        if content is not None:
            file.write_bytes(content)
        with pytest.raises(CommandError, match=r"odd\.jsonl cannot be read"):
            check(train=str(file), test=str(file))
