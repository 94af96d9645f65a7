from __future__ import annotations

from pathlib import Path

import pytest

from domain.accounts import Role
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
    monkeypatch.setenv("LABELWRIGHT_OIDC_CLIENT_SECRET", "hidden-secret")
    assert "hidden" not in repr(Settings())


PROVIDER = {"oidc_issuer": "https://id.example", "oidc_client_id": "labelwright"}


@pytest.mark.parametrize(
    "wrong",
    [
        {"oidc_issuer": "http://id.example"},
        {"oidc_issuer": "https://me:word@id.example"},
        {"oidc_issuer": "https://id.example#part"},
        {"oidc_issuer": "id.example"},
        {"oidc_client_id": ""},
        {"oidc_algorithms": "RS256, none"},
        {"oidc_algorithms": "HS256"},
        {"oidc_algorithms": ""},
        {"oidc_scopes": "profile"},
        {"oidc_audience": "labelwright"},
        {"oidc_roles": "annotators=reviewer"},
        {"oidc_roles": "annotators", "oidc_roles_claim": "groups"},
        {"oidc_roles": "annotators=owner", "oidc_roles_claim": "groups"},
        {"oidc_client_secret": "word", "oidc_client_secret_file": Path("word")},
        {"session_hours": 0},
    ],
)
def test_settings_of_a_provider_that_cannot_be_meant_are_refused(wrong: dict[str, object]) -> None:
    Settings.model_validate(PROVIDER)
    with pytest.raises(ValueError, match="validation error"):
        Settings.model_validate(PROVIDER | wrong)


def test_the_clients_secret_is_read_from_its_file_each_time(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    settings = Settings.model_validate(PROVIDER | {"oidc_client_secret_file": file})
    for secret in ("first", "second"):
        file.write_text(f"{secret}\n")
        assert settings.client_secret() == secret


def test_a_group_may_give_several_roles() -> None:
    given = {"oidc_roles": "a=b=reviewer, leads=approver,leads=auditor", "oidc_roles_claim": "g"}
    settings = Settings.model_validate(PROVIDER | given)
    assert settings.group_roles == {
        "a=b": {Role.REVIEWER},
        "leads": {Role.APPROVER, Role.AUDITOR},
    }


def test_every_setting_says_what_it_is_for() -> None:
    for name, field in Settings.model_fields.items():
        assert field.description, name
        assert field.description.endswith((".", "PEM)")), name
