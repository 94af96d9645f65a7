"""The reception of a workflow: lets in what the API has signed for it, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Generic, Protocol, TypeVar

from temporalio import workflow

from workflows.options import LIGHT
from workflows.signatures import verify
from workflows.time import now

with workflow.unsafe.imports_passed_through():
    from activities.keys import KeyActivities
    from domain.ids import Timestamp
    from domain.moments import later
    from domain.rounds import RoundPlan
    from domain.signing import SigningKey, audience_of, key_named_by

FIRST_PAUSE = 1.0
LONGEST_PAUSE = 3_600.0
"""Seconds from one question for the keys to the next. It doubles as long as none brings a new key,
so that whoever sends one strange signature after another has them asked for once an hour."""


class Addressed(Protocol):
    """A signal's message."""

    @property
    def signature(self) -> str: ...

    @property
    def audience(self) -> str: ...


Message = TypeVar("Message", bound=Addressed)


class UnknownKey(Exception):
    """Signed with a key that was not known when the keys were last asked for."""


class Reception(Generic[Message]):
    """Knows the API's public keys, and who waits because theirs is not among them.

    The API makes its key known before it signs, so that a message whose key is not known even when
    asked for after it came in is not the API's. Until then the message is neither let in nor turned
    away. `turn_away` is told of a signal, its message, and why it does not count.
    """

    def __init__(
        self, turn_away: Callable[[str, Message, str], None], keys: Iterable[SigningKey] = ()
    ) -> None:
        self._turn_away = turn_away
        self._keys = {each.key_id: each for each in keys}
        self._strangers: list[tuple[str, Message]] = []
        self._pause = FIRST_PAUSE
        self._next_question: Timestamp | None = None

    @property
    def keys(self) -> tuple[SigningKey, ...]:
        return tuple(self._keys[key_id] for key_id in sorted(self._keys))

    @property
    def strangers(self) -> bool:
        """Whether somebody waits for the keys to be asked for again."""
        return bool(self._strangers)

    @property
    def next_question(self) -> Timestamp | None:
        """From when on the keys may be asked for again; none when nobody waits for that."""
        return (self._next_question or now()) if self._strangers else None

    def admits(self, signal: str, message: Message) -> bool:
        """Whether the message counts; one that does not is turned away, or waits."""
        try:
            why_not = self._refusal(signal, message)
        except UnknownKey:
            self._strangers.append((signal, message))
            return False
        if why_not is not None:
            self._turn_away(signal, message, why_not)
        return why_not is None

    def plan_refusal(self, plan: RoundPlan) -> str | None:
        """Why the plan is none that the API has signed; none when it is."""
        if not plan.signature:
            return "the plan is not signed"
        try:
            return self._signature_refusal(plan)
        except UnknownKey:
            return "the plan is signed with a key that is not known"

    async def ask(self) -> list[tuple[str, Message]]:
        """Asks for the keys; returns whoever waited and is known by now, in the order of coming."""
        asked = len(self._strangers)
        before = self._keys.keys()
        found = await workflow.execute_activity_method(KeyActivities.signing_keys, **LIGHT)
        self._keys = {each.key_id: each for each in found}
        learnt = self._keys.keys() - before
        self._pause = FIRST_PAUSE if learnt else min(2 * self._pause, LONGEST_PAUSE)
        self._next_question = later(now(), self._pause)
        known = []
        strangers, self._strangers = self._strangers, []
        for place, (signal, message) in enumerate(strangers):
            if key_named_by(message.signature) in self._keys:
                known.append((signal, message))
            elif place < asked:
                self._turn_away(signal, message, "it is signed with a key that is not known")
            else:  # it came in meanwhile, and its key may be newer than the answer
                self._strangers.append((signal, message))
        return known

    async def wait_for_strangers(self) -> None:
        """Until somebody waits for the keys and it is time to ask for them."""
        await workflow.wait_condition(lambda: self.strangers)
        if self._next_question is not None and self._next_question > now():
            await workflow.sleep(
                timedelta(seconds=self._pause), summary="before the keys are asked for again"
            )

    def _refusal(self, signal: str, message: Message) -> str | None:
        if not message.signature:
            return "it is not signed"
        if message.audience != audience_of(workflow.info().workflow_id, signal):
            return "it was not signed for this workflow and signal"
        return self._signature_refusal(message)

    def _signature_refusal(self, message: Message | RoundPlan) -> str | None:
        """Raises UnknownKey."""
        key = self._keys.get(key_named_by(message.signature))
        if key is None:
            raise UnknownKey
        return None if verify(message, key.public_key) else "its signature is over something else"
