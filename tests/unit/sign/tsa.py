"""A real RFC 3161 authority: `openssl ts` behind a loopback HTTP server, at any time of the past or future."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from datetime import UTC, datetime, timedelta
from functools import cache
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from secpipe.core.trust import TimeAuthority
from tests import skips

CONFIG = """
[tsa]
default_tsa = tsa_config
[tsa_config]
serial = {folder}/serial
crypto_device = builtin
signer_cert = {folder}/tsa.pem
signer_key = {folder}/tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256, sha384, sha512
accuracy = secs:1
ess_cert_id_alg = sha256
"""


class Authority:
    """A root, a signing certificate (critical EKU timeStamping), and `openssl ts -reply` over them."""

    def __init__(self, folder: Path, name: str = "Test TSA") -> None:
        self.folder = folder
        folder.mkdir()
        self.program = shutil.which("openssl") or skips.missing("openssl is not here")
        root_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
        self.root = _certificate(f"{name} root", root_key, f"{name} root", root_key, ca=True)
        self.leaf = _certificate(name, key, f"{name} root", root_key, ca=False)
        pem = serialization.Encoding.PEM
        (folder / "ca.pem").write_bytes(self.root.public_bytes(pem))
        (folder / "tsa.pem").write_bytes(self.leaf.public_bytes(pem))
        (folder / "tsa.key").write_bytes(
            key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        )
        (folder / "serial").write_text("01\n")
        (folder / "tsa.cnf").write_text(CONFIG.format(folder=folder))

    @property
    def pinned(self) -> TimeAuthority:
        return TimeAuthority("test", (self.folder / "ca.pem").read_text())

    @property
    def pinned_leaf(self) -> TimeAuthority:
        return TimeAuthority("leaf", (self.folder / "tsa.pem").read_text())

    def reply(self, query: bytes, at: datetime | None = None) -> bytes:
        (self.folder / "query").write_bytes(query)
        argv = [self.program, "ts", "-reply", "-config", "tsa.cnf", "-section", "tsa_config", "-queryfile", "query"]
        env = {"PATH": "/usr/bin:/bin"}
        if at is not None:
            env |= {"LD_PRELOAD": _faketime(), "FAKETIME": at.strftime("%Y-%m-%d %H:%M:%S"), "TZ": "UTC"}
        subprocess.run([*argv, "-out", "answer"], cwd=self.folder, check=True, capture_output=True, env=env)
        return (self.folder / "answer").read_bytes()

    def stamp(self, data: bytes, at: datetime | None = None) -> bytes:
        import rfc3161_client

        request = rfc3161_client.TimestampRequestBuilder().data(data)
        query = request.hash_algorithm(rfc3161_client.HashAlgorithm.SHA256).build()
        return self.reply(query.as_bytes(), at)

    def serve(self) -> HTTPServer:
        authority = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                answer = authority.reply(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(200)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *args: object) -> None:
                pass

        server = HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return server


@cache
def _faketime() -> str:
    """Return libfaketime: `SECPIPE_FAKETIME`, or where distributions put it."""
    places = [
        Path(os.environ.get("SECPIPE_FAKETIME", "/nowhere")),
        *Path("/usr/lib").glob("*/faketime/libfaketime.so.1"),
    ]
    found = next((str(place) for place in places if place.is_file()), None)
    return found or skips.missing("libfaketime is not here (SECPIPE_FAKETIME): no timestamps of another time")


def _certificate(
    name: str, key: ec.EllipticCurvePrivateKey, issuer: str, issuer_key: ec.EllipticCurvePrivateKey, *, ca: bool
) -> x509.Certificate:
    now = datetime.now(UTC)
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    signed_by = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, issuer)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(signed_by)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=3650))
        .not_valid_after(now + timedelta(days=3650))
        .add_extension(x509.BasicConstraints(ca, None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
    )
    if not ca:
        usage = x509.ExtendedKeyUsage([x509.ExtendedKeyUsageOID.TIME_STAMPING])
        builder = builder.add_extension(usage, critical=True)
    return builder.sign(issuer_key, hashes.SHA256())
