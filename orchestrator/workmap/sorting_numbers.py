"""How well the sorter does on labelled messages: what `sort_check` prints and the benchmarks hold it to.

Imports scikit-learn through `cases.training`; no page may import this module. No queries.
"""

import time
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from sklearn.metrics import roc_auc_score

from cases.sorting import Model, Sorted, features, plain
from cases.training import train
from orchestrator.memory import peak_kb

OUTSIDE = "oos"  # the label of messages that belong to none of the types
_BINS = 15  # of equal width, as in Guo et al. 2017, "On calibration of modern neural networks"

Line = tuple[str, str]  # text, label
Truths = npt.NDArray[np.bool_]


def measure(learned: Sequence[Line], test: Sequence[Line]) -> dict[str, float | None]:
    """Train on the one, sort the other. Seconds, milliseconds and megabytes; shares from 0 to 1; None where the
    lines hold nothing to count.

    `accuracy`: messages of a type whose likeliest type is right, whether sent there or not. `auroc`: how well
    belonging tells them from strangers. `oos_recall`: strangers that go to a person. `in_scope_routed_right`:
    messages of a type that are sent there. `routed_right`: of all that is sent to a type, what belongs there.
    `ece`: expected calibration error of the likeliest type's confidence, over messages of a type.
    """
    began = time.perf_counter()
    model = fit(learned)
    train_s = time.perf_counter() - began
    answers, took = _sort_each(model, [text for text, _ in test])
    belonging = np.array([_belonging(model, text) for text, _ in test])
    known = np.array([label != OUTSIDE for _, label in test])
    right = np.array([_likeliest(answer) == label for answer, (_, label) in zip(answers, test, strict=True)])
    sent = np.array([answer.label is not None for answer in answers])
    confidence = np.array([answer.confidence for answer in answers])
    return {
        "accuracy": _share(right[known]),
        "auroc": float(roc_auc_score(known, belonging)) if 0 < known.sum() < len(known) and model.labels else None,
        "oos_recall": _share(~sent[~known]),
        "in_scope_routed_right": _share((sent & right)[known]),
        "routed_right": _share(right[sent]),
        "ece": calibration_error(confidence[known], right[known]),
        "train_s": train_s,
        "predict_ms_p95": float(np.percentile(took, 95)) * 1000 if took else None,
        "peak_rss_mb": peak_kb() / 1024,
    }


def fit(learned: Sequence[Line]) -> Model:
    """A sorter from labelled lines; a label's own words stand in for the type's title."""
    return train(
        [line for line in learned if line[1] != OUTSIDE],
        titles={label: label.replace("_", " ") for _, label in learned},
        outside=[text for text, label in learned if label == OUTSIDE],
    )


def calibration_error(confidence: npt.NDArray[np.float64], right: Truths) -> float | None:
    """How far confidence and the share of right answers lie apart, bin by bin, weighed by messages."""
    if not len(right):
        return None
    bins = np.minimum((confidence * _BINS).astype(int), _BINS - 1)
    gaps = [abs(float((confidence - right)[bins == one].sum())) for one in range(_BINS)]
    return sum(gaps) / len(right)


def _sort_each(model: Model, texts: Sequence[str]) -> tuple[list[Sorted], list[float]]:
    """The answers, and the seconds each took: the best of three, as other programs on the machine only add."""
    answers, took = [], []
    for text in texts:
        times = []
        for _again in range(3):
            began = time.perf_counter()
            answer = model.predict(text)
            times.append(time.perf_counter() - began)
        answers.append(answer)
        took.append(min(times))
    return answers, took


def _belonging(model: Model, text: str) -> float:
    return model.belonging(model.margins(features(plain(text))))


def _likeliest(answer: Sorted) -> str | None:
    return answer.top[0].label if answer.top else None


def _share(truths: Truths) -> float | None:
    return float(truths.mean()) if len(truths) else None
