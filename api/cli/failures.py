"""How a command fails: what went wrong, whether data is safe, what to do next."""

from __future__ import annotations

import json
import os
import sys
import tempfile
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

from domain.errors import LabelwrightError

INTERRUPTED = 130


@contextmanager
def reported(*, as_json: bool) -> Iterator[None]:
    """Turn whatever escapes the block into a report on stderr and an exit code."""
    try:
        yield
    except LabelwrightError as error:
        _report(error.message, _safety(error), error.hint, code=error.code, as_json=as_json)
        if _debugging():
            traceback.print_exc()
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        # The reader of our output, such as `head`, has had enough.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception as error:  # noqa: BLE001 - the outermost loop: nobody above could handle it
        _report(
            f"Something went wrong that Labelwright did not expect: {type(error).__name__}.",
            "What was acknowledged before is stored; this command stopped half-way.",
            f"The details are {_kept_traceback()}; `labelwright doctor` checks every part.",
            code="unexpected",
            as_json=as_json,
        )
        sys.exit(1)


def _safety(error: LabelwrightError) -> str:
    if error.status < 500:
        return "Nothing was changed."
    return "What was acknowledged before is safe."


def _report(message: str, safety: str, hint: str, *, code: str, as_json: bool) -> None:
    if as_json:
        problem = {"code": code, "message": message, "data": safety, "hint": hint}
        sys.stderr.write(json.dumps({"error": problem}) + "\n")
        return
    lines = [f"error: {message}", safety, *([f"next: {hint}"] if hint else [])]
    sys.stderr.write("\n".join(lines) + "\n")


def _kept_traceback() -> str:
    """Keep the traceback for whoever mends it; says where."""
    if _debugging():
        traceback.print_exc()
        return "above"
    descriptor, name = tempfile.mkstemp(prefix="labelwright-", suffix=".traceback.txt", text=True)
    with os.fdopen(descriptor, "w") as file:
        file.write(traceback.format_exc())
    return f"in {name}"


def _debugging() -> bool:
    return os.environ.get("LABELWRIGHT_DEBUG") == "1"
