"""Our ways of picking, as `measuring` runs them: `python -m benchmarks.ours NAME …`."""

from __future__ import annotations

from benchmarks.measuring import Arrays, Method, main
from learning.diversity.badge import badge
from learning.diversity.distances import carry
from learning.diversity.facility_location import facility_location
from learning.diversity.herding import herd
from learning.diversity.k_center import k_center
from learning.diversity.prefilter import prefiltered
from learning.diversity.typical_clusters import typical_clusters
from learning.ranking import margin_uncertainty, ranked

SEED = 1


def margin(arrays: Arrays, batch: int) -> Method:
    return lambda: ranked(margin_uncertainty(arrays.probabilities), batch)


def k_center_cold(arrays: Arrays, batch: int) -> Method:
    return lambda: k_center(arrays.pool, batch, covered=arrays.labelled).rows


def k_center_carried(arrays: Arrays, batch: int) -> Method:
    carried = carry(arrays.pool, arrays.labelled)
    return lambda: k_center(arrays.pool, batch, covered=arrays.labelled, carried=carried).rows


def by_badge(arrays: Arrays, batch: int) -> Method:
    return lambda: badge(arrays.pool, arrays.probabilities, batch, seed=SEED).rows


def by_clusters(arrays: Arrays, batch: int) -> Method:
    return lambda: typical_clusters(arrays.pool, batch, covered=arrays.labelled, seed=SEED).rows


def by_facilities(arrays: Arrays, batch: int) -> Method:
    return lambda: facility_location(arrays.pool, batch, covered=arrays.labelled, seed=SEED).rows


def by_prefilter(arrays: Arrays, batch: int) -> Method:
    def picks() -> object:
        scores = margin_uncertainty(arrays.probabilities)
        return prefiltered(arrays.pool, scores, batch, seed=SEED).rows

    return picks


def max_herding(arrays: Arrays, batch: int) -> Method:
    return lambda: herd(arrays.pool, batch, covered=arrays.labelled, seed=SEED).rows


def uncertainty_herding(arrays: Arrays, batch: int) -> Method:
    def picks() -> object:
        weights = margin_uncertainty(arrays.probabilities)
        return herd(arrays.pool, batch, weights=weights, covered=arrays.labelled, seed=SEED).rows

    return picks


METHODS = {
    "margin top-k": margin,
    "k-center": k_center_cold,
    "k-center, distances carried": k_center_carried,
    "BADGE": by_badge,
    "typical clusters": by_clusters,
    "facility location": by_facilities,
    "margin prefilter, k-means": by_prefilter,
    "MaxHerding": max_herding,
    "uncertainty herding": uncertainty_herding,
}

if __name__ == "__main__":
    main(METHODS)
