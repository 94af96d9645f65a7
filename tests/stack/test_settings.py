from __future__ import annotations

from pathlib import Path

import pytest

from domain.errors import DatabaseUnavailable
from workers.settings import Settings, load_settings


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"LABELWRIGHT_{name.upper()}", raising=False)
    monkeypatch.setenv("LABELWRIGHT_DATA_DIR", str(tmp_path))


def test_the_environment_alone_is_enough(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LABELWRIGHT_DATABASE_URL", "postgresql://elsewhere/one")
    monkeypatch.setenv("LABELWRIGHT_TEMPORAL_ADDRESS", "cluster:7233")
    settings = load_settings()
    assert settings.database_url == "postgresql://elsewhere/one"
    assert settings.temporal_address == "cluster:7233"
    assert settings.artifacts == str(tmp_path / "artifacts")
    assert settings.signing_key == tmp_path / "secrets" / "signing.pem"


def test_without_a_database_and_a_stack_the_next_command_is_named() -> None:
    with pytest.raises(DatabaseUnavailable) as error:
        load_settings()
    assert "labelwright up" in error.value.hint


def test_printing_settings_shows_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABELWRIGHT_DATABASE_URL", "postgresql://me:hidden-word@elsewhere/one")
    monkeypatch.setenv("LABELWRIGHT_TEMPORAL_API_KEY", "hidden-key")
    assert "hidden" not in repr(Settings())


def test_every_setting_says_what_it_is_for() -> None:
    for name, field in Settings.model_fields.items():
        assert field.description, name
        assert field.description.endswith((".", "PEM)")), name
