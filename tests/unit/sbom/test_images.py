"""Images as OCI layouts and `docker save` archives: packages, weights, whiteouts, and archives that lie."""
# ruff: noqa: E501

from __future__ import annotations

import gzip
import hashlib
import io
import json
import sqlite3
import struct
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


def header(**values: object) -> bytes:
    """An RPM header as the database keeps it."""
    tags = {"name": 1000, "version": 1001, "release": 1002, "epoch": 1003, "license": 1014, "arch": 1022}
    index, store = b"", b""
    for key, value in values.items():
        index += struct.pack(">IIiI", tags[key], 4 if key == "epoch" else 6, len(store), 1)
        store += struct.pack(">I", value) if isinstance(value, int) else str(value).encode() + b"\0"
    return struct.pack(">II", len(values), len(store)) + index + store


def rpmdb(*headers: bytes, sql: str = "") -> bytes:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.execute("CREATE TABLE " + ("other" if sql else "Packages") + " (hnum INTEGER PRIMARY KEY, blob BLOB)")
    if sql:
        connection.execute(sql)
    for one in headers:
        connection.execute("INSERT INTO Packages (blob) VALUES (?)", (one,))
    data: bytes = connection.serialize()
    connection.close()
    return data


OPENSSL = header(epoch=1, name="openssl-libs", version="3.0.7", release="27.el9", license="Apache-2.0", arch="x86_64")
RELEASE = b'ID="rhel"\nVERSION_ID="9.4"\n'


@pytest.mark.parametrize("where", ["var/lib/rpm/rpmdb.sqlite", "usr/lib/sysimage/rpm/rpmdb.sqlite"])
def test_the_packages_of_an_rpm_database_in_a_layer_and_in_an_unpacked_system(tmp_path: Path, where: str) -> None:
    files = {"etc/os-release": RELEASE, where: rpmdb(OPENSSL, header(name="gpg-pubkey", version="1"))}
    (tmp_path / "image").mkdir()
    seen = [read(tmp_path / "image", image__tar=save(tar(files)))]
    for name, data in files.items():
        (tmp_path / "tree" / "root" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "tree" / "root" / name).write_bytes(data)
    seen.append(collect(walk(tmp_path / "tree")))
    for inventory in seen:
        (one,) = inventory.of_kind(ComponentKind.LIBRARY)
        assert (one.name, one.version, one.licenses) == ("openssl-libs", "1:3.0.7-27.el9", ("Apache-2.0",))
        assert one.purl == "pkg:rpm/rhel/openssl-libs@1:3.0.7-27.el9?arch=x86_64&distro=rhel-9.4"


def test_node_packages_of_a_layer_and_a_debian_tree(tmp_path: Path) -> None:
    layer = tar({"app/node_modules/@acme/x/package.json": b'{"name": "@acme/x", "version": "1.2.3"}'})
    assert [one.purl for one in read(tmp_path, a__tar=save(layer)).of_kind(ComponentKind.LIBRARY)] == [
        "pkg:npm/%40acme/x@1.2.3"
    ]
    place = tmp_path / "rootfs" / "var" / "lib" / "dpkg"
    place.mkdir(parents=True)
    (place / "status").write_bytes(b"Package: zlib1g\nStatus: install ok installed\nVersion: 1.2\n")
    assert any(one.name == "zlib1g" for one in collect(walk(tmp_path)).of_kind(ComponentKind.LIBRARY))


@pytest.mark.parametrize(
    "data",
    [
        b"\x00\x05\x31\x62 an older database", b"SQLite format 3\0 and nothing", rpmdb(b"short"),
        rpmdb(header(name="x")), rpmdb(struct.pack(">II", 1 << 30, 0) + b"x" * 40),
        rpmdb(sql="CREATE VIEW Packages AS WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT x AS blob FROM n WHERE x < 0"),
    ],
)  # fmt: skip
def test_an_rpm_database_that_is_none_is_said_and_never_hangs(tmp_path: Path, data: bytes) -> None:
    seen = read(tmp_path, a__tar=save(tar({"var/lib/rpm/rpmdb.sqlite": data})))
    assert [skip.path for skip in seen.skipped] == ["a.tar!/var/lib/rpm/rpmdb.sqlite"]
