"""Images in a real registry on loopback: both halves attached, found again, and understood by cosign.

Needs `docker-registry` (SECPIPE_REGISTRY or PATH), which has no referrers API: the fallback tag is what is tried here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from secpipe.core.errors import ConfigError, NetworkError
from secpipe.core.evidence import State
from secpipe.formats.oci import MANIFEST
from secpipe.sign import bundle as bundles
from secpipe.sign.oci import sign_image, verify_image, verify_image_legacy
from secpipe.sign.registry import Reference, Registry
from tests import skips
from tests.interop import others, registries
from tests.unit.sign.world import NOW, make_identity, make_key, make_trust, rules

pytestmark = pytest.mark.interop


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    skips.module("oras")
    if registries.find() is None:
        skips.missing(registries.WHY_NOT)
    with registries.serving(tmp_path_factory.mktemp("registry")) as address:
        yield address


@pytest.fixture
def image(host: str, request: pytest.FixtureRequest) -> str:
    """Push an artifact of its own and return its reference."""
    return registries.push(host, request.node.name.encode())


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


def test_cosigns_signature_and_ours_live_side_by_side(image: str, tmp_path: Path) -> None:
    if others.find("cosign") is None:
        skips.missing(others.why_not("cosign"))
    key = make_key()
    pem = others.cosign_signs_image(image, tmp_path)
    sign_image(image, key.signers, key.version, now=NOW)
    evidence = verify_image_legacy(image, pem, reason="vendor")
    assert evidence.state is State.OK, evidence.reason
    assert not evidence.facts["artifacts"][0]["require_met"]
    assert verify_image(image, make_trust(make_identity("builder", key)), now=NOW).state is State.OK
    assert others.cosign_verifies_image(image, pem, tmp_path)
    assert others.cosign_verifies_image(image, key.version.halves[0].pem.encode(), tmp_path)


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
    skips.module("oras")
    with pytest.raises(NetworkError):
        verify_image("oci://127.0.0.1:1/x@sha256:" + "0" * 64, make_trust(), now=NOW)


@pytest.mark.parametrize(
    "text",
    ["oci://host/x", "oci://host/x:v1", "oci://host/x@sha256:0", "oci://h/../x@sha256:" + "0" * 64, "oci://h@x/y"],
)
def test_a_tag_names_nothing_that_can_be_signed(text: str) -> None:
    with pytest.raises(ConfigError):
        Reference.parse(text)
