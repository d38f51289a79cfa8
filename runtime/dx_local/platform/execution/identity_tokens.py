"""Issue identity tokens: signed JSON Web Tokens that prove the identity of a job to third parties.

The issuer is this platform's server, which also publishes the key (`api/identity.py`). Signing requires the
package `cryptography`, an optional extra. The key is lost when the server stops.

Source: https://documentation.dnanexus.com/developer/apps/job-identity-tokens-for-access-to-clouds-and-third-party-services
and https://job-oidc.dnanexus.com/.well-known/openid-configuration
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import secrets
from typing import TYPE_CHECKING, Any

from dx_local.platform.core.errors import InvalidInput, InvalidState, PermissionDenied
from dx_local.platform.core.ids import class_of
from dx_local.platform.execution import jobs
from dx_local.platform.requests import request_fields as read
from dx_local.platform.requests.background_work import WorkRequired

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

    from dx_local.platform.core.context import JSON, Context, Platform
    from dx_local.platform.core.schema import JobRow

ALGORITHM = "RS256"
CLAIMS = (
    "job_id",
    "root_execution_id",
    "root_executable_id",
    "root_executable_name",
    "root_executable_version",
    "executable_id",
    "app_name",
    "app_version",
    "project_id",
    "bill_to",
    "launched_by",
    "region",
    "job_worker_ipv4",
    "job_worker_ipv6",
    "job_try",
)
"""The claims about a job; any of these can be part of the subject."""

_DEFAULT_SUBJECT = ("launched_by", "job_worker_ipv4")  # unverified
_VALID_FOR = 5 * 60  # s; unverified
_AUDIENCE = re.compile(r"[0-9A-Za-z._/:-]+")
_KEY_BITS = 2048


def get_identity_token(context: Context, job_id: str, request: JSON) -> JSON:
    """`/job-xxxx/getIdentityToken`: return a token for an audience; a job can get only its own.

    Raises InvalidState if `cryptography` is not installed, and InvalidInput for an unknown claim.
    """
    job = jobs.get(context, job_id)
    if context.caller.job != job_id:
        raise PermissionDenied(f"Only {job_id} itself can get its identity token")
    audience = read.text(request, "audience")
    if not _AUDIENCE.fullmatch(audience):
        raise InvalidInput('"audience" must consist of letters, digits, ".", "_", "-", "/" and ":"')
    of_job = _claims(context, job)
    subject = read.strings(request, "subject_claims", list(_DEFAULT_SUBJECT))
    if unknown := [name for name in subject if name not in CLAIMS]:
        raise InvalidInput(f'"subject_claims" names unknown claims: {", ".join(unknown)}')
    now = context.now() // 1000
    claims = {
        "iss": context.platform.base_url,
        "sub": ";".join(f"{name};{of_job[name]}" for name in subject),
        "aud": audience,
        "iat": now,
        "nbf": now,
        "exp": now + _VALID_FOR,
        "jti": secrets.token_hex(16),
        **of_job,
    }
    return {"Token": _signed(_key(context.platform), claims)}


def public_keys(platform: Platform) -> JSON:
    """Return the JSON Web Key Set to verify tokens with. Raises InvalidState if `cryptography` is missing."""
    key = _key(platform)
    numbers: Any = key.public_key().public_numbers()
    numbers_in_text = {"n": _number(numbers.n), "e": _number(numbers.e)}
    return {"keys": [{"kty": "RSA", **numbers_in_text, "alg": ALGORITHM, "use": "sig", "kid": _key_id(key)}]}


def _claims(context: Context, job: JobRow) -> JSON:
    root = context.store.get("job", job["root"]) or job
    return {
        "job_id": job["id"],
        "root_execution_id": root["id"],
        "root_executable_id": root["executable"],
        "root_executable_name": root["executable_name"],
        "root_executable_version": _app_version(context, root["executable"]),
        "executable_id": job["executable"],
        "app_name": job["executable_name"] if class_of(job["executable"]) == "app" else None,
        "app_version": _app_version(context, job["executable"]),
        "project_id": job["project"],
        "bill_to": job["user"],
        "launched_by": job["user"],
        "region": job["region"],
        "job_worker_ipv4": "127.0.0.1",
        "job_worker_ipv6": "::1",
        "job_try": job["try_number"],
    }


def _app_version(context: Context, executable: str) -> str | None:
    version: str | None = context.store.value("SELECT version FROM app WHERE id = ?", executable)
    return version


def _key(platform: Platform) -> RSAPrivateKey:
    """Return the key of a platform. Raises WorkRequired to generate it, which takes a moment."""
    if platform.identity_key is None:
        try:
            from cryptography.hazmat.primitives.asymmetric import rsa
        except ImportError:
            from dx_app_wizard.installation import install_hint  # few jobs need it

            message = f"Identity tokens require the package cryptography. {install_hint('identity')}"
            raise InvalidState(message) from None

        def make() -> None:
            platform.identity_key = rsa.generate_private_key(public_exponent=65537, key_size=_KEY_BITS)

        raise WorkRequired("identity key", make)
    key: RSAPrivateKey = platform.identity_key
    return key


def _signed(key: RSAPrivateKey, claims: JSON) -> str:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding

    header = {"alg": ALGORITHM, "typ": "JWT", "kid": _key_id(key)}
    signed = f"{_encoded(_json(header))}.{_encoded(_json(claims))}"
    signature = key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
    return f"{signed}.{_encoded(signature)}"


def _key_id(key: RSAPrivateKey) -> str:
    numbers: Any = key.public_key().public_numbers()
    return hashlib.sha256(str(numbers.n).encode()).hexdigest()[:16]


def _json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _number(value: int) -> str:
    return _encoded(value.to_bytes((value.bit_length() + 7) // 8, "big"))


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
