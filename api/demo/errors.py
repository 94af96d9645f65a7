"""What can go wrong in the demo.

DemoFailed          the demo cannot go on
└── Refused         the API said no, and asking again would not help
"""

from __future__ import annotations

from domain.errors import LabelwrightError


class DemoFailed(LabelwrightError):
    code = "demo_failed"


class Refused(DemoFailed):
    """`answered` is the status of the HTTP answer, `problem` the code of its problem."""

    code = "demo_refused"

    def __init__(self, message: str, *, answered: int, problem: str, hint: str = "") -> None:
        super().__init__(message, hint=hint, answered=answered, problem=problem)
        self.answered = answered
        self.problem = problem
