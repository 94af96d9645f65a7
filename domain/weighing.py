"""What a record's reviews come to: a conclusion, more reviews, or an adjudicator's decision.

It depends on which reviews stand and on nothing else, so that the order of their coming in does
not matter, and one that is taken back or corrected leaves no trace in what is concluded.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from domain.outcomes import How
from domain.progress import Given
from domain.reviewing import ReviewRules
from domain.reviews import Verdict, VerdictKind


@dataclass(frozen=True, kw_only=True)
class Conclusion:
    verdict: Verdict | None
    how: How
    label_confidence: float | None
    """Share of the people who judged the record that gave this verdict."""


@dataclass(frozen=True, kw_only=True)
class Need:
    reviews: int = 0
    """By so many more people."""
    adjudication: str = ""
    """Why an adjudicator is asked; empty: none is."""


def weigh(reviews: Sequence[Given], *, wanted: int, rules: ReviewRules) -> Conclusion | Need:
    """What the reviews of a record that `wanted` people judge come to.

    An escalation asks an adjudicator at once: reviews that come in before the decision still count.
    As many people as were wanted have to agree. Where they do not, more are asked, one after
    another, and after the last of them an adjudicator.
    """
    missing = max(wanted - len(reviews), 0)
    if any(given.verdict.kind is VerdictKind.ESCALATE for given in reviews):
        return Need(reviews=missing, adjudication="escalated")
    if missing:
        return Need(reviews=missing)
    [(answer, votes), *others] = Counter(given.verdict.answer for given in reviews).most_common()
    if votes >= wanted and all(fewer < votes for _, fewer in others):
        agreeing = [given for given in reviews if given.verdict.answer == answer]
        if _confidence(agreeing) < rules.min_confidence:
            return Need(adjudication="those who agree are not sure enough")
        return Conclusion(
            verdict=agreeing[0].verdict,
            how=How.CONSENSUS if others else How.AGREEMENT,
            label_confidence=round(votes / len(reviews), 6),
        )
    if len(reviews) < wanted + rules.extra_reviews:
        return Need(reviews=1)
    return Need(adjudication="the reviewers differ")


def weigh_gold(reviews: Sequence[Given], *, wanted: int) -> Conclusion | Need:
    """A record whose answer is known has served once `wanted` people have judged it.

    However they differ, nobody adjudicates: there is nothing to settle.
    """
    if len(reviews) < wanted:
        return Need(reviews=wanted - len(reviews))
    return Conclusion(verdict=None, how=How.GOLD, label_confidence=None)


def side_with(reviews: Sequence[Given], verdict: Verdict) -> Conclusion:
    """The conclusion of an adjudicator who decides for `verdict`."""
    siding = sum(given.verdict.answer == verdict.answer for given in reviews)
    return Conclusion(
        verdict=verdict,
        how=How.ADJUDICATION,
        label_confidence=round((siding + 1) / (len(reviews) + 1), 6),
    )


def _confidence(agreeing: Sequence[Given]) -> float:
    """How sure they are on average; entirely where nobody says."""
    stated = sorted(given.confidence for given in agreeing if given.confidence is not None)
    return round(sum(stated) / len(stated), 6) if stated else 1.0
