"""The OCI image: the same bytes twice, through a real registry and back, and its root file system judges a project."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from secpipe import __version__
from secpipe.formats.oci import MANIFEST
from secpipe.sign.registry import Reference, Registry, digest_of
from tests import skips
from tests.e2e.releases import MARKS, Build, run
from tests.interop import registries

TOOLS = ("apt-get", "dpkg-deb", "unshare")
NEEDS = "the image needs root, CPython 3.11 on x86_64 and Debian's tools"
able = (
    sys.platform == "linux"
    and os.geteuid() == 0
    and sys.version_info[:2] == (3, 11)
    and os.uname().machine == "x86_64"
    and all(map(shutil.which, TOOLS))
)
pytestmark = [*MARKS, pytest.mark.interop, pytest.mark.slow, skips.unless_installed(able, NEEDS)]


@pytest.fixture(scope="module")
def image(built: Build) -> Path:
    """Return the OCI layout as a tar file."""
    run("sh", "scripts/image.sh", sys.executable, "dist", cwd=built.dist.parent)
    return built.one(".oci.tar")


@pytest.fixture(scope="module")
def layout(image: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("layout")
    with tarfile.open(image) as archive:
        archive.extractall(folder, filter="data")
    return folder


def blob(layout: Path, digest: str) -> bytes:
    return (layout / "blobs" / digest.replace(":", "/")).read_bytes()


def test_two_images_are_the_same_bytes(built: Build, image: Path) -> None:
    first = image.read_bytes()
    env = {"TZ": "Pacific/Kiritimati", "LC_ALL": "C.UTF-8"}
    if Path("/dev/shm").is_dir():
        env["TMPDIR"] = "/dev/shm"
    words = ["sh", "-c", 'umask 077; exec sh scripts/image.sh "$0" dist', sys.executable]
    run(*words, cwd=built.dist.parent, env=env)
    assert image.read_bytes() == first
    listed = built.one("SHA256SUMS").read_text()
    assert listed.count(f"{hashlib.sha256(first).hexdigest()}  {image.name}\n") == 1


def test_what_the_image_says_of_itself(layout: Path, built: Build) -> None:
    index = json.loads((layout / "index.json").read_bytes())
    manifest = json.loads(blob(layout, index["manifests"][0]["digest"]))
    config = json.loads(blob(layout, manifest["config"]["digest"]))
    assert config["config"]["User"] == "65532:65532"
    assert config["config"]["Entrypoint"] == ["/usr/bin/secpipe"]
    commit = run("git", "rev-parse", "HEAD", cwd=built.dist.parent).decode().strip()
    assert config["config"]["Labels"]["org.opencontainers.image.revision"] == commit
    assert len(manifest["layers"]) == 1
    used = {manifest["config"]["digest"], index["manifests"][0]["digest"], manifest["layers"][0]["digest"]}
    assert {f"sha256:{path.name}" for path in (layout / "blobs/sha256").iterdir()} == used, "nothing else travels"


def test_a_package_that_is_not_the_locked_one_is_refused(built: Build, tmp_path: Path) -> None:
    (tmp_path / "evil.deb").write_bytes(b"!<arch>\n")
    words = ["sh", "scripts/image.sh", sys.executable, "dist"]
    env = os.environ | {"SECPIPE_DEBS": str(tmp_path)}
    done = subprocess.run(words, cwd=built.dist.parent, env=env, capture_output=True, text=True)
    assert done.returncode == 2
    assert "not the locked ones" in done.stderr


def through_a_registry(layout: Path, host: str) -> Path:
    """Push the image through oras, pull it by its digest into a new layout, and return that."""
    index = json.loads((layout / "index.json").read_bytes())
    digest = index["manifests"][0]["digest"]
    registry = Registry.open(Reference(host, "ai/secpipe", digest))
    manifest = json.loads(blob(layout, digest))
    for row in (manifest["config"], *manifest["layers"]):
        assert registry.put_blob(blob(layout, row["digest"])) == row["digest"]
    url = f"http://{host}/v2/ai/secpipe/manifests/{digest}"
    headers = {"Content-Type": MANIFEST}
    assert registry.client.do_request(url, "PUT", data=blob(layout, digest), headers=headers).status_code == 201
    pulled = layout / "pulled"
    (pulled / "blobs/sha256").mkdir(parents=True)
    fresh = Registry.open(Reference(host, "ai/secpipe", digest))
    data, _ = fresh.manifest(digest)
    parts = {digest: data}
    parts |= {row["digest"]: fresh.blob(row["digest"], 1 << 28) for row in (manifest["config"], *manifest["layers"])}
    for name, content in parts.items():
        assert digest_of(content) == name
        (pulled / "blobs" / name.replace(":", "/")).write_bytes(content)
    for name in ("index.json", "oci-layout"):
        shutil.copy(layout / name, pulled / name)
    return pulled


def test_pushed_pulled_and_run(layout: Path, tmp_path: Path) -> None:
    skips.module("oras")
    umoci = os.environ.get("SECPIPE_UMOCI") or shutil.which("umoci")
    if registries.find() is None:
        skips.missing(registries.WHY_NOT)
    if umoci is None:
        skips.missing("umoci is not here: put it on PATH or set SECPIPE_UMOCI")
    (tmp_path / "registry").mkdir()
    with registries.serving(tmp_path / "registry") as host:
        pulled = through_a_registry(layout, host)
    run(umoci, "unpack", "--image", f"{pulled}:{__version__}", tmp_path / "bundle")
    root = tmp_path / "bundle/rootfs"
    (root / "work/shop").mkdir()
    (root / "work/shop/app.py").write_text("import openai\nopenai.OpenAI()\n")
    (root / "work/shop/model.pkl").write_bytes(b"cos\nsystem\n(S'id'\ntR.")

    def inside(*words: str) -> subprocess.CompletedProcess[str]:
        """Run the image's program as its user in its root, without a network."""
        argv = [
            "unshare",
            "--net",
            shutil.which("chroot") or "/usr/sbin/chroot",
            "--userspec=65532:65532",
            root,
            "/usr/bin/secpipe",
            *words,
        ]
        return subprocess.run(argv, env={"HOME": "/tmp", "PATH": "/usr/bin"}, capture_output=True, text=True)

    done = inside("--version")
    assert (done.returncode, done.stdout) == (0, f"secpipe, version {__version__}\n"), done.stderr
    done = inside("check", "/work/shop")
    assert done.returncode == 1, done.stderr
    assert "model.pkl" in done.stdout
    assert "OpenAI" in done.stdout
