"""Writes the reference pages from the code that they are about: `make docs`."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parent
MADE = "<!-- Written by `make docs`; change the code's own words instead. -->\n"


def commands() -> str:
    """Every command with its first sentence and its options."""
    import typer

    from api.cli import app

    lines = [
        "# Commands",
        "",
        MADE,
        "Every command takes `--json` where it prints a result, finds the stack of `--data-dir`,",
        "and ends with 0 when what was asked for is done. An error says what failed, whether data",
        "is safe, and the next command.",
        "",
    ]
    for name, command in _walk(typer.main.get_command(app), "labelwright"):
        lines += [f"## `{name}`", "", " ".join((command.help or "").split()), ""]
        for parameter in command.params:
            help_text = getattr(parameter, "help", None)
            if help_text:
                shown = ", ".join(f"`{option}`" for option in parameter.opts)
                lines.append(f"- {shown}: {' '.join(help_text.split())}")
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def settings() -> str:
    """Every setting that a process reads from its environment."""
    from workers.settings import Settings

    lines = [
        "# Settings",
        "",
        MADE,
        "Each process reads these from its environment; the local stack sets them for the",
        "processes that it starts.",
        "",
        "| variable | meaning | default |",
        "|---|---|---|",
    ]
    for name, field in Settings.model_fields.items():
        default = "" if field.default_factory is not None else field.default
        shown = f"`{default}`" if default not in ("", Path()) else ""
        lines.append(f"| `LABELWRIGHT_{name.upper()}` | {field.description} | {shown} |")
    lines += [
        "",
        "The command line also reads `LABELWRIGHT_API_URL` and `LABELWRIGHT_TOKEN`, and shows",
        "whole tracebacks when `LABELWRIGHT_DEBUG` is 1.",
        "",
    ]
    return "\n".join(lines)


def http() -> str:
    """Every route."""
    from api.app import create_app

    # The description of the API needs no server; the settings of one must merely be there.
    os.environ.setdefault("LABELWRIGHT_DATABASE_URL", "postgresql://nowhere")
    os.environ.setdefault("LABELWRIGHT_TEMPORAL_ADDRESS", "127.0.0.1:1")
    paths: dict[str, Any] = create_app().openapi()["paths"]
    lines = [
        "# HTTP",
        "",
        MADE,
        "JSON under `/api/v1`, with a bearer token or a browser session; everything is refused",
        "without one ([who is who](identity.md)). Errors are problem+json (RFC 9457) with a stable",
        "`code`, a `detail` for people and a `hint`. Lists are `{items, next}`; pass `next` back",
        "as `after`. Whatever creates something takes an `Idempotency-Key`. `/openapi.json` has",
        "each body with an example.",
        "",
        "| route | what it does |",
        "|---|---|",
    ]
    for path, operations in sorted(paths.items()):
        for method, operation in operations.items():
            note = " ".join((operation.get("description") or "").split())
            summary = operation["summary"] + (f". {note}" if note else "")
            lines.append(f"| `{method.upper()} {path}` | {summary} |")
    return "\n".join(lines) + "\n"


def ledger() -> str:
    """Every kind of decision."""
    from domain.decision_kinds import KINDS

    lines = [
        "# The ledger",
        "",
        MADE,
        "Each entry has its `kind`, the time `at` which it was decided (workflow time, not the",
        "clock of whoever sent a message), the `actor` by account and name with how they proved",
        "who they are (`token`, `session` or `system`), a `subject`, a `detail`, a `reason`, and a",
        "hash over itself and the entry before it. `labelwright audit show ROUND` reads it in",
        "words, `GET /api/v1/rounds/{round_id}/ledger` in full. Entries of rounds that began under",
        "0.1.0 carry less; their heads stay what they were.",
        "",
        "`shown` is the digest of what a person had before them: content digest, guideline and",
        "its digest, label schema digest, policy and its digest, look, and the model's suggestion",
        "if one was shown. `message_digest` is what was signed, `signature` reads",
        "`key_id:base64`.",
        "",
        "| kind | who decides | what it says | detail | reason |",
        "|---|---|---|---|---|",
    ]
    for name, kind in KINDS.items():
        fields = ", ".join(f"`{each}`" for each in kind.fields)
        lines.append(f"| `{name}` | {kind.by} | {kind.says} | {fields} | {kind.reason} |")
    return "\n".join(lines) + "\n"


def policy_schema() -> str:
    """What may stand in a sampling policy, for editors and programs."""
    from api.policies.documents import json_schema

    return json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"


PAGES = {
    "commands.md": commands,
    "settings.md": settings,
    "http.md": http,
    "ledger.md": ledger,
    "policy.schema.json": policy_schema,
}


def _walk(command: Any, name: str) -> Iterator[tuple[str, Any]]:
    if not hasattr(command, "commands"):
        yield name, command
        return
    for word, inner in sorted(command.commands.items()):
        yield from _walk(inner, f"{name} {word}")


def main() -> None:
    for name, write in PAGES.items():
        (DOCS / name).write_text(write())


if __name__ == "__main__":
    main()
