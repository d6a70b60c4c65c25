"""A release signed by secpipe itself, verified as the page says: by cosign alone, and by secpipe."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests import skips
from tests.e2e.releases import MARKS, ROOT, Build
from tests.interop import others

pytestmark = [*MARKS, pytest.mark.interop]
PAGE = (ROOT / "docs/verify-a-release.md").read_text()


def commands(part: str) -> list[str]:
    """Return the commands that the page gives between its marks."""
    text = PAGE.split(f"<!-- {part}:begin -->")[1].split(f"<!-- {part}:end -->")[0]
    return re.findall(r"^    (\S.*)$", text, re.MULTILINE)


class Reader:
    """A person with the release, the key, the trust root and its pin, who types what the page says."""

    def __init__(self, folder: Path, dist: Path) -> None:
        self.folder = folder
        self.release = folder / "release"
        shutil.copytree(dist, self.release)
        (folder / "home").mkdir()
        self.env = {
            "HOME": str(folder / "home"), "SECPIPE_HOME": str(folder / "home/secpipe"), "COSIGN_PASSWORD": "x",
            "PATH": os.pathsep.join([str(folder / "bin"), str(Path(sys.executable).parent), "/usr/bin:/bin"]),
        }  # fmt: skip
        (folder / "passphrase").write_text("a passphrase of the tests")
        (folder / "passphrase").chmod(0o600)
        (folder / "bin").mkdir()
        if cosign := others.find("cosign"):
            (folder / "bin/cosign").symlink_to(os.path.abspath(cosign))
        self("secpipe keys init --trust keys --passphrase-file passphrase")
        options = "--trust keys --passphrase-file passphrase"
        self(f"sh {ROOT}/scripts/sign-release.sh {sys.executable} release {options}")
        self("secpipe keys export builder --trust keys --classical -o release/builder.pub")
        (self.release / "keys").symlink_to("../keys")
        self.env["PIN"] = self("secpipe trust pin keys").stdout.strip()
        self.env["PYZ"] = next(self.release.glob("*.pyz")).name
        self.env["BOM"] = next(self.release.glob("*.cdx.json")).name

    def __call__(self, command: str, *, inside: bool = False, code: int = 0) -> subprocess.CompletedProcess[str]:
        where = self.release if inside else self.folder
        words = ["sh", "-c", command]
        done = subprocess.run(words, cwd=where, env=self.env, capture_output=True, text=True, timeout=300)
        assert (done.returncode == 0) == (code == 0), (command, done.returncode, done.stdout, done.stderr)
        return done


@pytest.fixture(scope="module")
def signed(built: Build, tmp_path_factory: pytest.TempPathFactory) -> Reader:
    return Reader(tmp_path_factory.mktemp("signed"), built.dist)


def test_the_page_verifies_with_cosign_alone(signed: Reader) -> None:
    if others.find("cosign") is None:
        skips.missing(others.why_not("cosign"))
    for command in commands("cosign"):
        signed(command, inside=True)


def test_cosign_refuses_what_was_touched(signed: Reader, tmp_path: Path) -> None:
    if others.find("cosign") is None:
        skips.missing(others.why_not("cosign"))
    for command in commands("cosign"):
        file = signed.release / signed.env.get(command.split('"$')[-1].rstrip('"'), "SHA256SUMS")
        kept = file.read_bytes()
        file.write_bytes(kept.replace(b"0", b"1", 1) if file.name == "SHA256SUMS" else kept + b"\n")
        signed(command, inside=True, code=1)
        file.write_bytes(kept)


def test_the_page_verifies_with_secpipe(signed: Reader) -> None:
    for command in commands("secpipe"):
        inside = not command.startswith("secpipe verify release")
        signed(command, inside=inside)


def test_secpipe_refuses_what_was_touched_or_stripped(signed: Reader) -> None:
    for ending in (".pyz", ".whl", ".cdx.json", ".pqc.sig", ".provenance.json"):
        file = next(signed.release.glob(f"*{ending}"))
        kept = file.read_bytes()
        file.write_bytes(kept + b"\n") if ending != ".pqc.sig" else file.unlink()
        done = signed(commands("secpipe")[0], code=1)
        assert done.returncode == 1
        file.write_bytes(kept)
    signed(commands("secpipe")[0])


def test_a_changed_release_is_not_signed(signed: Reader, built: Build, tmp_path: Path) -> None:
    shutil.copytree(built.dist, tmp_path / "release")
    with next((tmp_path / "release").glob("*.whl")).open("ab") as file:
        file.write(b"\n")
    options = "--trust keys --passphrase-file passphrase"
    signed(f"sh {ROOT}/scripts/sign-release.sh {sys.executable} {tmp_path}/release {options}", code=1)
    assert not list((tmp_path / "release").glob("*.sig"))
