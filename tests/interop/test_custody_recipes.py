"""The `exec:` recipes of examples/custody: a real SSH agent, and the real `aws` against a loopback that holds keys."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, mldsa, utils

from secpipe.core.errors import InputError
from secpipe.core.trust import PublicHalf
from secpipe.keys.schemes import scheme
from secpipe.keystore.custody.exec import open_half
from tests import skips

RECIPES = Path(__file__).resolve().parents[2] / "examples/custody"
MESSAGE = b"DSSEv1 a message " * 1000  # more than KMS takes
KEYS = {
    "ecdsa-p256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "ecdsa-p384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "ed25519": ed25519.Ed25519PrivateKey.generate,
    "ml-dsa-65": mldsa.MLDSA65PrivateKey.generate,
}


def half_of(algorithm, key):
    spki = serialization.PublicFormat.SubjectPublicKeyInfo
    pem = key.public_key().public_bytes(serialization.Encoding.PEM, spki).decode()
    return PublicHalf(algorithm, scheme.get(algorithm).half, pem)


def signer(recipe, argument, half, folder):
    reference = f"exec:{sys.executable} {RECIPES / recipe} {argument}"
    return open_half(reference.removeprefix("exec:"), half, folder, lambda: b"")


@pytest.fixture
def agent(tmp_path):
    program = shutil.which("ssh-agent") or skips.missing("ssh-agent is not here")
    place = tmp_path / "agent.sock"
    running = subprocess.Popen([program, "-D", "-a", str(place)], stdout=subprocess.PIPE)
    running.stdout.readline()
    yield place
    running.terminate()
    running.wait()


@pytest.mark.parametrize("algorithm", ["ecdsa-p256", "ecdsa-p384", "ed25519"])
def test_an_ssh_agent_signs(agent, tmp_path, algorithm):
    others, key = KEYS["ecdsa-p256"](), KEYS[algorithm]()
    for one in (others, key):
        file = tmp_path / "id"
        file.write_bytes(
            one.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
            )
        )
        file.chmod(0o600)
        subprocess.run(["ssh-add", "-q", str(file)], check=True, env={"SSH_AUTH_SOCK": str(agent)})
    half = half_of(algorithm, key)
    for message in (MESSAGE, *(bytes([number]) for number in range(8))):  # leading zeros of r and s come and go
        scheme.get(algorithm).verify(half.pem, signer("ssh_agent.py", agent, half, tmp_path).sign(message), message)
    stranger = half_of(algorithm, KEYS[algorithm]())
    with pytest.raises(InputError):
        signer("ssh_agent.py", agent, stranger, tmp_path).sign(MESSAGE)


class Service(ThreadingHTTPServer):
    """Answers as KMS and the transit engine document it, with a key of its own; keeps what it was asked."""

    def __init__(self, key):
        self.key, self.asked = key, []
        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def sign(self, asked):
        data = base64.b64decode(asked["Message"])
        if asked["MessageType"] == "EXTERNAL_MU":
            return self.key.sign_mu(data)
        return self.key.sign(data, ec.ECDSA(utils.Prehashed(hashes.SHA256())))

    def transit(self, asked, headers):
        assert headers["X-Vault-Token"] == "s.token"
        data = base64.b64decode(asked["input"])
        if asked.keys() == {"input"}:
            return base64.b64encode(self.key.sign(data)).decode()
        assert asked == {"input": asked["input"], "hash_algorithm": "sha2-256", "marshaling_algorithm": "asn1"}
        return base64.b64encode(self.key.sign(data, ec.ECDSA(hashes.SHA256()))).decode()


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append(asked)
        if self.path == "/v1/transit/sign/builder":
            self.answer({"data": {"signature": f"vault:v3:{self.server.transit(asked, self.headers)}"}})
        elif self.headers["X-Amz-Target"] == "TrentService.Sign":
            self.answer({"Signature": base64.b64encode(self.server.sign(asked)).decode()})
        else:
            spki = serialization.PublicFormat.SubjectPublicKeyInfo
            der = self.server.key.public_key().public_bytes(serialization.Encoding.DER, spki)
            self.answer({"PublicKey": base64.b64encode(der).decode()})

    def answer(self, answer):
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/x-amz-json-1.1")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


@pytest.mark.slow
@pytest.mark.parametrize(
    ("algorithm", "kind", "size"), [("ecdsa-p256", "DIGEST", 32), ("ml-dsa-65", "EXTERNAL_MU", 64)]
)
def test_aws_signs(tmp_path, monkeypatch, algorithm, kind, size):
    """The client is real, so the shape of each request is what its own service model allows; the service is ours."""
    if not shutil.which("aws"):
        skips.missing("aws is not here")
    key = KEYS[algorithm]()
    service = Service(key)
    config = tmp_path / ".aws"
    config.mkdir()
    (config / "config").write_text(
        f"[default]\nregion = eu-central-1\nendpoint_url = http://127.0.0.1:{service.server_port}\n"
    )
    (config / "credentials").write_text("[default]\naws_access_key_id = test\naws_secret_access_key = test\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    half = half_of(algorithm, key)
    signature = signer("aws_kms.py", "alias/builder", half, tmp_path).sign(MESSAGE)
    service.shutdown()
    scheme.get(algorithm).verify(half.pem, signature, MESSAGE)
    assert (service.asked[-1]["MessageType"], len(base64.b64decode(service.asked[-1]["Message"]))) == (kind, size)


@pytest.mark.parametrize("algorithm", ["ecdsa-p256", "ed25519"])
def test_a_transit_engine_signs(tmp_path, algorithm):
    key = KEYS[algorithm]()
    service = Service(key)
    (tmp_path / "token").write_text("s.token\n")
    half = half_of(algorithm, key)
    place = f"http://127.0.0.1:{service.server_port}/v1/transit/sign/builder {tmp_path / 'token'}"
    signature = signer("vault_transit.py", place, half, tmp_path).sign(MESSAGE)
    service.shutdown()
    scheme.get(algorithm).verify(half.pem, signature, MESSAGE)


def test_recipes_sign_nothing_they_cannot(tmp_path):
    half = half_of("ml-dsa-65", KEYS["ml-dsa-65"]())
    for recipe, argument in (("vault_transit.py", "http://127.0.0.1:9/x /nowhere"), ("ssh_agent.py", "/nowhere")):
        with pytest.raises(InputError, match="exit code"):
            signer(recipe, argument, half, tmp_path).sign(MESSAGE)
