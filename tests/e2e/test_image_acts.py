"""An image from its registry to the moment before it runs: checked, its verdict signed and attached, asked, refused.

Needs `docker-registry` (SECPIPE_REGISTRY or PATH); the last act needs cosign, too.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from secpipe.gate.verdicts.signed import names
from secpipe.sign.oci import attach
from secpipe.sign.registry import Reference, Registry, digest_of
from tests import skips
from tests.e2e.test_verdict_acts import Pipeline
from tests.e2e.transcript import Shell
from tests.interop import others, registries
from tests.unit.gate_builders import NOW
from tests.unit.image_world import EVIL, Blobs, tar

pytestmark = pytest.mark.interop
SIGN = "--advisories advisories --store verdicts --sign verdict --passphrase-file env:PW"
VSA = "https://slsa.dev/verification_summary/v1"


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    skips.module("oras")
    if registries.find() is None:
        skips.missing(registries.WHY_NOT)
    with registries.serving(tmp_path_factory.mktemp("registry")) as address:
        yield address


def push(host: str, blobs: Blobs, root: dict[str, Any], name: str, tag: str = "") -> str:
    """Push an image and return how it is named by digest."""
    registry = Registry.open(Reference(host, name, "sha256:" + "0" * 64))
    for data in blobs.data.values():
        if data != blobs.data[root["digest"][7:]]:
            registry.put_blob(data)
    manifest = blobs.data[root["digest"][7:]]
    for reference in filter(None, (digest_of(manifest), tag)):
        url = f"http://{host}/v2/{name}/manifests/{reference}"
        sent = registry.client.do_request(url, "PUT", data=manifest, headers={"Content-Type": root["mediaType"]})
        assert sent.status_code == 201
    return f"oci://{host}/{name}@{digest_of(manifest)}"


def files_of(folder: Path) -> dict[str, bytes]:
    return {f"app/{path.relative_to(folder)}": path.read_bytes() for path in folder.rglob("*") if path.is_file()}


class Images(Pipeline):
    """The pipeline, with its project as an image in a registry."""

    host: str = ""

    def image(self, extra: dict[str, bytes] | None = None, tag: str = "") -> str:
        blobs = Blobs()
        root = blobs.image([tar(files_of(self.tree)), *([tar(extra)] if extra else [])])
        return push(self.host, blobs, root, f"acme/{self.shell.cwd.name.replace('_', '-')}", tag)

    def judge(self, code: int, image: str, extra: str = SIGN) -> str:
        return self.run(code, f"secpipe check {image} {self.pins} --env staging {extra}")

    def ask(self, code: int, image: str, extra: str = "") -> str:
        out = self.run(code, f"secpipe verdict verify {image} --env staging {self.pins} -f json {extra}")
        return str(json.loads(out)["sentence"])


@pytest.fixture
def images(shell: Shell, monkeypatch: pytest.MonkeyPatch, host: str) -> Images:
    made = Images(shell, monkeypatch)
    made.host = host
    return made


def test_checked_signed_attached_and_asked(images: Images) -> None:
    image = images.image(tag="v1")
    assert "no signed verdict" in images.ask(3, image)
    images.judge(0, image)
    entry = images.newest("staging")
    images.run(0, f"secpipe verdict push {entry} {image}")
    assert "no signed verdict" not in images.ask(0, image)
    images.ask(0, image, "--store verdicts")
    images.run(0, f"secpipe verdict pull {image} -o pulled --trust keys --trust-pin {images.trust_pin}")
    images.ask(0, image, "--bundle pulled/1")
    assert "no signed verdict" in images.run(3, f"secpipe verdict verify {image} --env prod {images.pins}")
    tagged = image.partition("@")[0] + ":v1"
    told = images.run(0, f"secpipe check {tagged} {images.pins} --env staging --advisories advisories")
    assert image.rpartition("@")[2][7:23] in told


def test_a_verdict_is_about_one_image(images: Images) -> None:
    image, other = images.image(), images.image({"app/more.txt": b"more\n"})
    images.judge(0, image)
    entry = images.newest("staging")
    images.run(3, f"secpipe verdict push {entry} {other}")
    attach(other, [(Path(entry) / name).read_bytes() for name in names("vsa")], VSA, NOW)  # whoever may push
    assert "another image" in images.ask(1, other)
    images.ask(3, other, "--store verdicts")


def test_a_folders_verdict_is_none_of_an_image(images: Images) -> None:
    images.check(0, "staging")
    entry = images.newest("staging")
    images.run(3, f"secpipe verdict push {entry} {images.image()}")


def test_a_changed_image_and_a_revoked_key_are_refused(images: Images) -> None:
    image = images.image()
    images.judge(0, image)
    images.run(0, f"secpipe verdict push {images.newest('staging')} {image}")
    images.ask(0, image)
    evil = images.image({"app/model/more.pkl": EVIL})
    images.judge(1, evil, "--advisories advisories")
    assert "no signed verdict" in images.ask(3, evil)


def test_cosign_reads_the_classical_half(images: Images, tmp_path: Path) -> None:
    if others.find("cosign") is None:
        skips.missing(others.why_not("cosign"))
    image = images.image()
    images.judge(0, image)
    images.run(0, f"secpipe verdict push {images.newest('staging')} {image}")
    pem = tmp_path / "verdict.pub"
    pem.write_text(images.run(0, "secpipe keys export verdict --trust keys --format pem --classical"))
    words = ["--insecure-ignore-tlog", "--key", pem, "--type", VSA]
    assert others.run("cosign", "verify-attestation", *words, image.removeprefix("oci://"), cwd=tmp_path)
    _, public = others.new_key()
    (tmp_path / "wrong.pub").write_bytes(public)
    words[2] = tmp_path / "wrong.pub"
    assert not others.run("cosign", "verify-attestation", *words, image.removeprefix("oci://"), cwd=tmp_path)
