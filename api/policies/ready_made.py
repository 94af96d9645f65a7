"""The policies that come with the product: read from this folder, put in place, chosen by maturity.

A team that wants others writes the next version of the same name, or a policy of its own.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from sqlalchemy import Connection

from api.policies.documents import parse_policy
from domain.policy import SamplingPolicy
from storage import policies

COLD_START, GROWING, MATURE = "cold-start", "growing", "mature"
MATURE_FROM = 1_000
"""Labels from which a round that names no policy goes by `mature`."""

NAMES = (
    COLD_START,
    GROWING,
    MATURE,
    "market-intelligence",
    "product-matching",
    "support-tickets",
)


def for_labels(labelled: int) -> str:
    """The policy of a round that names none, by the training labels that its dataset has."""
    if labelled == 0:
        return COLD_START
    return GROWING if labelled < MATURE_FROM else MATURE


@cache
def load(name: str) -> tuple[SamplingPolicy, str]:
    """The ready-made policy of that name, and its text."""
    text = (files(__package__) / f"{name}.yaml").read_text(encoding="utf-8")
    return parse_policy(text), text


def put_in_place(connection: Connection) -> None:
    """Every ready-made policy as this release has it; a second time changes nothing."""
    for name in NAMES:
        policy, source = load(name)
        policies.put_ready_made(connection, policy, source=source)
