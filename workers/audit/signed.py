"""Whether each message was signed by the API for whoever it says acted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from domain.rounds import RoundPlan
from workers.audit.evidence import Evidence
from workers.audit.findings import Finding, FindingKind
from workers.audit.recorded import Message
from workers.signing import verify


def check_signatures(evidence: Evidence, public_keys: Mapping[str, str]) -> Iterator[Finding]:
    """The round's plan and every signal. `public_keys`: key id → raw public key, base64."""
    for run in evidence.runs:
        plan = run.recorded.plan
        if isinstance(plan, RoundPlan):
            why_not = _why_not(plan, public_keys)
            if why_not:
                yield _forged(f"{run.recorded.subject} event 1", "start", plan, why_not)
        for signal in run.recorded.signals:
            why_not = "" if signal.message is None else _why_not(signal.message, public_keys)
            if signal.message is not None and why_not:
                subject = f"{run.recorded.subject} event {signal.event_id}"
                yield _forged(subject, signal.name, signal.message, why_not, by=signal.identity)


def _why_not(message: Message | RoundPlan, public_keys: Mapping[str, str]) -> str:
    """Why the signature does not prove who acted; empty when it does."""
    if not message.signature:
        return "is not signed"
    key = public_keys.get(message.signature.partition(":")[0])
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
