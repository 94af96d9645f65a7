"""Sampling policies as hypothesis draws them: each can be followed."""

from __future__ import annotations

from hypothesis import strategies as st

from domain.arms import LEVELS, Arm, ArmKind, Combine, Diversity, Signal
from domain.policy import (
    Exclusions,
    Gate,
    Guards,
    Limit,
    Measure,
    NearDuplicates,
    SamplingPolicy,
    Scale,
    WhenImpossible,
)

units = st.floats(0.0, 1.0)
names = st.from_regex(r"[a-z0-9][a-z0-9_-]{0,12}", fullmatch=True)
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=40)
values = st.sampled_from(["no", "1e3", "5", "~", "true", "2024-01-01", "null", " de ", ""]) | texts
expressions = st.sampled_from(
    ["", 'language in ["de", "fr"]', "risk >= 0.5 and not flagged", "source == 'a: b # c'"]
)


@st.composite
def arms(draw: st.DrawFn, name: str, share: float) -> Arm:
    return Arm(
        name=name,
        kind=draw(st.sampled_from([kind for kind in ArmKind if kind is not ArmKind.RANDOM])),
        share=share,
        signals=draw(st.dictionaries(st.sampled_from(Signal), st.floats(1e-9, 1e6), max_size=3)),
        combine=draw(st.none() | st.sampled_from(Combine)),
        where=draw(expressions),
        diversity=draw(st.none() | st.sampled_from(Diversity)),
        weights=tuple(draw(st.lists(st.sampled_from(Signal), max_size=2, unique=True))),
    )


@st.composite
def limits(draw: st.DrawFn) -> Limit:
    # Either bound alone: rounding may set the two of a small batch against each other.
    least = draw(st.booleans())
    return Limit(
        column=draw(texts.filter(lambda text: bool(text.strip()))),
        value=draw(values),
        min_share=draw(units) if least else None,
        max_share=None if least else draw(units),
        max_records=draw(st.none() | st.integers(100_000, 200_000)),
    )


@st.composite
def gates(draw: st.DrawFn) -> Gate:
    return Gate(
        measure=draw(st.sampled_from(Measure)),
        at_least=draw(units),
        at_most=draw(st.none() | units),
    )


@st.composite
def scales(draw: st.DrawFn) -> Scale:
    low = draw(st.floats(-1e6, 1e6))
    return Scale(low=low, high=low + draw(st.floats(1.0, 1e6)))


@st.composite
def policies(draw: st.DrawFn) -> SamplingPolicy:
    """Any policy that can be followed, as version 1."""
    others = draw(st.lists(names.filter(lambda name: name != "random"), max_size=4, unique=True))
    at_random = draw(st.floats(0.05, 0.9)) if others else 1.0
    share = (1.0 - at_random) / max(1, len(others))
    return SamplingPolicy(
        name=draw(names.filter(lambda name: name not in {"check", "new", "schema"})),
        description=draw(texts),
        batch_size=draw(st.integers(1, 100_000)),
        seed=draw(st.integers(0, 2**63 - 1)),
        arms=(
            *[draw(arms(name, share)) for name in others],
            Arm(name="random", kind=ArmKind.RANDOM, share=at_random),
        ),
        limits=tuple(draw(st.lists(limits(), max_size=3))),
        near_duplicates=NearDuplicates(
            text=draw(st.none() | st.floats(0.5, 1.0)),
            embedding=draw(st.none() | st.floats(0.5, 1.0)),
        ),
        when_impossible=draw(st.sampled_from(WhenImpossible)),
        exclusions=Exclusions(
            usage_restrictions=tuple(draw(st.lists(values, max_size=2))),
            out_of_scope=draw(expressions),
        ),
        guards=Guards(max_weakness_share=draw(units), region_rounds=draw(st.integers(2, 100))),
        gates=tuple(draw(st.lists(gates(), max_size=3))),
        scales=draw(st.dictionaries(st.sampled_from(sorted(LEVELS)), scales(), max_size=2)),
        half_life_days=draw(st.floats(1e-3, 1e5)),
        production=draw(expressions),
    )
