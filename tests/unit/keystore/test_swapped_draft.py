"""Who may write the folder swaps the draft after it was shown and before it is signed: nothing is signed then."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from secpipe.cli.main import run
from secpipe.core.errors import SecpipeError, TrustError
from secpipe.core.trust import Authority, Identity, KeyVersion
from secpipe.keystore import quorum
from secpipe.keystore.custody import file as file_custody
from secpipe.keystore.fresh import fresh
from secpipe.keystore.pending import open_signing, shown, sign_pending
from secpipe.keystore.trusted import open_folder, open_trust

DAY = timedelta(days=1)


def evil_twin(keys: Path, beside: Path, now) -> Path:
    """A copy of the folder in which a draft waits that lets eve in."""
    shutil.copytree(keys, beside)
    found = open_folder(beside, now=None)
    version = KeyVersion(1, fresh(("ecdsa-p256", "ml-dsa-65")).halves, now, now + 90 * DAY)
    eve = Identity("eve", Authority(("model",)), (version,), "alice")
    change = quorum.renewed(found)
    quorum.draft(found, quorum.TrustChange((*change.identities, eve), change.delegation), now)
    return beside


def swap(evil: Path, keys: Path) -> None:
    for part in ("pending", "targets"):
        shutil.copytree(evil / part, keys / part, dirs_exist_ok=True)


def names(keys: Path, now) -> list[str]:
    return [one.name for one in open_trust(keys, now=now).identities]


@pytest.fixture
def drafted(project, tmp_path, now):
    """An honest draft that was shown, and eve's in a copy of the folder."""
    found = quorum.begin(project.keys, project.home, now)
    evil = evil_twin(project.keys, tmp_path / "evil", now)
    quorum.draft(found, quorum.renewed(found), now)
    return project, evil, shown(open_signing(project.keys))


def test_a_draft_swapped_after_it_was_shown(drafted, passphrase, now):
    project, evil, told = drafted
    swap(evil, project.keys)
    with pytest.raises(TrustError, match="not the draft that was shown"):
        sign_pending(project.keys, project.home, passphrase, now, agreed=told)
    assert names(project.keys, now) == ["builder", "verdict"]


def test_a_draft_swapped_while_the_passphrase_is_typed(drafted, passphrase, now):
    project, evil, told = drafted

    def typed() -> bytes:
        swap(evil, project.keys)
        return passphrase()

    file_custody.forget()
    assert sign_pending(project.keys, project.home, typed, now, agreed=told).published
    assert names(project.keys, now) == ["builder", "verdict"]


def test_trust_swapped_under_the_draft(drafted, passphrase, now):
    """The draft is eve's from the start, but shown against a trust in which she is already: a renewal to the eye."""
    project, evil, _ = drafted
    swap(evil, project.keys)
    told = shown(open_signing(project.keys))
    assert told.changes.moves
    before = shown(open_signing(evil))
    calm = type(told)(type(told.changes)(("ring number: 2 (now 1)",), False), before.digest, before.signed)
    with pytest.raises(TrustError, match="not the draft that was shown"):
        sign_pending(project.keys, project.home, passphrase, now, agreed=calm)


def test_the_honest_draft_is_signed(drafted, passphrase, now):
    project, _, told = drafted
    assert sign_pending(project.keys, project.home, passphrase, now, agreed=told).published


@pytest.mark.parametrize("words", [("sign-root", "--expect", "DIGEST"), ("sign-root", "--yes"), ("renew",)])
def test_on_the_command_line(project, tmp_path, monkeypatch, capfdbinary, words):
    """The passphrase comes from a command that swaps the draft, as a sync folder or a pull would meanwhile."""
    from secpipe.system.clock import SystemClock

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SECPIPE_HOME", str(tmp_path / "home2"))
    secret = tmp_path / "secret"
    secret.write_text("correct horse")
    secret.chmod(0o600)

    def call(*argv: str) -> tuple[int, str]:
        file_custody.forget()
        code = run(list(argv))
        return code, capfdbinary.readouterr().out.decode()

    assert call("keys", "init", "--trust", "t", "--holder", "alice", "--passphrase-file", "secret")[0] == 0
    evil = evil_twin(tmp_path / "t", tmp_path / "evil", SystemClock().now())
    if words[0] == "sign-root":
        found = open_folder(Path("t"), now=None)
        quorum.draft(found, quorum.renewed(found), SystemClock().now())
    script = tmp_path / "typed.sh"
    script.write_text(f"#!/bin/sh\ncd {tmp_path}; cp -R {evil}/pending t; cp -R {evil}/targets t; cat secret\n")
    script.chmod(0o700)
    digest = call("keys", "sign-root", "--show", "--trust", "t")[1].strip() if words[0] == "sign-root" else ""
    argv = [digest if word == "DIGEST" else word for word in words]
    call("keys", *argv, "--trust", "t", "--passphrase-file", f"exec:{script}")
    try:
        found = open_folder(Path("t"), now=None)
    except SecpipeError:
        pytest.fail("the folder is broken")
    assert "eve" not in {one.name for one in found.ring.identities}
