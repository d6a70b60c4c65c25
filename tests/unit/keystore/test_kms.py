"""`awskms:`: keys in AWS KMS, through boto3: P-256 against moto's server, ML-DSA against a loopback that holds a key.

The requests are held by the service's own model, which botocore brings. The service itself was never asked.
"""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
import threading
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, mldsa, utils

from secpipe.core.errors import ConfigError, InputError, MissingDependency
from secpipe.core.trust import Authority, HalfClass, Identity, PublicHalf
from secpipe.keys.schedule import Schedule
from secpipe.keys.schemes import scheme
from secpipe.keystore import quorum
from secpipe.keystore.commit import rotate
from secpipe.keystore.custody import awskms
from secpipe.keystore.custody.places import open_half
from secpipe.keystore.pending import sign_pending
from secpipe.keystore.trusted import open_trust
from secpipe.keystore.unlock import open_signers
from secpipe.sign.sign import sign_artifact
from secpipe.sign.verify import verify_artifact
from secpipe.system.tree import open_tree
from tests import skips

MESSAGE = b"DSSEv1 a message " * 1000  # more than KMS takes
ML_DSA = {
    "ml-dsa-44": mldsa.MLDSA44PrivateKey,
    "ml-dsa-65": mldsa.MLDSA65PrivateKey,
    "ml-dsa-87": mldsa.MLDSA87PrivateKey,
}
NOBODY = lambda: b""  # noqa: E731


def kms_at(monkeypatch, address):
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ENDPOINT_URL_KMS", address)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a-secret-that-is-never-told")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture(scope="module")
def moto():
    skips.module("boto3")
    skips.module("moto")
    skips.module("flask_cors")
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    yield "http://{}:{}".format(*server.get_host_and_port())
    server.stop()


@pytest.fixture
def kms(moto, monkeypatch):
    kms_at(monkeypatch, moto)
    return moto


class Service(ThreadingHTTPServer):
    """Answers `Sign` as KMS documents it, for one key of its own; keeps what it was asked."""

    def __init__(self, key: Any) -> None:
        self.key, self.asked = key, []
        self.status, self.answer = 200, None
        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append((self.headers["X-Amz-Target"], asked))
        data, key = base64.b64decode(asked["Message"]), self.server.key
        by_mu = asked["MessageType"] == "EXTERNAL_MU"
        signature = key.sign_mu(data) if by_mu else key.sign(data, ec.ECDSA(utils.Prehashed(hashes.SHA256())))
        answer = self.server.answer or {"Signature": base64.b64encode(signature).decode()}
        body = json.dumps(answer).encode()
        self.send_response(self.server.status)
        self.send_header("Content-Type", "application/x-amz-json-1.1")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


def half_of(algorithm, key):
    spki = serialization.PublicFormat.SubjectPublicKeyInfo
    pem = key.public_key().public_bytes(serialization.Encoding.PEM, spki).decode()
    return PublicHalf(algorithm, scheme.get(algorithm).half, pem)


@pytest.fixture
def service(monkeypatch):
    skips.module("boto3")
    made = Service(mldsa.MLDSA65PrivateKey.generate())
    kms_at(monkeypatch, f"http://127.0.0.1:{made.server_port}")
    yield made
    made.shutdown()


@pytest.mark.parametrize("algorithm", ["ecdsa-p256", "ecdsa-p384"])
def test_a_key_is_made_in_kms_and_signs_there(kms, tmp_path, algorithm):
    made = awskms.make_half("alias=acme", algorithm, f"builder-{algorithm}", NOBODY)
    again = awskms.make_half("alias=acme", algorithm, f"builder-{algorithm}", NOBODY)
    assert made.public == again.public, "what an interrupted run has left is used"
    assert re.fullmatch(r"awskms:alias=acme;key=arn:aws:kms:eu-central-1:[0-9]+:key/[0-9a-f-]+", made.reference)
    signer = open_half(made.reference, made.public, tmp_path, NOBODY)
    for message in (b"x", MESSAGE[:4096]):  # moto has no DIGEST: longer ones are signed against our own loopback
        scheme.get(algorithm).verify(made.public.pem, signer.sign(message), message)


def test_the_key_of_another_is_refused_when_it_signs(kms, tmp_path):
    one = awskms.make_half("alias=one", "ecdsa-p256", "b-1", NOBODY)
    other = awskms.make_half("alias=other", "ecdsa-p256", "b-1", NOBODY)
    with pytest.raises(InputError, match="not a signature by this key"):
        open_half(one.reference, other.public, tmp_path, NOBODY).sign(b"m")
    with pytest.raises(InputError, match="another key than a signing key of ecdsa-p384"):
        awskms.make_half("alias=one", "ecdsa-p384", "b-1", NOBODY)
    missing = "awskms:key=arn:aws:kms:eu-central-1:123456789012:key/00000000-0000-0000-0000-000000000000"
    with pytest.raises(InputError, match="refuses: NotFoundException"):
        open_half(missing, one.public, tmp_path, NOBODY).sign(b"m")


def test_an_identity_in_kms_rotates_by_itself(kms, project, passphrase, now, tmp_path):
    """The classical half in KMS, the post-quantum half in a file; both versions verify, and KMS holds two keys."""
    found = quorum.begin(project.keys, project.home, now)
    origin = quorum.Origin({HalfClass.CLASSICAL: "awskms:alias=rotating"})
    blank = Identity("cloud", Authority(("model", "file")), (), "alice")
    pair = ["ecdsa-p256", "ml-dsa-65"]
    change = quorum.with_identity(found, project.home, blank, pair, Schedule(), passphrase, now, origin)
    quorum.draft(found, change, now)
    assert sign_pending(project.keys, project.home, passphrase, now).published
    later = now + timedelta(days=1)
    outcome = rotate(project.keys, project.home, Schedule(), passphrase, lambda: later, ("cloud",))
    assert [step.identity for step in outcome.made] == ["cloud"]
    trust = open_trust(project.keys, now=later)
    versions = next(one for one in trust.identities if one.name == "cloud").versions
    assert len({version.halves[0].pem for version in versions}) == 2
    at = versions[1].not_before
    version, signers = open_signers("cloud", trust=trust, home=project.home, passphrase=passphrase, now=at)
    (tmp_path / "m.bin").write_bytes(b"weights")
    sign_artifact(tmp_path / "m.bin", open_tree(tmp_path / "m.bin"), signers, version, now=at)
    evidence = verify_artifact(tmp_path / "m.bin", open_tree(tmp_path / "m.bin"), trust, now=at)
    assert str(evidence.state) == "ok", evidence.reason


@pytest.mark.parametrize("algorithm", ML_DSA)
def test_the_requests_are_those_of_the_service_model(algorithm):
    """botocore checks types only; the words are held against the enumerations of the published model."""
    skips.module("boto3")
    import botocore.session
    from botocore.validate import ParamValidator

    model = botocore.session.Session().get_service_model("kms")
    half = half_of(algorithm, ML_DSA[algorithm].generate())
    request = awskms.sign_request("alias/builder", half, MESSAGE)
    shape = model.operation_model("Sign").input_shape
    assert not ParamValidator().validate(request, shape).has_errors()
    for name in ("MessageType", "SigningAlgorithm"):
        assert request[name] in shape.members[name].enum
    assert len(request["Message"]) == 64 <= shape.members["Message"].metadata["max"]
    made = model.operation_model("CreateKey").input_shape
    for spec, name, _ in awskms.SPECS.values():
        assert spec in made.members["KeySpec"].enum
        assert name in shape.members["SigningAlgorithm"].enum


@pytest.mark.parametrize("algorithm", ML_DSA)
def test_the_external_mu_is_that_of_fips_204(algorithm):
    """Another implementation signs our mu, and everybody takes it for a signature over the message."""
    key = ML_DSA[algorithm].generate()
    mu = awskms.external_mu(key.public_key().public_bytes_raw(), MESSAGE)
    key.public_key().verify(key.sign_mu(mu), MESSAGE)
    with pytest.raises(InvalidSignature):
        key.public_key().verify(key.sign_mu(mu), MESSAGE + b"x")


def test_ml_dsa_by_external_mu_verifies_with_us_and_with_openssl(service, tmp_path):
    half = half_of("ml-dsa-65", service.key)
    signature = open_half("awskms:key=alias/builder", half, tmp_path, NOBODY).sign(MESSAGE)
    (asked,) = service.asked
    assert asked[0] == "TrentService.Sign"
    assert (asked[1]["MessageType"], asked[1]["SigningAlgorithm"]) == ("EXTERNAL_MU", "ML_DSA_SHAKE_256")
    program = shutil.which("openssl")
    told = subprocess.run([program, "version"], capture_output=True, text=True).stdout if program else ""
    number = re.match(r"OpenSSL (\d+)\.(\d+)", told)
    if not number or (int(number[1]), int(number[2])) < (3, 5):
        skips.cannot("no openssl 3.5 on PATH to check ML-DSA with")
    for name, data in (("key.pem", half.pem.encode()), ("message", MESSAGE), ("signature", signature)):
        (tmp_path / name).write_bytes(data)
    words = ["pkeyutl", "-verify", "-pubin", "-inkey", "key.pem", "-rawin", "-in", "message", "-sigfile", "signature"]
    done = subprocess.run([program, *words], cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, "Verified Successfully" in done.stdout) == (0, True), done.stderr


def test_a_longer_message_is_signed_by_its_digest(service, tmp_path):
    service.key = ec.generate_private_key(ec.SECP256R1())
    half = half_of("ecdsa-p256", service.key)
    scheme.get("ecdsa-p256").verify(half.pem, open_half("awskms:key=k", half, tmp_path, NOBODY).sign(MESSAGE), MESSAGE)
    assert service.asked[0][1]["MessageType"] == "DIGEST"


def test_a_service_that_lies_refuses_or_is_down_is_an_error_that_tells_no_secret(service, tmp_path):
    half = half_of("ml-dsa-65", service.key)
    signer = open_half("awskms:key=alias/builder", half, tmp_path, NOBODY)
    for answer in (
        {"Signature": base64.b64encode(bytes(3309)).decode()},
        {"Signature": base64.b64encode(b"x").decode()},
    ):
        service.answer = answer
        with pytest.raises(InputError, match="not a signature by this key"):
            signer.sign(MESSAGE)
    service.status = 400
    service.answer = {"__type": "AccessDeniedException", "message": "arn:aws:iam::1:user/x \x1b[31m a-secret"}
    with pytest.raises(InputError, match="refuses: AccessDeniedException") as caught:
        signer.sign(MESSAGE)
    assert "secret" not in str(caught.value)
    service.shutdown()
    service.server_close()
    with pytest.raises(InputError, match="cannot be asked: EndpointConnectionError") as caught:
        signer.sign(MESSAGE)
    assert "secret" not in str(caught.value) + repr(signer)


@pytest.mark.parametrize(
    "rest", ["", "key", "key=", "key=a;key=b", "key=a;region=b", "alias=../x y", "alias=a\nb", "key=a;alias="]
)
def test_a_reference_is_read_strictly(rest, tmp_path):
    half = half_of("ml-dsa-65", mldsa.MLDSA65PrivateKey.generate())
    with pytest.raises(ConfigError):
        open_half(f"awskms:{rest}", half, tmp_path, NOBODY)
    with pytest.raises(ConfigError):
        awskms.make_half(rest or "key=a", "ml-dsa-65", "x", NOBODY)


def test_what_kms_does_not_sign_is_said(tmp_path):
    with pytest.raises(ConfigError, match="not ed25519"):
        awskms.make_half("alias=a", "ed25519", "x", NOBODY)


def test_without_boto3_it_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setitem(__import__("sys").modules, "boto3", None)
    half = half_of("ml-dsa-65", mldsa.MLDSA65PrivateKey.generate())
    with pytest.raises(MissingDependency) as caught:
        open_half("awskms:key=a", half, tmp_path, NOBODY).sign(b"m")
    assert caught.value.hint == "pip install secpipe[kms]"
