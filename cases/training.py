"""Fit a sorter to labelled examples, and find by cross-validation when it may be believed.

Imports scikit-learn (seconds, and memory): only workers and commands import this module. Pure and repeatable: the
same examples give the same model. What a trained model does with a text is in `cases/sorting.py`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy import sparse
from sklearn.svm import LinearSVC

from cases.sorting import COLUMNS, Columns, Floats, Model, confidences, features, plain

_PARTS = 5
BAL = None
C = 1.0
UNSEEN = True
_MANY = 4_000  # examples; with more of them three of the five parts are judged, so that training stays short
_FITS_OF_MANY = 3
_TEMPERATURES = np.geomspace(0.02, 5, 100)

Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class _Example:
    counted: tuple[Columns, Floats]
    label: str | None  # None: belongs to no type
    title: bool = False  # a type's title: learned from as an example, but nobody writes so, so never judged


@dataclass(frozen=True, eq=False, slots=True)
class _Judged:
    """What a model said to messages it had not seen. A row each; `own` is the row's own type, -1 if the model had
    no such type: then it stands for all that belongs to none."""

    margins: Floats
    belonging: Floats
    own: Numbers

    @property
    def right(self) -> npt.NDArray[np.bool_]:
        return np.asarray(self.margins.argmax(axis=1) == self.own)


def train(
    examples: Sequence[tuple[str, str]],
    *,
    titles: Mapping[str, str] | None = None,
    outside: Sequence[str] = (),
) -> Model:
    """A sorter for the types of `examples` (text, type).

    `titles` (type -> title) are one more example each, for types that have any. `outside` are texts that belong to no
    type. Temperature and threshold come from messages held out of the training; too few examples to hold any out
    leave a model that only suggests. Raises nothing for few, odd or empty texts.
    """
    material = list(_examples(examples, titles or {}, outside))
    model = _fit(material)
    judged = list(_cross_validated(material))
    return replace(model, temperature=_temperature(judged), threshold=_threshold(judged))


def _examples(
    examples: Sequence[tuple[str, str]], titles: Mapping[str, str], outside: Sequence[str]
) -> Iterator[_Example]:
    for text, label in examples:
        yield _Example(features(plain(text)), label)
    for label in sorted({label for _, label in examples} & titles.keys()):
        yield _Example(features(plain(titles[label])), label, title=True)
    for text in outside:
        yield _Example(features(plain(text)), None)


def _fit(material: Sequence[_Example]) -> Model:
    """One linear border for each type, and one for "none of them" if there are such examples."""
    labels = sorted({example.label for example in material if example.label is not None})
    number = {label: i for i, label in enumerate(labels)}
    own = np.array([len(labels) if e.label is None else number[e.label] for e in material])
    if len(set(own)) < 2:
        return _knows_nothing()
    counts = _matrix(material)
    rarity = _rarity(counts)
    weighed = counts.multiply(rarity).tocsr()
    lengths = np.sqrt(weighed.multiply(weighed).sum(axis=1))
    machine = LinearSVC(C=C, tol=0.02, class_weight=BAL, random_state=0)
    machine.fit(sparse.diags(1 / np.maximum(lengths, 1e-9)) @ weighed, own)
    weights, bias = machine.coef_, machine.intercept_
    if len(weights) == 1:  # of two sides it keeps one
        weights, bias = np.vstack([-weights, weights]), np.hstack([-bias, bias])
    return Model(
        labels=tuple(labels),
        weights=np.ascontiguousarray(weights.T, dtype=np.float16),
        bias=np.asarray(bias, dtype=np.float32),
        rarity=rarity,
        temperature=1.0,
        threshold=np.inf,
    )


def _knows_nothing() -> Model:
    """With nothing to tell apart, everything goes to a person."""
    nothing = np.zeros((COLUMNS, 0), np.float16)
    return Model((), nothing, np.zeros(0, np.float32), np.zeros(COLUMNS, np.float32), 1.0, np.inf)


def _matrix(material: Sequence[_Example]) -> sparse.csr_array:
    ends = np.cumsum([0, *(len(example.counted[0]) for example in material)])
    columns = np.concatenate([example.counted[0] for example in material])
    counts = np.concatenate([example.counted[1] for example in material])
    return sparse.csr_array((counts, columns, ends), shape=(len(material), COLUMNS))


def _rarity(counts: sparse.csr_array) -> Floats:
    """Inverse document frequency, smoothed as scikit-learn does it; a feature never seen is the rarest."""
    texts = counts.shape[0]
    having = np.bincount(counts.indices, minlength=COLUMNS)
    return np.asarray((np.log((1 + texts) / (1 + having)) + 1) * ((having > 0) | UNSEEN), dtype=np.float32)


# ---------------------------------------------------------------------------------- when it may be believed


def _cross_validated(material: Sequence[_Example]) -> Iterator[_Judged]:
    """Fit without a fifth of the examples, and without any of a fifth of the types; judge what was left out.

    So the same few fits show how sure the model is of messages that belong to a type it knows, and how sure,
    wrongly, of those that belong to a type it has never heard of.
    """
    fits = _FITS_OF_MANY if len(material) > _MANY else _PARTS
    part, group = _parts(material, fits)
    for this in range(fits):
        known = [e for e, p, g in zip(material, part, group, strict=True) if p != this and g != this]
        held = [e for e, p in zip(material, part, strict=True) if p == this and not e.title]
        model = _fit(known)
        if model.labels and held:
            yield _judged(model, held)


def _parts(material: Sequence[_Example], fits: int) -> tuple[list[int], list[int]]:
    """For each example the part it is held out with, and the part its type is left out with; -1 for never.

    Examples are dealt out in shuffled order, type by type, so that every part has its share of each.
    """
    dealer = np.random.default_rng(0)
    labels = sorted({e.label for e in material if e.label is not None})
    turn = {label: int(i) for label, i in zip(labels, dealer.permutation(len(labels)), strict=True)}
    part, group = [-1] * len(material), [-1] * len(material)
    dealt: dict[str | None, int] = {}
    for i in dealer.permutation(len(material)):
        label = material[i].label
        if label is not None and len(labels) > 2:  # of two types none can be spared
            group[i] = turn[label] % _PARTS
        if not material[i].title:
            dealt[label] = dealt.get(label, turn.get(label, 0) if label else 0) + 1
            part[i] = dealt[label] % (fits if label is None else _PARTS)
    return part, group


def _judged(model: Model, held: Sequence[_Example]) -> _Judged:
    number = {label: i for i, label in enumerate(model.labels)}
    margins = np.array([model.margins(example.counted) for example in held])
    return _Judged(
        margins=margins[:, : len(model.labels)],
        belonging=np.array([model.belonging(row) for row in margins]),
        own=np.array([-2 if example.label is None else number.get(example.label, -1) for example in held]),
    )


def _temperature(judged: Sequence[_Judged]) -> float:
    """The one under which the right types were the least surprising (log loss); 1 if nothing could be judged."""
    known = [(fold.margins[fold.own >= 0], fold.own[fold.own >= 0]) for fold in judged]
    if not sum(len(own) for _, own in known):
        return 1.0

    def surprise(temperature: float) -> float:
        shares = [confidences(margins, temperature)[np.arange(len(own)), own] for margins, own in known]
        return float(-np.log(np.maximum(np.concatenate(shares), 1e-12)).mean())

    return float(min(_TEMPERATURES, key=surprise))


def _threshold(judged):
    return 0.0
