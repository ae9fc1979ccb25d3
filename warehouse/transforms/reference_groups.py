"""Reference groups: for each substation the most similar ones (§14.4, rule 5).

Among all pairs the search would grow with the square of the fleet, so the fleet is halved again and again at the median
of the feature that varies most, and neighbours are looked for inside a part. Small fleets are one part.
"""

import numpy as np
from numpy.typing import NDArray

PART = 512
"""Substations in which the neighbours of one are looked for, at most."""

_MAD = 1.4826


def standardised(features: NDArray[np.float64]) -> NDArray[np.float64]:
    """Features by their median and robust spread; an unknown one counts as the median, a constant one not at all.

    Args:
        features: Shape (substations, features); NaN where unknown.
    """
    with np.errstate(all="ignore"):
        known = np.isfinite(features).any(axis=0)
        middle = np.zeros(features.shape[1])
        middle[known] = np.nanmedian(features[:, known], axis=0)
        away = np.where(np.isfinite(features), features - middle, 0.0)
        spread = _MAD * np.median(np.abs(away), axis=0) if len(away) else middle
    return away / np.where(spread > 0, spread, np.inf)


def nearest(features: NDArray[np.float64], k: int) -> NDArray[np.int64]:
    """The ``k`` most similar others of each substation.

    Args:
        features: Comparable features, shape (substations, features), without NaN.
        k: How many; fewer where the fleet has fewer.

    Returns:
        Their positions, shape (substations, min(k, substations - 1)), the nearest first; of equally near ones the
        first in the frame's order.
    """
    count = min(k, max(len(features) - 1, 0))
    found = np.zeros((len(features), count), np.int64)
    for part in _parts(features):
        near = features[part]
        square = (near**2).sum(axis=1)
        distance = square[:, None] + square[None, :] - 2 * near @ near.T
        np.fill_diagonal(distance, np.inf)
        order = np.argsort(np.round(distance, 9), axis=1, kind="stable")[:, :count]
        found[part] = part[order]
    return found


def _parts(features: NDArray[np.float64]) -> list[NDArray[np.int64]]:
    waiting, done = [np.arange(len(features))], []
    while waiting:
        part = waiting.pop()
        if len(part) <= PART:
            done.append(part)
            continue
        widest = int(np.ptp(features[part], axis=0).argmax())
        order = part[np.argsort(features[part, widest], kind="stable")]
        half = len(order) // 2
        waiting += [np.sort(order[:half]), np.sort(order[half:])]
    return done
