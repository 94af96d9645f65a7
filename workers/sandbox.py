"""The sandbox that workflow code runs in."""

from __future__ import annotations

from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

# Free of side effects, or named by reference only: loading them anew for each workflow would cost
# a second and megabytes, and messages would be of other types than those the SDK decodes.
PASSED_THROUGH = (
    "domain",
    "activities",
    "storage",
    # Verifies signatures: a pure function in compiled code, which cannot be loaded twice.
    "cryptography",
)


def workflow_runner() -> SandboxedWorkflowRunner:
    """Runs each workflow apart, with clock and chance closed to it."""
    return SandboxedWorkflowRunner(
        restrictions=SandboxRestrictions.default.with_passthrough_modules(*PASSED_THROUGH)
    )
