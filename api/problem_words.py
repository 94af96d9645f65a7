"""What went wrong, in the language that is spoken, by the stable code of a problem.

The API says it in English and in detail. Where the code alone says what a person has to know, its
sentence here takes the place of the API's; where it does not, the API's own words follow in
brackets, in English.
"""

from __future__ import annotations

from collections.abc import Mapping

from api.language import N_, gettext

SENTENCES: Mapping[str, str] = {
    "not_authenticated": N_("Nobody is signed in here, or the session has ended. Sign in again."),
    "not_allowed": N_("Your roles do not permit this. An admin can give an account other roles."),
    "too_many_attempts": N_("Too many attempts have failed here. Wait a while."),
    "too_many_previews": N_("Other previews are being worked on. Wait until one of them is done."),
    "identity_not_linked": N_("The provider knows you, and no account here is yours yet."),
    "provider_unavailable": N_(
        "The identity provider does not answer. A one-time password signs in meanwhile."
    ),
    "too_large": N_("This is more than may be sent at once. Send it in smaller parts."),
    "temporal_unavailable": N_(
        "Temporal does not answer, so nothing is acknowledged. Send it again in a moment; it takes "
        "effect once."
    ),
    "database_unavailable": N_(
        "The database does not answer. Nothing was changed; try again in a moment."
    ),
    "internal_error": N_(
        "This is an error that nobody foresaw. What was acknowledged before is safe."
    ),
    "records_taken": N_(
        "Another round of the same pool has chosen the same records a moment before."
    ),
    "policy_not_approved": N_("Nobody but its author has looked at this policy yet."),
    "not_qualified": N_("The task demands what your profile does not say you bring."),
    "rationale_required": N_("This round wants a reason with this answer."),
    "task_held_by_another": N_("Somebody else has this task by now."),
    "lease_expired": N_("The time for which this task was yours is over."),
    "task_closed": N_("The task is closed: it does not wait for an answer any more."),
    "task_suspended": N_("The task was put off: nobody works on it for now."),
    "task_not_claimed": N_("This task is not yours."),
    "review_stands": N_("The answer cannot be taken back or corrected any more."),
    "idempotency_conflict": N_("The same request was sent before with other contents."),
    "stale_approval": N_(
        "The dataset has changed since you looked at it. Load the page anew and look again."
    ),
    "not_awaiting_approval": N_("The round does not wait for approval any more."),
    "stale_batch_decision": N_(
        "Another batch waits by now than the one you looked at. Load the page anew and look again."
    ),
    "not_awaiting_batch_decision": N_("The round does not wait for a decision about its batch."),
}
"""Code → all that a person has to know."""

SUMMARIES: Mapping[str, str] = {
    "identity_refused": N_("The sign-in at the provider is not believed"),
    "not_found": N_("There is no such thing, or it is not for you to see"),
    "conflict": N_("It has moved on meanwhile"),
    "invalid_input": N_("What was sent cannot be used"),
    "invalid_request": N_("What was sent cannot be used"),
    "unreadable_file": N_("The file cannot be read"),
    "missing_column": N_("The file lacks a column"),
    "invalid_policy": N_("The policy cannot be followed"),
    "invalid_expression": N_("A filter of the policy cannot be read"),
    "impossible_constraints": N_("The records cannot be what the policy demands"),
    "batch_exceeds_pool": N_("The batch wants more records than there are to choose from"),
    "invalid_review": N_("The answer cannot be used"),
    "unknown_label": N_("The label schema has no such label"),
    "label_of_another_schema": N_("The label is of another label schema"),
    "wrong_number_of_labels": N_("These are too many labels, or too few"),
    "invalid_profile": N_("The profile cannot be used"),
    "duties_not_separate": N_("Another person must do this"),
    "destination_refused": N_("Events are not sent to this address"),
    "unavailable": N_("A part of the system does not answer. Try again in a moment"),
}
"""Code → what the API's own words go into in detail."""

KNOWN_CODES = SENTENCES.keys() | SUMMARIES.keys()

OTHERWISE = N_("That did not work")


def problem_sentence(code: str, detail: str) -> str:
    """One or more whole sentences; `detail` is the API's own, in English."""
    if code in SENTENCES:
        return gettext(SENTENCES[code])
    return f"{gettext(SUMMARIES.get(code, OTHERWISE))} ({detail})."
