"""Who may see which record: the level that its metadata give it, against a person's clearance.

A record's level is the higher one of what its `sensitivity` and its `usage_restriction` mean. Where
neither says anything it is public: whoever may see rounds and pools sees it. What nobody knows the
meaning of counts as the highest.
"""

from __future__ import annotations

from collections.abc import Mapping

from domain.records import Json
from domain.routing import Clearance

SENSITIVITY, USAGE_RESTRICTION = "sensitivity", "usage_restriction"

HIDDEN = "[hidden]"
"""Stands where a record is named that the reader is not cleared for."""

_LEVELS: Mapping[str, Clearance] = {
    **{each.value: each for each in Clearance},
    # The scale of the selection signals, of which routings and policies speak too.
    "none": Clearance.PUBLIC,
    "low": Clearance.PUBLIC,
    "medium": Clearance.INTERNAL,
    "high": Clearance.CONFIDENTIAL,
    "critical": Clearance.RESTRICTED,
}
_RESTRICTIONS: Mapping[str, Clearance] = {
    **{each.value: each for each in Clearance},
    "none": Clearance.PUBLIC,
    "unrestricted": Clearance.PUBLIC,
    # They bar a use, and do not keep anybody in the house from looking.
    "no_training": Clearance.INTERNAL,
    "licence_expired": Clearance.INTERNAL,
    "internal_only": Clearance.INTERNAL,
    "embargoed": Clearance.CONFIDENTIAL,
    "personal": Clearance.RESTRICTED,
    "legal_hold": Clearance.RESTRICTED,
    "no_use": Clearance.RESTRICTED,
}
MEANINGS: Mapping[str, Mapping[str, Clearance]] = {
    SENSITIVITY: _LEVELS,
    USAGE_RESTRICTION: _RESTRICTIONS,
}
"""Metadata column → word → who may see a record that bears it."""

_NUMBERS = (
    (0.25, Clearance.PUBLIC),
    (0.5, Clearance.INTERNAL),
    (0.75, Clearance.CONFIDENTIAL),
    (1.0, Clearance.RESTRICTED),
)
"""A sensitivity may be a number from 0 to 1: it means what the word at or above it means."""


def level_of(metadata: Mapping[str, object]) -> Clearance:
    """The clearance that it takes to see a record with these metadata."""
    meant = (_meaning(column, metadata.get(column)) for column in MEANINGS)
    return max(
        (Clearance.RESTRICTED if each is None else each for each in meant),
        key=lambda each: each.level,
    )


def unknown_words(metadata: Mapping[str, object]) -> list[str]:
    """What the metadata say of who may see the record and nobody knows the meaning of."""
    return [
        f"{column}: {str(metadata[column])[:40]}"
        for column in MEANINGS
        if _meaning(column, metadata.get(column)) is None
    ]


def clearance_of(level: int) -> Clearance:
    """The clearance of that level, as tables hold it."""
    return list(Clearance)[level]


def masked(value: Json, hidden: frozenset[str]) -> Json:
    """`value` with HIDDEN in place of each text that is one of `hidden`, however deep."""
    if isinstance(value, str):
        return HIDDEN if value in hidden else value
    if isinstance(value, list | tuple):
        return [masked(each, hidden) for each in value]
    if isinstance(value, dict):
        return {str(masked(key, hidden)): masked(each, hidden) for key, each in value.items()}
    return value


def texts_in(value: Json) -> set[str]:
    """Every text of the document, however deep: what may be the id of a record."""
    if isinstance(value, str):
        return {value}
    if isinstance(value, list | tuple):
        return set[str]().union(*map(texts_in, value))
    if isinstance(value, dict):
        return set[str]().union(*map(texts_in, value.values()))
    return set()


def _meaning(column: str, value: object) -> Clearance | None:
    """None for what has no meaning that anybody knows."""
    if value is None or value is False:
        return Clearance.PUBLIC
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _of_number(column, float(value))
    if not isinstance(value, str):
        return None
    word = "_".join(value.lower().replace("-", " ").replace("_", " ").split())
    if not word:
        return Clearance.PUBLIC
    if word in MEANINGS[column]:
        return MEANINGS[column][word]
    try:
        return _of_number(column, float(value))
    except ValueError:
        return None


def _of_number(column: str, number: float) -> Clearance | None:
    if column != SENSITIVITY or not 0.0 <= number <= 1.0:
        return None
    return next(meant for most, meant in _NUMBERS if number <= most)
