"""Encrypt the connections between nodes and the API, with a certificate that nobody has to set up.

This machine makes a key and a certificate for each run. A node gets the certificate with its assignments,
which the engine encrypts, and trusts nothing else. So neither an authority nor the name of this machine
matters, and an attacker between the two can only break a connection.
"""

from __future__ import annotations

import ssl
import tempfile
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from functools import lru_cache
from pathlib import Path

from dx_local.errors import UsageError

_NAME = "dx-local"
_VALIDITY = timedelta(days=3650)  # the key lasts as long as this process, whose clock nodes may not share


@dataclass(frozen=True)
class ServerIdentity:
    """A certificate in PEM format, and the context of a server that has its key."""

    certificate: str
    context: ssl.SSLContext


def make_identity() -> ServerIdentity:
    """Return a new identity. Raises UsageError if `cryptography` is not installed."""
    try:
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import ec
    except ImportError:
        from dx_app_wizard.installation import install_hint  # few runs need it

        message = "the connections of nodes cannot be encrypted: the package cryptography is missing"
        raise UsageError(message, install_hint("parsl")) from None
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, _NAME)])
    now = datetime.now(timezone.utc)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _VALIDITY)
        .not_valid_after(now + _VALIDITY)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    encoded = certificate.public_bytes(serialization.Encoding.PEM)
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return ServerIdentity(encoded.decode("ascii"), _server_context(secret + encoded))


def _server_context(key_and_certificate: bytes) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    with tempfile.TemporaryDirectory(prefix="dx-local-") as folder:  # OpenSSL reads keys from files alone
        file = Path(folder) / "server.pem"
        file.touch(0o600)
        file.write_bytes(key_and_certificate)
        context.load_cert_chain(file)
    return context


@lru_cache(maxsize=4)
def node_context(certificate: str) -> ssl.SSLContext:
    """Return the context of a client that trusts only the server with this certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname = False  # nobody else has the key, by whatever name the server is reached
    context.load_verify_locations(cadata=certificate)
    return context
