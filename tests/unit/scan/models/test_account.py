"""The account of the model scan: every file and archive member ends in one way, and a bound that cuts is told."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from secpipe.core.ledger import Thing
from secpipe.core.limits import Limits
from secpipe.scan.models.scan import scan
from secpipe.system.tree import open_tree

Look = Callable[..., object]
SSTI = b"{{ ''.__class__.__mro__[1].__subclasses__() }}"


def zipped(**members: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as made:
        for name, content in members.items():
            made.writestr(name.replace("__", "/").replace("_dot_", "."), content)
    return file.getvalue()


def test_every_file_and_member_ends_in_one_way(tmp_path: Path) -> None:
    (tmp_path / "a.pkl").write_bytes(b"\x80\x02K\x01.")
    (tmp_path / "b.txt").write_bytes(b"words\n")
    (tmp_path / "c.jpg").write_bytes(b"\xff\xd8\xff\xe0" + bytes(100))
    (tmp_path / "d").write_bytes(b"")
    (tmp_path / "e.engine").write_bytes(b"ftrt" + bytes(100))
    inner = zipped(x_dot_pkl=b"\x80\x02K\x01.", y_dot_dat=b"\xff\xfe\xfd" * 9)
    (tmp_path / "f.zip").write_bytes(zipped(in_dot_zip=inner, z_dot_txt=b"words"))
    evidence = scan(open_tree(tmp_path))
    account = evidence.account
    assert account is not None
    files, members = account.of(Thing.FILE), account.of(Thing.MEMBER)
    assert (files.total, files.not_read) == (6, 1)
    assert files.judged == {"pickle": 1, "zip": 1}
    assert files.cannot == {"text": 1, "bytes of no model": 1, "empty": 1}
    assert (members.total, members.not_read) == (4, 0)
    assert members.judged == {"zip": 1, "pickle": 1}
    assert [skip.path for skip in evidence.skips] == ["e.engine"]


def test_a_member_of_which_a_part_was_not_read_is_not_read(look: Look) -> None:
    evidence = look(zipped(a_dot_7z=b"7z\xbc\xaf\x27\x1c" + bytes(50), b_dot_pkl=b"\x80\x02K\x01."), "m.zip").evidence  # type: ignore[attr-defined]
    assert evidence.account.of(Thing.MEMBER).not_read == 1
    assert evidence.account.of(Thing.FILE).not_read == 1


LONG = {
    "chat_template.jinja": b"hello\n" * 3000 + SSTI,
    "prompt.txt": b"hello\n" * 3000 + SSTI,
    "conf.yaml": b"a: 1\n" * 3000 + b"b:\n  _target_: os.system\n",
    "Modelfile": b"FROM llama\n" + b"# words\n" * 3000 + b"ADAPTER ../../x\n",
}


@pytest.mark.parametrize("name", LONG)
def test_what_stands_behind_a_bound_is_not_read(look: Look, name: str) -> None:
    said = look(LONG[name], name, Limits(text_bytes=4096))
    assert said.outcome in {"review", "malicious"}, said  # type: ignore[attr-defined]
    assert said.evidence.skips  # type: ignore[attr-defined]


def test_a_long_plain_text_is_left_alone(look: Look) -> None:
    said = look(b"the system (see the manual) {{ name }}\n" * 3000, "notes.txt", Limits(text_bytes=4096))
    assert not said.evidence.findings  # type: ignore[attr-defined]
    assert not said.evidence.skips  # type: ignore[attr-defined]


def test_more_findings_than_are_listed_leave_the_rest_unread(tmp_path: Path) -> None:
    for number in range(5):
        (tmp_path / f"{number}.pkl").write_bytes(b"\x80\x02cos\nsystem\n)R.")
    evidence = scan(open_tree(tmp_path), limits=Limits(findings=2))
    assert evidence.account is not None
    assert evidence.account.of(Thing.FILE).not_read >= 2
    assert any("more than 2 findings" in skip.reason for skip in evidence.skips)
