"""Turns our errors into Temporal's at the edge: what a repetition cannot mend says so."""

from __future__ import annotations

from typing import Any

from temporalio.exceptions import ApplicationError
from temporalio.worker import (
    ActivityInboundInterceptor,
    ExecuteActivityInput,
    Interceptor,
)

from domain.errors import LabelwrightError, Unavailable


class ErrorTranslation(Interceptor):
    """Raises a LabelwrightError as an ApplicationError of its code, final unless Unavailable."""

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002
        return _Translate(super().intercept_activity(next))


class _Translate(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002
        try:
            return await self.next.execute_activity(input)
        except LabelwrightError as error:
            raise ApplicationError(
                error.message,
                error.hint,
                type=error.code,
                non_retryable=not isinstance(error, Unavailable),
            ) from error
