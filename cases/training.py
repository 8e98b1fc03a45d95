"""Fit a sorter to labelled examples, and find by cross-validation when it may be believed.

Imports scikit-learn (seconds, and memory): only workers and commands import this module. Pure and repeatable: the
same examples give the same model. What a trained model does with a text is in `cases/sorting.py`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
from scipy import sparse
from sklearn.svm import LinearSVC

from cases.sorting import COLUMNS, Columns, Floats, Model, confidences, features, plain

_PARTS = 5
_FITS = 3  # of the five parts, where there are many examples: time is bounded, and some thousands are judged anyway
_MANY = 4_000
_TEMPERATURES = np.geomspace(0.02, 5, 80)
_UNPROVEN = np.inf  # nothing could be judged: everything goes to a person
_OUTSIDE = -1  # in place of a type's number: the example belongs to none


@dataclass(frozen=True, eq=False, slots=True)
class _Rows:
    """Examples as counted features, with the number of each one's type."""

    counts: sparse.csr_matrix
    types: npt.NDArray[np.int64]
    titles: npt.NDArray[np.bool_]  # rows that are a type's title: learned from, never judged

    def only(self, kept: npt.NDArray[np.bool_]) -> "_Rows":
        return _Rows(self.counts[kept], self.types[kept], self.titles[kept])
