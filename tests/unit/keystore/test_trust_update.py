"""`trust update`: forward only, from a folder or over HTTP, and never onto another branch."""

from __future__ import annotations

import functools
import http.server
import json
import shutil
import threading
from datetime import timedelta

import pytest

from secpipe.core.errors import ConfigError, InputError, NetworkError, TrustError
from secpipe.keys.schedule import Schedule
from secpipe.keystore import quorum
from secpipe.keystore.commit import rotate
from secpipe.keystore.custody import file as file_custody
from secpipe.keystore.pending import sign_pending
from secpipe.keystore.trust_update import FolderSource, UrlSource, update
from secpipe.keystore.trusted import open_trust

DAY = timedelta(days=1)
SCHEDULE = Schedule(jitter=timedelta(0))


@pytest.fixture
def clone(project, tmp_path):
    shutil.copytree(project.keys, tmp_path / "clone")
    return tmp_path / "clone"


@pytest.fixture
def machine(tmp_path):
    return tmp_path / "machine"


def renew(project, passphrase, now, root=False):
    found = quorum.begin(project.keys, project.home, now)
    quorum.draft(found, quorum.renewed(found, root=root), now)
    assert sign_pending(project.keys, project.home, passphrase, now).published


def test_an_update_walks_roots_and_ring(project, clone, machine, passphrase, now):
    rotate(project.keys, project.home, SCHEDULE, passphrase, lambda: now + 76 * DAY)
    after = update(clone, FolderSource(project.keys), machine, now + 77 * DAY)
    assert (after.root.version, after.ring.version) == (1, 2)
    for days in (80, 81):
        renew(project, passphrase, now + days * DAY, root=True)
    rotate(project.keys, project.home, SCHEDULE, passphrase, lambda: now + 170 * DAY)
    after = update(clone, FolderSource(project.keys), machine, now + 171 * DAY, pin=project.pin)
    assert (after.root.version, after.ring.version, after.trust.pinned) == (3, 5, True)
    same = update(clone, FolderSource(project.keys), machine, now + 172 * DAY)
    assert same.trust.ring_digest == after.trust.ring_digest
    assert open_trust(clone, now=now + 172 * DAY).ring_version == 5


def test_a_new_machine_needs_a_pin(project, machine, now, tmp_path):
    with pytest.raises(ConfigError, match="no trust root yet"):
        update(tmp_path / "new", FolderSource(project.keys), machine, now)
    with pytest.raises(TrustError, match="matches the pin"):
        update(tmp_path / "new", FolderSource(project.keys), machine, now, pin="0" * 64)
    assert not (tmp_path / "new").exists()
    assert update(tmp_path / "new", FolderSource(project.keys), machine, now, pin=project.pin).trust.pinned


def test_rollback_is_refused(project, clone, machine, passphrase, now, tmp_path):
    rotate(project.keys, project.home, SCHEDULE, passphrase, lambda: now + 76 * DAY)
    old = tmp_path / "old"
    shutil.copytree(clone, old)
    update(clone, FolderSource(project.keys), machine, now + 77 * DAY)
    with pytest.raises(TrustError, match="rollback"):
        update(clone, FolderSource(old), machine, now + 78 * DAY)
    shutil.rmtree(clone)
    with pytest.raises(TrustError, match="rollback"):  # the machine remembers
        update(clone, FolderSource(old), machine, now + 78 * DAY, pin=project.pin)
    with pytest.raises(TrustError, match="rollback"):  # the folder alone says it too
        update(project.keys, FolderSource(old), tmp_path / "another", now + 78 * DAY)


def test_a_root_rollback_is_refused(project, clone, machine, passphrase, now):
    renew(project, passphrase, now + DAY, root=True)
    with pytest.raises(TrustError, match="rollback"):
        update(project.keys, FolderSource(clone), machine, now + 2 * DAY)


def test_a_fork_is_refused(project, clone, machine, passphrase, now, tmp_path):
    twin = tmp_path / "twin"
    shutil.copytree(project.keys, twin / "keys")
    shutil.copytree(project.home, twin / "home")
    rotate(project.keys, project.home, SCHEDULE, passphrase, lambda: now + 76 * DAY)
    file_custody.forget()
    rotate(twin / "keys", twin / "home", SCHEDULE, passphrase, lambda: now + 77 * DAY)
    update(clone, FolderSource(project.keys), machine, now + 78 * DAY)
    with pytest.raises(TrustError, match="fork"):
        update(clone, FolderSource(twin / "keys"), machine, now + 79 * DAY)


def test_two_different_next_roots_are_refused(project, clone, machine, passphrase, now, tmp_path):
    twin = tmp_path / "twin"
    shutil.copytree(project.keys, twin)
    renew(project, passphrase, now + DAY, root=True)
    other = type(project)(twin, project.home, project.pin)
    shutil.rmtree(project.home / "seen")
    renew(other, passphrase, now + 2 * DAY, root=True)
    update(clone, FolderSource(project.keys), machine, now + 3 * DAY)
    with pytest.raises(TrustError, match="fork"):
        update(clone, FolderSource(twin), machine, now + 3 * DAY)


def test_gaps_expiry_and_damage_are_refused_and_change_nothing(project, clone, machine, passphrase, now, tmp_path):
    renew(project, passphrase, now + DAY, root=True)
    gap = tmp_path / "gap"
    shutil.copytree(project.keys, gap)
    (gap / "root/1.root.json").unlink()
    damaged = tmp_path / "damaged"
    shutil.copytree(project.keys, damaged)
    document = json.loads((damaged / "root/2.root.json").read_text())
    document["signatures"] = document["signatures"][:1]
    (damaged / "root/2.root.json").write_text(json.dumps(document))
    before = {path.name: path.read_bytes() for path in clone.rglob("*.json")}
    with pytest.raises(TrustError, match="gap"):
        update(clone, FolderSource(gap), machine, now + 2 * DAY)
    with pytest.raises(TrustError, match="signed by 0"):
        update(clone, FolderSource(damaged), machine, now + 2 * DAY)
    with pytest.raises(TrustError, match="expired"):
        update(clone, FolderSource(project.keys), machine, now + 500 * DAY)
    with pytest.raises(InputError):
        update(clone, FolderSource(tmp_path / "nothing"), machine, now)
    assert {path.name: path.read_bytes() for path in clone.rglob("*.json")} == before


def test_an_interrupted_update_is_finished_by_the_next(project, clone, machine, passphrase, now):
    renew(project, passphrase, now + DAY, root=True)
    shutil.copy(project.keys / "root/2.root.json", clone / "root")  # root came, its ring did not
    found = update(clone, FolderSource(project.keys), machine, now + 2 * DAY)
    assert (found.root.version, found.ring.version) == (2, 2)


@pytest.fixture
def server(project):
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args):
            pass

    handler = functools.partial(Quiet, directory=str(project.keys))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as one:
        threading.Thread(target=one.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{one.server_port}"
        one.shutdown()


def test_an_update_over_http(project, clone, machine, server, passphrase, now):
    rotate(project.keys, project.home, SCHEDULE, passphrase, lambda: now + 76 * DAY)
    assert update(clone, UrlSource(server), machine, now + 77 * DAY).ring.version == 2
    (project.keys / "ring/latest.json").write_text('{"ring": 1, "root": 1, "targets": 1}')
    with pytest.raises(TrustError, match="rollback"):  # the hint is not trusted
        update(clone, UrlSource(server), machine, now + 78 * DAY)
    (project.keys / "ring/latest.json").write_text('{"ring": 9, "root": 1, "targets": 1}')
    with pytest.raises(NetworkError, match="404"):
        update(clone, UrlSource(server), machine, now + 78 * DAY)
    (project.keys / "ring/latest.json").write_text('{"ring": 9, "root": 999999, "targets": 1}')
    with pytest.raises(InputError):
        update(clone, UrlSource(server), machine, now + 78 * DAY)


@pytest.mark.parametrize("damage", ["cut", "link", "empty"])
def test_an_update_brings_a_damaged_folder_back(project, clone, machine, now, tmp_path, damage):
    """What the hint of a damaged folder promises: `trust update SOURCE` mends identities, rings and key versions."""
    for path in (next(clone.glob("targets/*.builder.json")), clone / "ring/1.targets.json"):
        whole = path.read_bytes()
        path.unlink()
        if damage == "link":
            (tmp_path / path.name).write_bytes(whole)
            path.symlink_to(tmp_path / path.name)
        else:
            path.write_bytes(whole[:-50] if damage == "cut" else b"")
        with pytest.raises((InputError, TrustError)):
            open_trust(clone, now=now)
        update(clone, FolderSource(project.keys), machine, now)
        assert open_trust(clone, now=now).ring_version == 1


def test_a_damaged_root_is_told_apart_from_a_fork(project, clone, machine, now):
    (clone / "root/1.root.json").write_bytes(b"{")
    with pytest.raises(TrustError) as caught:
        update(clone, FolderSource(project.keys), machine, now)
    assert "damaged" in caught.value.hint


def test_a_gap_in_the_roots_is_mended_under_a_pin(project, clone, machine, passphrase, now):
    for days in (1, 2):
        renew(project, passphrase, now + days * DAY, root=True)
    update(clone, FolderSource(project.keys), machine, now + 3 * DAY)
    (clone / "root/2.root.json").unlink()
    with pytest.raises(ConfigError, match="no trust root yet") as caught:
        update(clone, FolderSource(project.keys), machine, now + 3 * DAY)
    assert "--trust-pin" in caught.value.hint
    assert update(clone, FolderSource(project.keys), machine, now + 3 * DAY, project.pin).root.version == 3


def test_a_planted_identity_file_is_replaced_by_the_draft(project, passphrase, now):
    """Who may write the folder puts garbage where the next draft's identity will lie: nobody is locked out."""
    found = quorum.begin(project.keys, project.home, now)
    change = quorum.revoked(found, project.home, "builder", None, now, "", SCHEDULE, passphrase, now)
    before = set(project.keys.glob("targets/*.json"))
    quorum.draft(found, change, now)
    (made,) = set(project.keys.glob("targets/*.json")) - before
    made.write_bytes(b"garbage")
    quorum.draft(found, change, now)
    assert sign_pending(project.keys, project.home, passphrase, now).published
