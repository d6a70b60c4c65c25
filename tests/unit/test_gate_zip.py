"""`secpipe gate`: a ZIP is judged as the folder it is; what cannot be written out is never silently left out."""

from __future__ import annotations

import io
import stat
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner

from secpipe.cli.main import root
from secpipe.core.errors import InputError, UnsafeInput
from secpipe.core.limits import Limits
from secpipe.gate.zipped import unzipped

PAGE = "<!doctype html><h1>hello</h1>"
CALL = '<script>fetch("https://api.openai.com/v1/chat/completions")</script>'


def packed(place: Path, *members: tuple[str | zipfile.ZipInfo, str]) -> Path:
    with zipfile.ZipFile(place, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members:
            archive.writestr(name, text)
    return place


def answer(place: Path, *more: str) -> tuple[int, str]:
    done = CliRunner().invoke(root, ["gate", str(place), *more], standalone_mode=False)
    assert done.exception is None, done.exception
    return done.return_value, done.output


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECPIPE_HOME", str(tmp_path / "home"))


def link() -> zipfile.ZipInfo:
    info = zipfile.ZipInfo("app.js")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return info


def test_yes_no_and_the_same_for_a_zip_as_for_its_folder(tmp_path: Path) -> None:
    good, bad = tmp_path / "good", tmp_path / "bad"
    for folder, text in ((good, PAGE), (bad, PAGE + CALL)):
        folder.mkdir()
        (folder / "index.html").write_text(text)
    for wrap in ("", "site/"):
        assert answer(packed(tmp_path / "good.zip", (f"{wrap}index.html", PAGE)))[0] == answer(good)[0] == 0
        code, said = answer(packed(tmp_path / "bad.zip", (f"{wrap}index.html", PAGE + CALL)))
        assert code == answer(bad)[0] == 1
    assert answer(good)[1].startswith("YES, it may go out")
    assert said.startswith("NO, do not publish it yet: 1 thing must change.")
    assert "secpipe-zip-" not in said  # nobody can reach the scratch folder any more


@pytest.mark.parametrize(
    "odd",
    ["../index2.html", "/etc/page.html", "C:\\x.html", "a/../../b.html", "x" * 300 + ".html", "..\\up.html", link()],
    ids=str,
)  # fmt: skip
def test_what_is_not_written_is_told(tmp_path: Path, odd: str | zipfile.ZipInfo) -> None:
    place = packed(tmp_path / "a.zip", ("index.html", PAGE), (odd, PAGE))
    before = sorted(tmp_path.rglob("*"))
    with unzipped(place) as written:
        assert len(written.not_read) == 1
        assert [path.name for path in written.folder.rglob("*")] == ["index.html"]
    assert [one for one in sorted(tmp_path.rglob("*")) if "home" not in one.parts] == [
        one for one in before if "home" not in one.parts
    ]
    code, said = answer(place)
    assert (code, said[:7]) == (3, "NOT YET")


def test_twice_the_same_name_and_a_name_that_some_systems_take_for_it(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="Duplicate name"):
        place = packed(tmp_path / "a.zip", ("index.html", PAGE), ("index.html", PAGE + CALL), ("INDEX.html", CALL))
    assert answer(place)[0] == 3


def test_encrypted_lying_and_hidden_members(tmp_path: Path) -> None:
    plain = packed(tmp_path / "a.zip", ("index.html", PAGE), ("b.html", PAGE)).read_bytes()
    secret = bytearray(plain)
    at = secret.rindex(b"PK\x01\x02")
    secret[at + 8] |= 1  # the second member's flag, in the central directory
    (tmp_path / "secret.zip").write_bytes(secret)
    assert answer(tmp_path / "secret.zip")[0] == 3
    hidden = plain.replace(b"PK\x01\x02", b"PK\x00\x02", 1)
    (tmp_path / "hidden.zip").write_bytes(hidden)
    done = CliRunner().invoke(root, ["gate", str(tmp_path / "hidden.zip")], standalone_mode=False)
    assert done.return_value != 0 or done.exception is not None


def test_two_headers_that_disagree_are_told(tmp_path: Path) -> None:
    """One program unpacks by the first, another by the second."""
    data = packed(tmp_path / "a.zip", ("index.html", PAGE)).read_bytes()
    (tmp_path / "b.zip").write_bytes(data.replace(b"index.html", b"other.html", 1))
    assert answer(tmp_path / "b.zip")[0] == 3


def test_a_bomb_and_what_is_no_zip(tmp_path: Path) -> None:
    place = packed(tmp_path / "a.zip", ("index.html", "a" * 100_000))
    with pytest.raises(UnsafeInput), unzipped(place, Limits(archive_bytes=1000)):
        pass
    with pytest.raises(UnsafeInput), unzipped(packed(place, ("a", ""), ("b", "")), Limits(tree_files=1)):
        pass
    for data in (b"", b"no zip", b"PK\x05\x06" + bytes(18)):
        place.write_bytes(data)
        with pytest.raises(InputError), unzipped(place):
            pass


def test_a_prefix_before_the_zip_is_read_too(tmp_path: Path) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("index.html", PAGE + CALL)
    (tmp_path / "self.zip").write_bytes(b"#!/bin/sh\nexit\n" + stream.getvalue())
    assert answer(tmp_path / "self.zip")[0] == 1


def test_the_report_is_written_where_asked(tmp_path: Path) -> None:
    page = tmp_path / "r.html"
    place = packed(tmp_path / "a.zip", ("index.html", PAGE))
    assert answer(place, "--page", str(page), "--no-open")[0] == 0
    assert "<dt>May it go out?<dd>" in page.read_text()
