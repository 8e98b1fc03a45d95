"""Fit a sorter to labelled examples, and find by cross-validation when it may be believed.

Imports scikit-learn (seconds, and 100 MB): only commands import this module; a worker runs it as a program of its
own, `python -m cases.training`, so that the memory is given back. Pure and repeatable: the same examples give the
same model. What a trained model does with a text is in `cases/sorting.py`.
"""

import json
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy import sparse
from sklearn.preprocessing import normalize
from sklearn.svm import LinearSVC

from cases.sorting import COLUMNS, Columns, Floats, Model, confidences, features, plain

_PARTS = 5
_MANY = 4_000  # examples; of more than these two parts of five are judged, which are enough, so that time is bounded
_FITS_OF_MANY = 2
_ENOUGH_OUTSIDE = 50  # judged examples from outside that show what strangers are like; fewer may all be alike
_TEMPERATURES = np.geomspace(0.02, 5, 100)

_OUTSIDE = -2  # the "own type" of an example that belongs to none
_UNHEARD_OF = -1  # and of one whose type the model that judged it did not know


@dataclass(frozen=True, slots=True)
class _Example:
    counted: tuple[Columns, Floats]
    label: str | None  # None: belongs to no type
    title: bool = False  # a type's title: learned from like an example, but nobody writes so, hence never judged


@dataclass(frozen=True, eq=False, slots=True)
class _Judged:
    """What a model said to messages it had not seen, a row each."""

    margins: Floats
    belonging: Floats
    own: npt.NDArray[np.int64]  # the number of the row's own type, or one of the two below zero

    @property
    def right(self) -> npt.NDArray[np.bool_]:
        return np.asarray(self.margins.argmax(axis=1) == self.own)


def train(
    examples: Sequence[tuple[str, str]],
    *,
    titles: Mapping[str, str] | None = None,
    outside: Sequence[str] = (),
) -> Model:
    """A sorter for the types in `examples` (text, type).

    `titles` (type -> title) count as one more example of each type that has any. `outside` are texts that belong to
    no type. Where there are too few examples to hold some back and judge them, the model suggests and never decides.
    Raises nothing for few, odd or empty texts. For 10,000 examples of 77 types: some 12 s of one core, 300 MB.
    """
    material = list(_material(examples, titles or {}, outside))
    judged = list(_cross_validated(material))
    return replace(_fit(material), temperature=_temperature(judged), threshold=_threshold(judged))


def _material(
    examples: Sequence[tuple[str, str]], titles: Mapping[str, str], outside: Sequence[str]
) -> Iterator[_Example]:
    for text, label in sorted(set(examples)):  # the same model whatever their order; a copy judged would be no test
        yield _Example(features(plain(text)), label)
    for label in sorted(titles.keys() & {label for _, label in examples}):
        yield _Example(features(plain(titles[label])), label, title=True)
    for text in sorted(set(outside)):
        yield _Example(features(plain(text)), None)


# --------------------------------------------------------------------------------------------------- fitting


def _fit(material: Sequence[_Example]) -> Model:
    """A straight border around each type, and one around "none of them" if there are examples of that."""
    labels = _labels(material)
    number: dict[str | None, int] = {label: i for i, label in enumerate([*labels, None])}
    own = [number[example.label] for example in material]
    if len(set(own)) < 2:
        return _knows_nothing()
    rarity = _rarity(material)
    machine = LinearSVC(C=2.0, tol=0.1, class_weight="balanced", random_state=0)
    machine.fit(normalize(_matrix(material, rarity)), own)
    weights, bias = machine.coef_, machine.intercept_
    if len(weights) == 1:  # of two sides it keeps the second
        weights, bias = np.vstack([-weights, weights]), np.hstack([-bias, bias])
    return Model(
        labels=tuple(labels),
        weights=np.ascontiguousarray(weights.T, dtype=np.float16),
        bias=bias.astype(np.float32),
        rarity=rarity,
        temperature=1.0,
        threshold=np.inf,
    )


def _knows_nothing() -> Model:
    """Nothing to tell apart: everything goes to a person."""
    weights, rarity = np.zeros((COLUMNS, 0), np.float16), np.zeros(COLUMNS, np.float32)
    return Model((), weights, np.zeros(0, np.float32), rarity, temperature=1.0, threshold=np.inf)


def _labels(material: Sequence[_Example]) -> list[str]:
    return sorted({example.label for example in material if example.label is not None})


def _rarity(material: Sequence[_Example]) -> Floats:
    """Inverse document frequency, smoothed as scikit-learn does it; a feature that was never seen is the rarest."""
    columns = np.concatenate([example.counted[0] for example in material])
    seen_in = np.bincount(columns, minlength=COLUMNS)
    return np.asarray(np.log((1 + len(material)) / (1 + seen_in)) + 1, dtype=np.float32)


def _matrix(material: Sequence[_Example], rarity: Floats) -> sparse.csr_array:
    ends = np.cumsum([0, *(len(example.counted[0]) for example in material)], dtype=np.int32)
    columns = np.concatenate([example.counted[0] for example in material])
    counts = np.concatenate([example.counted[1] for example in material])
    return sparse.csr_array((counts * rarity[columns], columns, ends), shape=(len(material), COLUMNS))


# ---------------------------------------------------------------------------------- when it may be believed


def _cross_validated(material: Sequence[_Example]) -> Iterator[_Judged]:
    """Fit without a fifth of the examples and without a fifth of the types, and judge the examples left out.

    So the same few fits show how sure the model is of new messages of a type it knows, and how sure, wrongly, of
    those of a type it has never heard of: they stand for whatever else people write.
    """
    fits = _FITS_OF_MANY if len(material) > _MANY else _PARTS
    part, group = _dealt(material, fits)
    for this in range(fits):
        model = _fit([e for e, p, g in zip(material, part, group, strict=True) if this not in (p, g)])
        held_back = [e for e, p in zip(material, part, strict=True) if p == this]
        if model.labels and held_back:
            yield _judged(model, held_back)


def _dealt(material: Sequence[_Example], fits: int) -> tuple[list[int], list[int]]:
    """For each example: the part it is held back with, and the part its whole type is; -1 for never.

    Types and examples are dealt out in shuffled order, so that each part has its share of each. Strangers are few:
    they are shared out among the fits that there are.
    """
    dealer = np.random.default_rng(0)
    labels = _labels(material)
    turn: dict[str | None, int] = dict(zip(labels, dealer.permutation(len(labels)).tolist(), strict=True))
    part, group = [-1] * len(material), [-1] * len(material)
    dealt: Counter[str | None] = Counter()
    for i in dealer.permutation(len(material)):
        label, title = material[i].label, material[i].title
        if label is not None and len(labels) > 2:  # of two types none can be spared
            group[i] = turn[label] % _PARTS
        if not title:
            part[i] = (dealt[label] + turn.get(label, 0)) % (_PARTS if label is not None else fits)
            dealt[label] += 1
    return part, group


def _judged(model: Model, held_back: Sequence[_Example]) -> _Judged:
    number: dict[str | None, int] = {None: _OUTSIDE} | {label: i for i, label in enumerate(model.labels)}
    margins = np.array([model.margins(example.counted) for example in held_back])
    return _Judged(
        margins=margins[:, : len(model.labels)],
        belonging=np.array([model.belonging(row) for row in margins]),
        own=np.array([number.get(example.label, _UNHEARD_OF) for example in held_back]),
    )


def _temperature(judged: Sequence[_Judged]) -> float:
    """The temperature at which the right types were least surprising (log loss); 1 if nothing could be judged.

    The aim is Platt's (n + 1) / (n + 2), not 1: a handful of right answers is no proof of certainty.
    """
    known = [(fold.margins[fold.own >= 0], fold.own[fold.own >= 0]) for fold in judged]
    number = sum(len(own) for _, own in known)
    if not number:
        return 1.0
    aim = (number + 1) / (number + 2)

    def surprise(temperature: float) -> float:
        shares = [confidences(margins, temperature)[np.arange(len(own)), own] for margins, own in known]
        share = np.clip(np.concatenate(shares), 1e-6, 1 - 1e-6)
        return float(-(aim * np.log(share) + (1 - aim) * np.log(1 - share)).mean())

    return float(min(_TEMPERATURES, key=surprise))


def _threshold(judged: Sequence[_Judged]) -> float:
    """Where as large a share of right answers passes as of strangers is stopped; infinite if none was right.
    Where several thresholds do equally well, the strictest.

    Strangers are the examples from outside if enough of them were judged, else also those of types unheard of, else
    (of two types, say) the mistakes.
    """
    if not any(fold.right.any() for fold in judged):
        return np.inf
    own = np.concatenate([fold.own for fold in judged])
    right = np.concatenate([fold.right for fold in judged])
    belonging = np.concatenate([fold.belonging for fold in judged])
    strange = own == _OUTSIDE
    if strange.sum() < _ENOUGH_OUTSIDE:
        strange = own < 0 if (own < 0).any() else ~right
    values = np.unique(belonging)[::-1]
    borders = np.append((values[1:] + values[:-1]) / 2, values[-1])
    passed = 1 - _share_below(borders, belonging[right])
    stopped = _share_below(borders, belonging[strange]) if strange.any() else np.ones(len(borders))
    return float(borders[np.minimum(passed, stopped).argmax()])


def _share_below(borders: Floats, values: Floats) -> Floats:
    return np.asarray(np.searchsorted(np.sort(values), borders) / len(values))


def main() -> None:
    """The arguments of `train` as JSON from standard input; the model's bytes to standard output."""
    asked = json.load(sys.stdin.buffer)
    model = train(
        [(text, label) for text, label in asked["examples"]], titles=asked["titles"], outside=asked["outside"]
    )
    sys.stdout.buffer.write(model.to_bytes())


if __name__ == "__main__":
    main()
