"""A witness: which checkpoint it cosigns, which never, and what it says over HTTP."""

from __future__ import annotations

import contextlib
import hashlib
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from secpipe.core.errors import InputError, NetworkError, TrustError
from secpipe.log import checkpoint, trusted, witness
from secpipe.log.checkpoint import Checkpoint
from secpipe.log.note import Note
from secpipe.log.reader import Reader
from secpipe.log.witness import Request, Witness
from secpipe.system import listen, net
from tests.unit import log_world
from tests.unit.log_world import NOW, ORIGIN, World, signers, trust


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


@pytest.fixture
def watcher(tmp_path: Path) -> Witness:
    return Witness(log_world.witness(), witness.watch(log_world.vkeys()), tmp_path / "witness")


def asked(world: World, old: int = 0) -> bytes:
    data = world.log.checkpoint()
    tree = Reader(world.path, checkpoint.read(data)[0])
    return Request(old, tuple(tree.consistency(old)), data).encode()


def test_a_log_that_grows_is_cosigned_and_its_proofs_then_have_a_quorum(world: World, watcher: Witness) -> None:
    for old, count in ((0, 3), (3, 5), (8, 300)):
        head = checkpoint.read(world.grow(count))[0]
        reply = watcher.add_checkpoint(asked(world, old), NOW)
        assert (reply.status, reply.type) == (200, "text/plain; charset=utf-8")
        lines = witness.cosignatures(reply.body, head, [watcher.signer.key])
        seen = trusted.check(world.log.cosign(head, lines), trust(watcher.signer, quorum=1))
        assert seen.witnesses == (watcher.name,)
        assert seen.lines[-1].time == NOW
    digest = hashlib.sha256(ORIGIN.encode()).hexdigest()
    latest = watcher.answer("GET", f"/{digest}/checkpoint", b"", NOW)
    assert trusted.check(latest.body, trust(watcher.signer, quorum=1)).head.size == 308


def test_the_wrong_old_size_is_told_the_right_one(world: World, watcher: Witness) -> None:
    world.grow(3)
    assert watcher.add_checkpoint(asked(world), NOW).status == 200
    reply = watcher.add_checkpoint(asked(world), NOW)
    assert (reply.status, reply.body, reply.type) == (409, b"3\n", "text/x.tlog.size")
    assert watcher.add_checkpoint(asked(world, 3), NOW).status == 200, "the same again, at a new time"


def test_a_fork_is_never_cosigned(world: World, watcher: Witness) -> None:
    """The same keys sign two logs: the witness saw one of them, and stays with it."""
    world.grow(5)
    assert watcher.add_checkpoint(asked(world), NOW).status == 200
    other = World(world.base / "fork")
    for size in (5, 9):
        other.log.append(log_world.entries(size - other.log.waiting()[0].end, 900))
        other.sign()
        assert watcher.add_checkpoint(asked(other, 5), NOW).status == 422
    assert watcher.add_checkpoint(asked(world, 5), NOW).status == 200


def test_the_memory_is_on_the_disk_before_the_signature(
    world: World, watcher: Witness, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.grow(2)
    sizes = []

    def sign(head: Checkpoint, now: object) -> object:
        sizes.append(b'"size": "2"' in watcher.ratchet(ORIGIN).path.read_bytes())
        raise KeyboardInterrupt

    monkeypatch.setattr(checkpoint.NoteSigner, "sign", lambda self, head, now: sign(head, now))
    with pytest.raises(KeyboardInterrupt):
        watcher.add_checkpoint(asked(world), NOW)
    monkeypatch.undo()
    assert sizes == [True]
    assert watcher.add_checkpoint(asked(world), NOW).status == 409
    assert watcher.add_checkpoint(asked(world, 2), NOW).status == 200


@pytest.mark.parametrize(
    ("status", "change"),
    [
        (400, lambda body: b""),
        (400, lambda body: body.replace(b"old 0", b"old 00")),
        (400, lambda body: body.replace(b"old 0", b"old -1")),
        (400, lambda body: body.replace(b"old 0\n", b"old 0\nnot a hash\n")),
        (400, lambda body: body.replace(b"old 0\n", b"old 0\n" + b"A" * 43 + b"=\n" * 64)),
        (400, lambda body: body.replace(b"old 0", b"old 4")),
        (404, lambda body: body.replace(b"\nlog.example/shop\n", b"\nlog.example/nobody\n")),
        (403, lambda body: body.replace(b"\n3\n", b"\n2\n")),
        (422, lambda body: body.replace(b"old 0\n", b"old 0\n" + b"A" * 43 + b"=\n")),
    ],
)
def test_what_is_not_cosigned_has_the_status_of_the_specification(
    world: World, watcher: Witness, status: int, change: Callable[[bytes], bytes]
) -> None:
    world.grow(3)
    assert watcher.answer("POST", "/add-checkpoint", change(asked(world)), NOW).status == status


def test_a_checkpoint_with_half_of_its_signatures_is_not_cosigned(world: World, watcher: Witness) -> None:
    world.grow(3)
    head, found = checkpoint.read(world.log.checkpoint())
    for line in found.lines:
        body = Request(0, (), Note(head.text(), (line,)).encode()).encode()
        assert watcher.add_checkpoint(body, NOW).status == 403


def test_a_size_beyond_what_json_counts_is_remembered(watcher: Witness) -> None:
    head = Checkpoint(ORIGIN, 2**62, b"r" * 32)
    data = Note(head.text(), tuple(one.sign(head, NOW) for one in signers())).encode()
    assert watcher.add_checkpoint(Request(0, (), data).encode(), NOW).status == 200
    assert watcher.add_checkpoint(Request(2**62, (), data).encode(), NOW).status == 200


def test_an_empty_tree_with_a_root_of_some_is_not_cosigned(watcher: Witness) -> None:
    head = Checkpoint(ORIGIN, 0, b"r" * 32)
    data = Note(head.text(), tuple(one.sign(head, NOW) for one in signers())).encode()
    assert watcher.add_checkpoint(Request(0, (), data).encode(), NOW).status == 422


def test_an_answer_counts_by_keys_that_are_known(world: World, watcher: Witness) -> None:
    head = checkpoint.read(world.grow(1))[0]
    body = watcher.add_checkpoint(asked(world), NOW).body
    with pytest.raises(TrustError, match="known here"):
        witness.cosignatures(body, head, [log_world.witness("witness.example/w2").key])
    with pytest.raises(TrustError):
        witness.cosignatures(body, replace(head, size=2), [watcher.signer.key])
    with pytest.raises(InputError):
        witness.cosignatures(b"<html>", head, [watcher.signer.key])
    lines = witness.cosignatures(body, head, [watcher.signer.key])
    world.grow(1)
    with pytest.raises(InputError, match="another checkpoint"):
        world.log.cosign(head, lines)


def test_over_http_with_bounds(world: World, watcher: Witness) -> None:
    world.grow(3)

    def handle(method: str, path: str, body: bytes) -> tuple[int, str, bytes]:
        reply = watcher.answer(method, path, body, NOW)
        return reply.status, reply.type, reply.body

    with listen.listening("127.0.0.1", 0, handle, witness.LIMIT) as url:
        assert net.exchange(f"{url}/add-checkpoint", limit=9999, data=asked(world))[0] == 200
        assert net.exchange(f"{url}/add-checkpoint", limit=9999, data=asked(world)) == (409, b"3\n")
        assert net.exchange(f"{url}/nothing", limit=9999)[0] == 404
        assert net.exchange(f"{url}/add-checkpoint", limit=9999, data=bytes(witness.LIMIT + 1))[0] == 413
        assert net.exchange(f"{url}/{'x' * 600}", limit=9999)[0] == 414
        with pytest.raises(NetworkError, match="answered 404"):
            net.fetch(f"{url}/nothing", limit=9999)


def test_who_says_nothing_keeps_nobody_else_out_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of many clients sends a byte now and then and never ends: threads stay few, and others are heard again."""
    monkeypatch.setattr(listen, "_LONGEST", 1.0)
    before = threading.active_count()
    with listen.listening("127.0.0.1", 0, lambda *_: (200, "text/plain", b"here"), 99) as url:
        host, port = url.removeprefix("http://").split(":")
        silent = [socket.create_connection((host, int(port))) for _ in range(60)]
        for one in silent:
            with contextlib.suppress(OSError):
                one.sendall(b"POST /add-checkpoint HTTP/1.1\r\nContent-Length: 90\r\n\r\n1")
        most, answer = 0, 0
        for _ in range(100):
            most = max(most, threading.active_count() - before)
            for one in silent:
                with contextlib.suppress(OSError):
                    one.sendall(b"1")
            with contextlib.suppress(NetworkError):
                answer = net.exchange(f"{url}/x", limit=99)[0]
            if answer == 200:
                break
            time.sleep(0.05)
        for one in silent:
            one.close()
    assert answer == 200
    assert most <= 2 * 16 + 4  # a timer stands beside each


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200))
def test_a_body_of_anything_is_a_client_error(watcher: Witness, body: bytes) -> None:
    assert watcher.answer("POST", "/add-checkpoint", body, NOW).status in (400, 404)
