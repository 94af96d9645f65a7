"""What a guideline is known by."""

from __future__ import annotations

from domain.labels import Counterexample, Guideline


def test_a_guideline_without_counterexamples_keeps_the_digest_that_rounds_have_pinned() -> None:
    plain = Guideline(name="n", version=1, text="t", examples=(("x", "a"),))
    assert plain.digest == "571285f585582478f802287731a4cf22aecdc0897d6aaa08c3861ec66aba928b"
    mistaken = Counterexample(content="y", label="a")
    counter = Guideline(
        name="n", version=1, text="t", examples=(("x", "a"),), counterexamples=(mistaken,)
    )
    assert counter.digest != plain.digest
