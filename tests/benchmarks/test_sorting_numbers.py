"""The sorter on real messages: five-fold over the training parts in `../shared/data/sorting`, by `sort_check`.

The first fold runs with the other tests, the other four with the release marker. The messages are not part of the
project: without them everything here is skipped.
"""

import gzip
import json
import resource
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from sklearn.model_selection import StratifiedKFold

ROOT = Path(__file__).parents[2]
DATA = ROOT.parent / "shared" / "data" / "sorting"

Line = tuple[str, str]
Numbers = dict[str, float]

pytestmark = [
    pytest.mark.skipif(not DATA.is_dir(), reason=f"the labelled messages of {DATA} are not here"),
    pytest.mark.timeout(600),
]
folds = pytest.mark.parametrize("fold", [0, *(pytest.param(n, marks=pytest.mark.release) for n in (1, 2, 3, 4))])


def load(*names: str) -> list[Line]:
    lines = []
    for name in names:
        with gzip.open(DATA / f"{name}.jsonl.gz", "rt", encoding="utf-8") as file:
            lines += [(row["text"], row["label"]) for row in map(json.loads, file)]
    return lines


def split(lines: Sequence[Line], fold: int) -> tuple[list[Line], list[Line]]:
    """Learned from and tested in one fold of five; every label is in each."""
    labels = [label for _, label in lines]
    parts = StratifiedKFold(5, shuffle=True, random_state=1).split(labels, labels)
    learned, tested = list(parts)[fold]
    return [lines[i] for i in learned], [lines[i] for i in tested]


def ten_each(lines: Sequence[Line], fold: int) -> list[Line]:
    kept: dict[str, list[Line]] = {}
    for i in np.random.default_rng(fold).permutation(len(lines)):
        kept.setdefault(lines[i][1], []).append(lines[i])
    return [line for same in kept.values() for line in same[:10]]


def sort_check(folder: Path, learned: Sequence[Line], tested: Sequence[Line]) -> Numbers:
    """What the command prints, run in a process of its own, as `peak_rss_mb` is the process's."""
    for name, lines in (("train", learned), ("test", tested)):
        rows = (json.dumps({"text": text, "label": label}) for text, label in lines)
        (folder / f"{name}.jsonl").write_text("\n".join(rows))
    command = [sys.executable, "manage.py", "sort_check", "--train", str(folder / "train.jsonl")]
    command += ["--test", str(folder / "test.jsonl")]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    numbers: Numbers = json.loads(ran.stdout)
    print(numbers)
    return numbers


@folds
def test_it_sorts_bank_messages_of_77_types(tmp_path: Path, fold: int) -> None:
    numbers = sort_check(tmp_path, *split(load("banking77_train"), fold))
    assert numbers["accuracy"] >= 0.89  # 0.90 over the five folds, of which one may lie below
    assert numbers["ece"] <= 0.10
    assert numbers["predict_ms_p95"] <= 10


@folds
def test_it_sorts_from_ten_examples_a_type(tmp_path: Path, fold: int) -> None:
    learned, tested = split(load("banking77_train"), fold)
    numbers = sort_check(tmp_path, ten_each(learned, fold), tested)
    assert numbers["accuracy"] >= 0.70
    assert numbers["ece"] <= 0.10


@folds
def test_it_knows_what_belongs_to_no_type(tmp_path: Path, fold: int) -> None:
    lines = load("clinc150_train", "clinc150_oos_train", "clinc150_oos_val")
    numbers = sort_check(tmp_path, *split(lines, fold))
    assert numbers["accuracy"] >= 0.92
    assert numbers["auroc"] >= 0.94
    assert numbers["oos_recall"] >= 0.84
    assert numbers["in_scope_routed_right"] >= 0.83
    assert numbers["ece"] <= 0.10
    assert numbers["predict_ms_p95"] <= 10


def test_training_on_ten_thousand_messages_takes_less_than_40_s_of_one_core_and_700_mb(tmp_path: Path) -> None:
    lines = load("banking77_train")
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    numbers = sort_check(tmp_path, lines, lines[:50])
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime - before.ru_utime <= 40  # of processor, so that the machine's other work does not count
    assert numbers["peak_rss_mb"] <= 700
