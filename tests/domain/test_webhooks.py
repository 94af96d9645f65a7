"""Signatures and the times of attempts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain import webhooks
from domain.errors import InvalidInput
from domain.webhooks import delay_after, read_secret, signature, written_secret


def test_the_signature_is_that_of_standard_webhooks() -> None:
    """The example of the specification's own libraries."""
    secret = read_secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    made = signature(
        secret,
        message_id="msg_p5jXN8AQM9LWM0D4loKWxJek",
        timestamp=1614265330,
        body=b'{"test": 2432232314}',
    )
    assert made == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@given(st.binary(min_size=24, max_size=64))
def test_a_secret_is_read_as_it_was_written(secret: bytes) -> None:
    assert read_secret(written_secret(secret)) == secret


def test_what_is_no_secret_is_refused() -> None:
    with pytest.raises(InvalidInput):
        read_secret("whsec_not base64")


def test_delays_grow_to_a_day_and_end_with_giving_up() -> None:
    middle = [delay_after(attempt, chance=0.5) for attempt in range(1, webhooks.ATTEMPTS + 1)]
    assert middle == [5, 20, 80, 320, 1280, 5120, 20480, 81920, 86400, None]


@given(st.integers(1, webhooks.ATTEMPTS - 1), st.floats(0, 1))
def test_chance_moves_a_delay_by_a_fifth_at_the_most(attempt: int, chance: float) -> None:
    middle = delay_after(attempt, chance=0.5)
    moved = delay_after(attempt, chance=chance)
    assert middle is not None
    assert moved is not None
    assert abs(moved - middle) <= 0.2001 * middle
