"""Whether each message was signed by the API for whoever it says acted.

Rounds check that themselves, and turn a forged message away: it is in their ledger and changed
nothing. What a round that began before it checked has let in, or one lets in wrongly, is a finding.
So is every forged message in a history that does not replay: that the replay turns it away does
not say that the round did, as when somebody has edited it since.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from domain.records import Json
from domain.reviews import signed_part
from domain.rounds import RoundPlan
from domain.signing import audience_of, key_named_by
from workers.audit.chain import undecided
from workers.audit.evidence import Evidence, Run
from workers.audit.findings import Finding, FindingKind
from workers.audit.recorded import Message, Signal
from workers.signing import verify


def check_signatures(evidence: Evidence, public_keys: Mapping[str, str]) -> Iterator[Finding]:
    """The round's plan and every signal that was decided on; an open workflow may still turn the
    others away. `public_keys`: key id → raw public key, base64."""
    waiting = undecided(evidence)
    for run in evidence.runs:
        plan, turned_away = run.recorded.plan, _turned_away(run)
        if isinstance(plan, RoundPlan):
            why_not = _why_not(plan, public_keys)
            if why_not and signed_part(plan) not in turned_away:
                yield _forged(f"{run.recorded.subject} event 1", "start", plan, why_not)
        for signal in run.recorded.signals:
            if signal.message is None or signal.digest in turned_away:
                continue
            if (run.recorded.run_id, signal.event_id) in waiting:
                continue
            why_not = _why_not(signal.message, public_keys)
            if not why_not and signal.message.audience:
                why_not = _astray(run.recorded.workflow_id, signal)
            if why_not:
                subject = f"{run.recorded.subject} event {signal.event_id}"
                yield _forged(subject, signal.name, signal.message, why_not, by=signal.identity)


def count_turned_away(evidence: Evidence) -> int:
    """Messages that the round's own workflows have found to be forged."""
    return sum(len(_turned_away(run)) for run in evidence.runs)


def _turned_away(run: Run) -> set[Json]:
    if run.replayed.failure:
        return set()
    return {
        entry.decision.detail["message_digest"]
        for entry in run.replayed.entries
        if entry.decision.kind == "message_forged"
    }


def _astray(workflow_id: str, signal: Signal) -> str:
    """Why the message does not count where it came in; empty when it does."""
    message = signal.message
    if message is None or message.audience == audience_of(workflow_id, signal.name):
        return ""
    return f"was signed for {message.audience}"


def _why_not(message: Message | RoundPlan, public_keys: Mapping[str, str]) -> str:
    """Why the signature does not prove who acted; empty when it does."""
    if not message.signature:
        return "is not signed"
    key = public_keys.get(key_named_by(message.signature))
    if key is None:
        return "is signed with a key that is not known"
    return "" if verify(message, key) else "bears a signature over something else"


def _forged(
    subject: str, what: str, message: Message | RoundPlan, why_not: str, *, by: str = ""
) -> Finding:
    actor = message.requested_by if isinstance(message, RoundPlan) else message.actor
    sent = f", sent by “{by}”" if by else ""
    about = getattr(message, "record_id", "")
    return Finding(
        kind=FindingKind.FORGED_ACTOR,
        subject=subject,
        message=f"The message “{what}”{f' on record {about}' if about else ''} says that "
        f"{actor.name} acted{sent}, but {why_not}.",
        expected="a signature of the API",
        found=message.signature or None,
    )
