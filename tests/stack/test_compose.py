"""docker-compose.yml, read by a compose implementation's own parser (no daemon runs here)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from podman_compose import normalize, rec_subs, resolve_extends

from workers.parts import COMMANDS
from workers.settings import Settings

ROOT = Path(__file__).parents[2]
PASSWORD = {"LABELWRIGHT_DATABASE_PASSWORD": "abc123"}


def services(environment: dict[str, str]) -> dict[str, Any]:
    content = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    parsed = normalize(rec_subs(content, environment))["services"]
    resolve_extends(parsed, list(parsed), environment)
    assert isinstance(parsed, dict)
    return parsed


def test_each_service_runs_the_command_of_the_local_stack() -> None:
    parsed = services(PASSWORD)
    for name, command in COMMANDS.items():
        assert tuple(parsed[name]["command"]) == command


def test_there_is_no_default_password() -> None:
    with pytest.raises(ValueError, match="choose a password"):
        services({})


def test_no_secret_is_written_in_the_file() -> None:
    text = (ROOT / "docker-compose.yml").read_text()
    for line in text.splitlines():
        if re.search(r"PASSWORD|PWD|KEY|TOKEN", line) and not line.startswith("#"):
            assert "${LABELWRIGHT_" in line, line


def test_every_setting_given_to_a_service_exists() -> None:
    known = {f"LABELWRIGHT_{name.upper()}" for name in Settings.model_fields}
    for name in COMMANDS:
        assert set(services(PASSWORD)[name]["environment"]) <= known


def test_services_wait_for_the_migration() -> None:
    parsed = services(PASSWORD)
    for name in ("orchestration", "compute", "api"):
        condition = parsed[name]["depends_on"]["migrate"]["condition"]
        assert condition == "service_completed_successfully"


def test_the_image_holds_every_package_of_ours() -> None:
    copied = set(re.findall(r"^COPY (\w+) \1$", (ROOT / "Dockerfile").read_text(), re.MULTILINE))
    ignored = (ROOT / ".dockerignore").read_text()
    for package in ("domain", "learning", "storage", "workflows", "activities", "workers", "api"):
        assert package in copied
        assert f"!{package}\n" in ignored
