"""Images as OCI layouts and `docker save` archives: packages, weights, whiteouts, and archives that lie."""
# ruff: noqa: E501

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from secpipe.core.inventory import ComponentKind, Inventory
from secpipe.sbom.collect import collect
from secpipe.system.tree import walk


def tar(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


BASE = tar({
    "etc/os-release": b'ID=debian\nVERSION_ID="12"\n',
    "var/lib/dpkg/status": b"Package: openssl\nStatus: install ok installed\nVersion: 3.0.11-1\nArchitecture: amd64\n\nPackage: gone\nStatus: deinstall ok not-installed\nVersion: 1\n",
    "usr/lib/python3/site-packages/old-1.dist-info/METADATA": b"Name: old\nVersion: 1\n",
    "opt/a/m.safetensors": b"weights",
})  # fmt: skip
TOP = tar(
    {
        "usr/lib/python3/site-packages/.wh.old-1.dist-info": b"",
        "app/site-packages/torch-2.5.0.dist-info/METADATA": b"Name: torch\nVersion: 2.5.0\n",
    }
)


def save(*layers: bytes) -> bytes:
    files = {f"l{index}/layer.tar": layer for index, layer in enumerate(layers)}
    manifest = [{"Config": "a" * 64 + ".json", "RepoTags": ["acme/chat:1"], "Layers": list(files)}]
    return tar({"manifest.json": json.dumps(manifest).encode(), **files})


def read(root: Path, **files: bytes) -> Inventory:
    for name, data in files.items():
        (root / name.replace("__", ".")).write_bytes(data)
    return collect(walk(root))


def check(seen: Inventory) -> None:
    libraries = {item.name: item for item in seen.of_kind(ComponentKind.LIBRARY)}
    assert set(libraries) == {"openssl", "torch"}  # the whiteout took `old`
    assert libraries["openssl"].purl == "pkg:deb/debian/openssl@3.0.11-1?arch=amd64&distro=debian-12"
    assert libraries["openssl"].ecosystem == "Debian:12"
    assert libraries["torch"].version == "2.5.0"
    weights = seen.of_kind(ComponentKind.MODEL)
    assert [item.digests[0].value for item in weights] == [hashlib.sha256(b"weights").hexdigest()]
    assert [item.name for item in seen.of_kind(ComponentKind.CONTAINER)] == ["acme/chat:1"]
    assert seen.skipped == ()


def test_docker_save(tmp_path: Path) -> None:
    check(read(tmp_path, image__tar=save(BASE, gzip.compress(TOP))))


def test_oci_layout(tmp_path: Path) -> None:
    blobs = tmp_path / "blobs" / "sha256"
    blobs.mkdir(parents=True)

    def blob(data: bytes) -> str:
        digest = hashlib.sha256(data).hexdigest()
        (blobs / digest).write_bytes(data)
        return f"sha256:{digest}"

    manifest = {
        "config": {"digest": blob(b"{}")},
        "layers": [{"digest": blob(BASE)}, {"digest": blob(gzip.compress(TOP, mtime=0))}],
    }
    index = {
        "manifests": [
            {
                "digest": blob(json.dumps(manifest).encode()),
                "annotations": {"org.opencontainers.image.ref.name": "acme/chat:1"},
            }
        ]
    }
    (tmp_path / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    (tmp_path / "index.json").write_text(json.dumps(index))
    check(collect(walk(tmp_path)))
    victim = blobs / manifest["layers"][0]["digest"][7:]  # type: ignore[index]
    victim.write_bytes(victim.read_bytes() + b"\0")
    assert any("not what its name promises" in skip.reason for skip in collect(walk(tmp_path)).skipped)


@pytest.mark.parametrize(
    "layer", [b"", b"\x1f\x8b\x08broken", b"not a tar" * 100, tar({"../../etc/passwd": b"x"}), BASE[:700]]
)
def test_a_layer_that_cannot_be_read_is_said(tmp_path: Path, layer: bytes) -> None:
    seen = read(tmp_path, image__tar=save(layer, TOP))
    assert [item.name for item in seen.of_kind(ComponentKind.LIBRARY)] == ["torch"]
    assert "not analysed" in seen.skipped[0].reason


def test_a_plain_tar_is_no_image(tmp_path: Path) -> None:
    assert read(tmp_path, data__tar=tar({"a.txt": b"x"})).components == ()


WHOLE = save(BASE, gzip.compress(TOP, mtime=0))


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.integers(0, len(WHOLE) - 1), st.binary(min_size=1, max_size=8), st.integers(0, len(WHOLE)))
def test_damaged_archives_give_an_inventory(tmp_path: Path, at: int, patch: bytes, cut: int) -> None:
    read(tmp_path, image__tar=(WHOLE[:at] + patch + WHOLE[at + len(patch) :])[: cut or None])
