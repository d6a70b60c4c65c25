"""Images in a real registry on loopback: both halves attached, found again, and understood by cosign.

Needs `docker-registry` (SECPIPE_REGISTRY or PATH), which has no referrers API: the fallback tag is what is tried here.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from secpipe.core.errors import ConfigError, NetworkError
from secpipe.core.evidence import State
from secpipe.sign import bundle as bundles
from secpipe.sign.oci import sign_image, verify_image, verify_image_legacy
from secpipe.sign.registry import MANIFEST, Reference, Registry, digest_of
from tests.interop import others
from tests.unit.sign.world import NOW, make_identity, make_key, make_trust, rules

pytestmark = pytest.mark.interop
CONFIG = """version: 0.1
log: {{level: error}}
storage: {{filesystem: {{rootdirectory: {data}}}}}
http: {{addr: 127.0.0.1:{port}}}
"""


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    pytest.importorskip("oras")
    program = os.environ.get("SECPIPE_REGISTRY") or shutil.which("docker-registry")
    if program is None:
        pytest.skip("docker-registry is not here: put it on PATH or set SECPIPE_REGISTRY")
    folder = tmp_path_factory.mktemp("registry")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (folder / "config.yml").write_text(CONFIG.format(data=folder / "data", port=port))
    process = subprocess.Popen([program, "serve", folder / "config.yml"], stderr=subprocess.DEVNULL)
    try:
        for _ in range(100):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/v2/", timeout=1)
                break
            except OSError:
                time.sleep(0.1)
        yield f"127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


@pytest.fixture
def image(host: str, request: pytest.FixtureRequest) -> str:
    """Push an artifact of its own and return its reference."""
    reference = Reference(host, "ai/model", "sha256:" + "0" * 64)
    registry = Registry.open(reference)
    layer = request.node.name.encode()
    config = registry.put_blob(b"{}")
    manifest = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "artifactType": "application/vnd.example.model",
            "config": {"mediaType": "application/vnd.oci.empty.v1+json", "size": 2, "digest": config},
            "layers": [
                {"mediaType": "application/octet-stream", "size": len(layer), "digest": registry.put_blob(layer)}
            ],
        }
    ).encode()
    answer = registry.client.do_request(
        f"http://{host}/v2/ai/model/manifests/{digest_of(manifest)}", "PUT", data=manifest,
        headers={"Content-Type": MANIFEST},
    )  # fmt: skip
    assert answer.status_code == 201
    return f"oci://{host}/ai/model@{digest_of(manifest)}"


def test_sign_and_verify(image: str) -> None:
    key, stranger = make_key(), make_key()
    trust = make_trust(make_identity("builder", key))
    assert rules(verify_image(image, trust, now=NOW)) == {"missing-file"}
    sign_image(image, stranger.signers, stranger.version, now=NOW)  # somebody else's signature hides nothing
    assert verify_image(image, trust, now=NOW).state is State.FAILED
    sign_image(image, key.signers, key.version, artifact_version="2.0", now=NOW)
    evidence = verify_image(image, trust, min_version="2", now=NOW)
    assert evidence.state is State.OK, evidence.reason
    assert evidence.facts["artifacts"][0]["halves"] == ["ecdsa-p256", "ml-dsa-65"]
    assert rules(verify_image(image, trust, min_version="3", now=NOW)) == {"replayed"}
    narrow = make_trust(make_identity("builder", key, purposes=("model", "file")))
    assert rules(verify_image(image, narrow, now=NOW)) == {"wrong-purpose"}


def test_a_stripped_half(image: str) -> None:
    key = make_key()
    trust = make_trust(make_identity("builder", key))
    reference = Reference.parse(image)
    sign_image(image, key.signers, key.version, now=NOW)
    registry = Registry.open(reference)
    kept = registry.referrers(reference.digest)[:1]
    rows = [{"mediaType": MANIFEST, "size": 1, "digest": digest} for digest in kept]
    index = json.dumps({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": rows})
    url = f"http://{reference.host}/v2/ai/model/manifests/{reference.digest.replace(':', '-')}"
    headers = {"Content-Type": "application/vnd.oci.image.index.v1+json"}
    assert registry.client.do_request(url, "PUT", data=index.encode(), headers=headers).status_code == 201
    for require in ("classical+pq", "classical"):
        assert rules(verify_image(image, trust, require=require, now=NOW)) == {"stripped-half"}


def test_another_images_signature_is_replayed(image: str, host: str) -> None:
    """Bundles of one image attached to another: the statement names the first one's digest."""
    from secpipe.sign import statement as statements
    from secpipe.sign.oci import _attach
    from secpipe.sign.sign import sign_payload
    from secpipe.sign.statement import Statement

    key = make_key()
    trust = make_trust(make_identity("builder", key))
    reference = Reference.parse(image)
    registry = Registry.open(reference)
    halves = statements.declare(key.version.halves)
    other = Statement("https://sigstore.dev/cosign/sign/v1", reference.name, {"sha256": "1" * 64}, {}, halves)
    subject = {"mediaType": MANIFEST, "size": 1, "digest": reference.digest}
    for data in sign_payload(statements.encode(other), key.signers, key.version, now=NOW):
        _attach(registry, data, subject, other.predicate_type, NOW)
    assert rules(verify_image(image, trust, now=NOW)) == {"changed-file"}


def test_cosign_verifies_ours_and_we_verify_cosigns(image: str, tmp_path: Path) -> None:
    if others.find("cosign") is None:
        pytest.skip(others.why_not("cosign"))
    key = make_key()
    sign_image(image, key.signers, key.version, now=NOW)
    (tmp_path / "ours.pub").write_text(key.version.halves[0].pem)
    (tmp_path / "strange.pub").write_text(make_key().version.halves[0].pem)
    plain = image.removeprefix("oci://")
    words = ("verify", "--insecure-ignore-tlog", plain, "--key")
    assert others.run("cosign", *words, tmp_path / "ours.pub", cwd=tmp_path)
    assert not others.run("cosign", *words, tmp_path / "strange.pub", cwd=tmp_path)
    assert others.run("cosign", "generate-key-pair", "--output-key-prefix", "ck", cwd=tmp_path)
    assert others.run("cosign", "signing-config", "create", "--out", "sc.json", cwd=tmp_path)
    assert others.run("cosign", "sign", "--yes", "--key", "ck.key", "--signing-config", "sc.json", plain, cwd=tmp_path)
    evidence = verify_image_legacy(image, (tmp_path / "ck.pub").read_bytes(), reason="vendor")
    assert evidence.state is State.OK, evidence.reason
    assert not evidence.facts["artifacts"][0]["require_met"]
    strange = (tmp_path / "strange.pub").read_bytes()
    assert verify_image_legacy(image, strange, reason="vendor").state is State.FAILED
    assert verify_image(image, make_trust(make_identity("builder", key)), now=NOW).state is State.OK


def test_a_broken_copy_of_a_half_hides_nothing(image: str) -> None:
    from secpipe.sign.oci import _attach

    key = make_key()
    reference = Reference.parse(image)
    registry = Registry.open(reference)
    sign_image(image, key.signers, key.version, now=NOW)
    for digest in registry.referrers(reference.digest):
        layer = json.loads(registry.manifest(digest)[0])["layers"][0]["digest"]
        half = bundles.decode(registry.blob(layer, 1 << 20), "x")
        broken = bundles.encode(half.payload, half.signature[:-1] + b"\0", half.hint)
        _attach(registry, broken, {"mediaType": MANIFEST, "size": 1, "digest": reference.digest}, "x", NOW)
    assert verify_image(image, make_trust(make_identity("builder", key)), now=NOW).state is State.OK


def test_an_unreachable_registry_is_undecided() -> None:
    pytest.importorskip("oras")
    with pytest.raises(NetworkError):
        verify_image("oci://127.0.0.1:1/x@sha256:" + "0" * 64, make_trust(), now=NOW)


@pytest.mark.parametrize(
    "text",
    ["oci://host/x", "oci://host/x:v1", "oci://host/x@sha256:0", "oci://h/../x@sha256:" + "0" * 64, "oci://h@x/y"],
)
def test_a_tag_names_nothing_that_can_be_signed(text: str) -> None:
    with pytest.raises(ConfigError):
        Reference.parse(text)
