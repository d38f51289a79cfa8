"""Tests of identity tokens: signed with the server's public key, and issued only to the job itself."""

from __future__ import annotations

import base64
import json
import sys
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from dx_app_wizard.installation import install_hint

if TYPE_CHECKING:
    from tests.conftest import ServedPlatform

JSON = dict[str, Any]

CLAIMS = """
    iss sub aud exp iat nbf jti job_id root_execution_id root_executable_id root_executable_name
    root_executable_version executable_id app_name app_version project_id bill_to launched_by region
    job_worker_ipv4 job_worker_ipv6 job_try
"""


@pytest.fixture
def served(served_to_module: ServedPlatform) -> ServedPlatform:
    return served_to_module


def decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def verified(served: ServedPlatform, token: str) -> JSON:
    """Verify a token with the issuer's public key, and return its claims."""
    header, claims, signature = token.split(".")
    issuer = json.loads(decoded(claims))["iss"]
    assert issuer == served.url
    configuration = served.request("GET", "/.well-known/openid-configuration").json
    assert configuration["issuer"] == issuer
    (key,) = served.request("GET", configuration["jwks_uri"]).json["keys"]
    assert json.loads(decoded(header)) == {"alg": "RS256", "typ": "JWT", "kid": key["kid"]}
    numbers = rsa.RSAPublicNumbers(
        e=int.from_bytes(decoded(key["e"]), "big"), n=int.from_bytes(decoded(key["n"]), "big")
    )
    signed = f"{header}.{claims}".encode()
    numbers.public_key().verify(decoded(signature), signed, padding.PKCS1v15(), hashes.SHA256())
    found: JSON = json.loads(decoded(claims))
    return found


def test_a_job_proves_who_it_is(served: ServedPlatform) -> None:
    job = served.job()
    answer = served.post(f"/{job}/getIdentityToken", {"audience": "me"}, token=served.token_of(job))
    claims = verified(served, answer["Token"])
    assert claims.keys() == set(CLAIMS.split())
    assert (claims["aud"], claims["job_id"], claims["root_execution_id"]) == ("me", job, job)
    assert claims["project_id"] == served.project
    assert claims["exp"] > claims["iat"] == claims["nbf"]


def test_the_program_for_jobs_prints_a_token(served: ServedPlatform) -> None:
    job = served.job()
    program = "import subprocess; result = subprocess.check_output(v, text=True)"
    command = ["dx-jobutil-get-identity-token", "--aud", "me", "--subject_claims", "job_id,region"]
    claims = verified(served, served.dxpy(program, *command, job=job))
    assert claims["sub"] == f"job_id;{job};region;aws:us-east-1"


def test_only_the_job_itself_gets_its_token(served: ServedPlatform) -> None:
    path = f"/{served.job()}/getIdentityToken"
    request = {"audience": "me"}
    assert served.error(path, request) == (401, "PermissionDenied")
    other = served.token_of(served.job(project="VIEW"))
    assert served.error(path, request, token=other) == (401, "PermissionDenied")


@pytest.mark.parametrize(
    "request_",
    [{}, {"audience": ""}, {"audience": "a b"}, {"audience": "a", "subject_claims": ["nonsense"]}],
)
def test_an_invalid_request_is_rejected(served: ServedPlatform, request_: JSON) -> None:
    job = served.job()
    refused = served.error(f"/{job}/getIdentityToken", request_, token=served.token_of(job))
    assert refused == (422, "InvalidInput")


def test_without_the_package_the_extra_is_named(
    served: ServedPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.asymmetric", None)
    served.inside(lambda context: setattr(context.platform, "identity_key", None))
    job = served.job()
    reply = served.request(
        "POST", f"/{job}/getIdentityToken", '{"audience": "me"}', token=served.token_of(job)
    )
    assert (reply.status, reply.json["error"]["type"]) == (422, "InvalidState")
    assert install_hint("identity") in reply.json["error"]["message"]
