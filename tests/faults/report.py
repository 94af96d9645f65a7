"""The suite's own report of each fault, printed after the tests, whichever process ran them."""

from __future__ import annotations

import pytest

FAULT = "fault"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    lines = [
        (
            str(dict(report.user_properties)[FAULT]),
            str(dict(report.user_properties).get("found", "")),
        )
        for outcome in ("passed", "failed")
        for report in terminalreporter.stats.get(outcome, [])
        if isinstance(report, pytest.TestReport) and FAULT in dict(report.user_properties)
        if report.when == "call"
    ]
    if not lines:
        return
    terminalreporter.section("what each fault did")
    for fault, found in lines:
        terminalreporter.write_line(fault)
        terminalreporter.write_line(f"    {found or 'the test failed before it could say'}")
