"""Signing in at an identity provider, and everything that pretends to be one."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from fastapi import FastAPI

from api.app import create_app
from domain.accounts import Role
from storage import accounts, identities
from storage.identities import Identity
from tests.api.identity_provider import (
    AUDIENCE,
    CLIENT,
    SECRET,
    Claims,
    IdentityProvider,
    Key,
    providing,
)
from tests.api.team import BASE, Team, code
from workers.settings import Settings

HERE = {"Origin": BASE}
PAGE = {"Accept": "text/html"}


@pytest.fixture
def provider() -> Iterator[IdentityProvider]:
    with providing() as running:
        yield running


@pytest.fixture
def settings(without_temporal: Settings, provider: IdentityProvider) -> Settings:
    return without_temporal.model_copy(
        update={
            "public_url": BASE,
            "oidc_issuer": provider.issuer,
            "oidc_client_id": CLIENT,
            "oidc_client_secret": SECRET,
            "oidc_audience": AUDIENCE,
            "oidc_name": "Example & Sons",
        }
    )


@pytest.fixture
async def app(settings: Settings) -> AsyncIterator[FastAPI]:
    application = create_app(settings)
    yield application
    application.state.labelwright.engine.dispose()


def link(team: Team, provider: IdentityProvider, subject: str, name: str) -> None:
    with team.state.engine.begin() as connection:
        identities.link(
            connection,
            team.accounts[name].account_id,
            Identity(issuer=provider.issuer, subject=subject),
            linked_by="test",
        )


async def leave(client: httpx.AsyncClient, next_path: str = "/rounds") -> httpx.URL:
    """To the provider and to where it sends the browser back."""
    away = await client.get("/sign-in/provider", params={"next": next_path}, headers=PAGE)
    assert away.status_code == 303, away.text
    async with httpx.AsyncClient() as browser:
        return httpx.URL((await browser.get(away.headers["Location"])).headers["Location"])


async def sign_in(client: httpx.AsyncClient, next_path: str = "/rounds") -> httpx.Response:
    back = await leave(client, next_path)
    assert str(back).startswith(f"{BASE}/sign-in/callback?")
    return await client.get(back.raw_path.decode(), headers=PAGE)


async def test_a_person_signs_in_through_our_pages(team: Team, provider: IdentityProvider) -> None:
    link(team, provider, "ada", "rita")
    client = team.client()
    first = await client.get("/sign-in?next=/review", headers=PAGE)
    assert "Sign in with Example &amp; Sons" in first.text
    assert "/sign-in/provider?next=/review" in first.text
    answer = await sign_in(client, "/review")
    assert answer.status_code == 200, answer.text
    assert 'content="0; url=/review"' in answer.text
    me = (await client.get("/api/v1/me")).json()
    assert (me["name"], me["authenticated_by"]) == ("rita", "oidc")
    assert "labelwright_sign_in" not in client.cookies
    # The secret went where it belongs, in the form that RFC 6749 asks for.
    kind, _, said = provider.said["authorization"].partition(" ")
    assert (kind, base64.b64decode(said)) == ("Basic", b"labelwright:s3cret%2Fwith%3Dsigns")
    [session] = (await client.get("/api/v1/sessions")).json()["items"]
    assert session["signed_in_by"] == "oidc"
    assert (await client.delete("/api/v1/sessions/current", headers=HERE)).status_code == 204
    assert (await client.get("/api/v1/me")).status_code == 401


async def test_a_state_is_used_once_and_by_the_browser_that_began(
    team: Team, provider: IdentityProvider
) -> None:
    link(team, provider, "ada", "rita")
    victim, attacker = team.client(), team.client()
    stolen = (await leave(attacker)).raw_path.decode()
    for client in (victim, team.nobody):
        answer = await client.get(stolen, headers=PAGE)
        assert answer.status_code == 401
        assert "not begun in this browser" in answer.text
    kept = dict(attacker.cookies)
    assert (await attacker.get(stolen, headers=PAGE)).status_code == 200
    again = team.client(Cookie="; ".join(f"{name}={value}" for name, value in kept.items()))
    answer = await again.get(stolen, headers=PAGE)
    assert answer.status_code == 401
    assert "used already" in answer.text
    for query in ("", "?code=x", "?state=x&code=y", "?error=access_denied&state=x"):
        answer = await victim.get(f"/sign-in/callback{query}", headers=PAGE)
        assert answer.status_code == 401
        assert not any("session" in cookie for cookie in answer.headers.get_list("Set-Cookie"))


async def test_who_denies_at_the_provider_is_told_so(team: Team) -> None:
    client = team.client()
    back = await leave(client)
    state = parse_qs(urlsplit(str(back)).query)["state"][0]
    answer = await client.get(
        "/sign-in/callback", params={"state": state, "error": "access_denied"}, headers=PAGE
    )
    assert answer.status_code == 401
    assert "You did not agree at the provider." in answer.text


def _unsigned(claims: Claims) -> str:
    return jwt.encode(claims, "", "none")


BAD_CLAIMS: dict[str, Callable[[Claims], Claims]] = {
    "another sign-in": lambda claims: claims | {"nonce": "of another"},
    "no nonce": lambda claims: {name: claims[name] for name in claims if name != "nonce"},
    "another audience": lambda claims: claims | {"aud": "another"},
    "the audience of services": lambda claims: claims | {"aud": AUDIENCE},
    "several audiences and nobody named": lambda claims: claims | {"aud": [CLIENT, "another"]},
    "another party": lambda claims: claims | {"aud": [CLIENT, "another"], "azp": "another"},
    "another party alone": lambda claims: claims | {"azp": "another"},
    "another issuer": lambda claims: claims | {"iss": "https://elsewhere.example"},
    "an issuer with a slash": lambda claims: claims | {"iss": claims["iss"] + "/"},
    "expired": lambda claims: claims | {"exp": claims["exp"] - 600},
    "without an end": lambda claims: {name: claims[name] for name in claims if name != "exp"},
    "from the future": lambda claims: claims | {"iat": claims["iat"] + 3_600},
    "not yet": lambda claims: claims | {"nbf": claims["iat"] + 3_600},
    "no subject": lambda claims: {name: claims[name] for name in claims if name != "sub"},
    "a list of subjects": lambda claims: claims | {"sub": ["ada"]},
    "a long subject": lambda claims: claims | {"sub": "a" * 256},
}


async def test_an_identity_token_that_does_not_say_what_it_should_signs_nobody_in(
    team: Team, provider: IdentityProvider
) -> None:
    link(team, provider, "ada", "rita")
    for what, twist in BAD_CLAIMS.items():
        provider.twist = twist
        client = team.client()
        answer = await sign_in(client)
        assert answer.status_code == 401, what
        assert (await client.get("/api/v1/me")).status_code == 401, what
        with team.state.engine.begin() as connection:
            connection.exec_driver_sql("DELETE FROM failed_attempts")
    provider.twist = lambda claims: claims | {"aud": [CLIENT, "another"], "azp": CLIENT}
    assert (await sign_in(team.client())).status_code == 200


def forgeries(provider: IdentityProvider) -> dict[str, Callable[[Claims], str]]:
    """Ways to make a token without the provider's key."""
    mine, known = Key("mine"), provider.keys[0]
    public = known.private.public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def in_public_hands(claims: Claims) -> str:
        """HS256 with the public key as the secret (CVE-2022-29217)."""
        header = _part({"alg": "HS256", "typ": "JWT", "kid": known.key_id})
        signed = f"{header}.{_part(claims)}"
        mac = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256)
        return f"{signed}.{_text(mac.sign(signed.encode(), pem))}"

    def stripped(claims: Claims) -> str:
        return known.sign(claims).rpartition(".")[0] + "."

    def swapped(claims: Claims) -> str:
        head, _, tail = known.sign(claims | {"sub": "nobody"}).split(".")
        return f"{head}.{_part(claims)}.{tail}"

    return {
        "none": _unsigned,
        "None": lambda claims: f"{_part({'alg': 'None'})}.{_part(claims)}.",
        "the public key as a secret": in_public_hands,
        "no signature": stripped,
        "other claims under a signature": swapped,
        "a key nobody knows": mine.sign,
        "a known name, another key": lambda claims: mine.sign(claims, kid=known.key_id),
        "its own key": lambda claims: mine.sign(claims, kid=known.key_id, jwk=mine.public),
        "its own keys elsewhere": lambda claims: mine.sign(
            claims, kid="mine", jku=f"{provider.issuer}/mine"
        ),
        "its own certificate": lambda claims: mine.sign(
            claims, kid="mine", x5u=f"{provider.issuer}/mine", x5c=["MIIB"]
        ),
        "a path for a name": lambda claims: mine.sign(claims, kid="../../dev/null"),
        "a number for a name": lambda claims: (
            f"{_part({'alg': 'ES256', 'kid': 1})}.{_part(claims)}.x"
        ),
        "a rule that must be understood": lambda claims: known.sign(
            claims, crit=["b64"], b64=False
        ),
        "not a token": lambda _claims: "a.b.c",
        "far too long": lambda claims: known.sign(claims | {"more": "x" * 20_000}),
    }


async def test_a_forged_token_is_believed_of_nobody(team: Team, provider: IdentityProvider) -> None:
    """As an ID token, and as a service's access token."""
    link(team, provider, "ada", "rita")
    for what, forge in forgeries(provider).items():
        provider.sign = forge
        client = team.client()
        assert (await sign_in(client)).status_code == 401, what
        forged = team.client(Authorization=f"Bearer {forge(provider.claims())}")
        assert (await forged.get("/api/v1/me")).status_code == 401, what
        with team.state.engine.begin() as connection:
            connection.exec_driver_sql("DELETE FROM failed_attempts")
    assert "/mine" not in provider.asked
    assert set(provider.asked) == {
        "/.well-known/openid-configuration",
        "/jwks",
        "/authorize",
        "/token",
    }


async def test_a_key_that_the_provider_turns_to_is_fetched_once(
    team: Team, provider: IdentityProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    link(team, provider, "ada", "rita")
    clock = [1_000.0]
    monkeypatch.setattr(team.state.provider, "_clock", lambda: clock[0])
    service = team.client()

    async def status() -> int:
        headers = {"Authorization": f"Bearer {provider.access_token()}"}
        return (await service.get("/api/v1/me", headers=headers)).status_code

    assert await status() == 200
    provider.keys.insert(0, Key("second"))
    assert await status() == 401  # asked a moment ago
    clock[0] += 11
    assert await status() == 200
    assert provider.asked.count("/jwks") == 2
    provider.keys.insert(0, Key("never shown"))
    provider.jwks_body = json.dumps({"keys": [provider.keys[1].public]}).encode()
    clock[0] += 11
    for _ in range(5):
        assert await status() == 401
    assert provider.asked.count("/jwks") == 3
    # A key that was taken back counts no more once what is known of them is old.
    provider.keys = [Key("third")]
    old = provider.keys[0]
    provider.jwks_body = None
    clock[0] += 601
    assert await status() == 200
    provider.keys = [Key("fourth")]
    clock[0] += 601
    headers = {"Authorization": f"Bearer {old.sign(provider.claims())}"}
    assert (await service.get("/api/v1/me", headers=headers)).status_code == 401


async def test_services_call_with_tokens_that_are_meant_for_us(
    team: Team, provider: IdentityProvider
) -> None:
    link(team, provider, "importer", "requester")

    async def ask(token: str) -> httpx.Response:
        return await team.nobody.get("/api/v1/me", headers={"Authorization": f"Bearer {token}"})

    me = (await ask(provider.access_token(sub="importer"))).json()
    assert (me["name"], me["authenticated_by"]) == ("requester", "oidc")
    unknown = await ask(provider.access_token(sub="somebody"))
    assert (unknown.status_code, code(unknown)) == (403, "identity_not_linked")
    for changes in (
        {"aud": CLIENT},
        {"aud": "another"},
        {"iss": "https://elsewhere.example"},
        {"exp": int(time.time()) - 120},
    ):
        answer = await ask(provider.access_token(sub="importer", **changes))
        assert (answer.status_code, code(answer)) == (401, "identity_refused"), changes
    id_token = provider.keys[0].sign(provider.claims(sub="importer"), typ="logout+jwt")
    assert code(await ask(id_token)) == "identity_refused"
    service = {"Authorization": f"Bearer {provider.access_token(sub='importer')}"}
    made = await team.nobody.post("/api/v1/tokens", json={}, headers=service)
    assert code(made) == "not_allowed"
    account = team.accounts["requester"].account_id
    await team.admin.patch(f"/api/v1/accounts/{account}", json={"disabled": True})
    assert (await ask(provider.access_token(sub="importer"))).status_code == 403


async def test_somebody_whom_nobody_has_linked_is_told_whom_to_ask(
    team: Team, provider: IdentityProvider
) -> None:
    """Also where an e-mail address or a name is that of an account."""
    provider.subject = "new'person"
    provider.more = {"email": "rita@labelwright.test", "name": "rita", "preferred_username": "rita"}
    client = team.client()
    answer = await sign_in(client)
    assert answer.status_code == 403
    assert "account identity add NAME" in answer.text
    assert (await client.get("/api/v1/me")).status_code == 401
    rita = team.accounts["rita"].account_id
    address = f"/api/v1/accounts/{rita}/identities"
    body = {"subject": "new'person"}
    linked = (await team.admin.post(address, json=body)).json()
    assert linked["issuer"] == provider.issuer
    assert (await team.ravi.post(address, json=body)).status_code == 403
    assert (await sign_in(client)).status_code == 200
    assert (await client.get("/api/v1/me")).json()["name"] == "rita"
    ravis = f"/api/v1/accounts/{team.accounts['ravi'].account_id}/identities"
    assert code(await team.admin.post(ravis, json=body)) == "conflict"
    assert (await team.admin.delete(f"{address}/{linked['identity_id']}")).status_code == 204
    assert (await client.get("/api/v1/me")).status_code == 401
    assert (await team.admin.get(address)).json()["items"] == []


async def test_an_account_that_is_shut_out_does_not_come_in_by_the_provider(
    team: Team, provider: IdentityProvider
) -> None:
    link(team, provider, "ada", "rita")
    account = team.accounts["rita"].account_id
    await team.admin.patch(f"/api/v1/accounts/{account}", json={"disabled": True})
    answer = await sign_in(team.client())
    assert answer.status_code == 403
    assert "shut out" in answer.text


@pytest.fixture
async def welcoming(settings: Settings) -> AsyncIterator[Team]:
    """A team where the provider's people get accounts, and its groups give roles."""
    more = {
        "oidc_make_accounts": True,
        "oidc_roles_claim": "realm.groups",
        "oidc_roles": "annotators=reviewer, leads=approver, leads=auditor",
    }
    app = create_app(settings.model_copy(update=more))
    async with Team(app.state.labelwright, httpx.ASGITransport(app)) as team:
        yield team
    app.state.labelwright.engine.dispose()


async def test_an_account_is_made_and_given_roles_where_the_settings_say_so(
    welcoming: Team, provider: IdentityProvider
) -> None:
    provider.subject = "new"
    provider.more = {"preferred_username": "rita", "realm": {"groups": ["leads", "others", 7]}}
    client = welcoming.client()
    assert (await sign_in(client)).status_code == 200
    me = (await client.get("/api/v1/me")).json()
    assert me["name"] == "rita (2)"
    assert me["roles"] == ["approver", "auditor"]
    provider.more["realm"] = {"groups": "annotators"}
    assert (await sign_in(client)).status_code == 200
    again = (await client.get("/api/v1/me")).json()
    assert (again["account_id"], again["roles"]) == (me["account_id"], ["reviewer"])
    del provider.more["realm"]
    assert (await sign_in(client)).status_code == 200
    assert (await client.get("/api/v1/me")).json()["roles"] == []
    provider.subject, provider.more = "other", {"name": "\u202e labelwright"}
    assert (await sign_in(client)).status_code == 200
    assert (await client.get("/api/v1/me")).json()["name"] == "new person"
    with welcoming.state.engine.begin() as connection:
        rita = accounts.account_named(connection, "rita")
    assert rita.roles == {Role.REVIEWER}


# -- a provider that is away, or not what it should be ----------------------------------------


async def test_without_the_provider_our_own_tokens_and_sessions_go_on(
    team: Team, provider: IdentityProvider
) -> None:
    link(team, provider, "ada", "rita")
    client = team.client()
    assert (await sign_in(client)).status_code == 200
    provider.server.shutdown()
    provider.server.server_close()
    assert (await client.get("/api/v1/me")).status_code == 200
    assert (await team.ravi.get("/api/v1/me")).status_code == 200
    signing = {"Authorization": f"Bearer {provider.access_token()}"}
    assert (await team.nobody.get("/api/v1/me", headers=signing)).status_code == 200
    body = {"name": "ravi", "one_time_password": team.password("ravi")}
    assert (await team.client().post("/api/v1/sessions", json=body)).status_code == 201
    fresh = create_app(team.state.settings)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(fresh), base_url=BASE, headers=PAGE
    ) as elsewhere:
        answer = await elsewhere.get("/sign-in/provider")
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
        assert "The identity provider does not answer." in answer.text
        refused = await elsewhere.get("/api/v1/me", headers=signing | {"Accept": "*/*"})
        assert code(refused) == "provider_unavailable"
    fresh.state.labelwright.engine.dispose()


BAD_DOCUMENTS: dict[str, dict[str, Any]] = {
    "another name": {"issuer": "https://elsewhere.example"},
    "keys over http": {"jwks_uri": "http://elsewhere.example/jwks"},
    "keys in a file": {"jwks_uri": "file:///etc/passwd"},
    "no token endpoint": {"token_endpoint": None},
    "credentials in an address": {"token_endpoint": "https://a:b@elsewhere.example/"},
    "a page that runs": {"authorization_endpoint": "javascript:alert(1)"},
}


async def test_a_provider_that_is_not_what_it_should_be_is_not_asked_further(
    settings: Settings, provider: IdentityProvider
) -> None:
    async def tried() -> str:
        app = create_app(settings)
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url=BASE, headers=PAGE
        ) as client:
            answer = await client.get("/sign-in/provider")
        app.state.labelwright.engine.dispose()
        assert answer.status_code == 503, answer.text
        return answer.text

    for document in BAD_DOCUMENTS.values():
        provider.document = document
        await tried()
    provider.document = {}
    provider.redirect_jwks = f"{provider.issuer}/elsewhere"
    assert "sent us elsewhere" in await tried()
    assert "/elsewhere" not in provider.asked
    provider.redirect_jwks = ""
    for body in (b"x" * 600_000, b"[]", b"{", b"\xff", b"[" * 100_000, b'{"keys": 7}'):
        provider.jwks_body = body
        await tried()


def _part(document: dict[str, Any]) -> str:
    return _text(json.dumps(document).encode())


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
