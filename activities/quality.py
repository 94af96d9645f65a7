"""Measures how well the reviewers agreed."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from temporalio import activity

from activities.heartbeat import beating
from activities.review import read_reviewed
from domain.canonical import Sha256
from domain.labels import Choice
from domain.outcomes import HELD, How
from domain.reviews import VerdictKind
from domain.rounds import Quality
from storage.artifacts import ArtifactStore

EXCLUDING = frozenset({VerdictKind.EXCLUDE, VerdictKind.UNUSABLE_AMBIGUITY})


@dataclass(frozen=True, kw_only=True)
class AssessQuality:
    outcomes: tuple[Sha256, ...]
    choice: Choice = Choice.SINGLE
    """Of the round's label schema."""


class QualityActivities:
    def __init__(self, store: ArtifactStore) -> None:
        self._store = store

    @activity.defn
    def assess_quality(self, request: AssessQuality) -> Quality:
        from learning.agreement import alpha_of_sets, krippendorff_alpha

        with beating():
            reviewed = read_reviewed(self._store, request.outcomes)
            answers = [
                (record_id, reviewer, answer)
                for record_id, each in reviewed.items()
                for reviewer, answer in each.answers
            ]
            how = Counter(each.outcome.how for each in reviewed.values())
            return Quality(
                records=len(reviewed),
                reviews=len(answers),
                agreed=how[How.AGREEMENT],
                consensus=how[How.CONSENSUS],
                adjudicated=how[How.ADJUDICATION],
                held=sum(how[each] for each in HELD),
                excluded=sum(
                    each.outcome.verdict is not None and each.outcome.verdict.kind in EXCLUDING
                    for each in reviewed.values()
                ),
                alpha=krippendorff_alpha(answers),
                alpha_of_sets=alpha_of_sets(answers) if request.choice is Choice.MULTIPLE else None,
            )
