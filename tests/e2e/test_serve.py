"""`secpipe serve` as it runs: asked by a cluster, told of new verdicts and revoked keys, flooded, slowed, killed."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator

import pytest

from tests import skips
from tests.e2e.serving import Cluster, Server, review
from tests.e2e.transcript import Shell
from tests.unit.image_world import EVIL

NAME = "registry.example/acme/chat"


@pytest.fixture
def cluster(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    skips.module("uvicorn")
    return Cluster(shell, monkeypatch)


@pytest.fixture
def start(cluster: Cluster) -> Iterator[Callable[..., Server]]:
    made: list[Server] = []

    def begin(*words: str, **options: object) -> Server:
        every = () if "--every" in words else ("--every", "3600")
        rules = ("--store", "verdicts", "--env", "staging", *cluster.pins.split())
        made.append(Server(cluster.shell.cwd, *rules, *every, *words, **options))  # type: ignore[arg-type]
        return made[-1]

    yield begin
    for server in made:
        server.end()


def test_what_has_a_verdict_runs_and_nothing_else(cluster: Cluster, start: Callable[..., Server]) -> None:
    good, evil = cluster.image(), cluster.image({"app/more.pkl": EVIL}, code=1)
    server = start()
    assert server.ask(good)["result"] == "passed"
    assert server.admit(f"{NAME}@{good}") == {"uid": "705ab4f5-6393-11e8-b7cc-42010a800002", "allowed": True}
    refused = server.ask(evil)
    assert (refused["allowed"], refused["result"]) == (False, "blocked")
    assert refused["rollback_to"] == {"sha256": good.removeprefix("sha256:")}
    answer = server.admit(f"{NAME}@{good}", f"{NAME}:v1@{evil}")
    assert not answer["allowed"]
    assert f"roll back to {good}" in answer["status"]["message"]
    unknown = server.admit(f"{NAME}@sha256:{'0' * 64}")
    assert f"secpipe check oci://{NAME}@sha256:{'0' * 64} --env staging" in unknown["status"]["message"]
    tag = server.admit(f"{NAME}:v1")
    assert not tag["allowed"]
    assert "a tag, which can be moved" in tag["status"]["message"]
    assert f"secpipe check oci://{NAME}:v1" in tag["status"]["message"]
    for field in ("initContainers", "ephemeralContainers"):
        rows = [{"name": "x", "image": f"{NAME}@{evil}"}]
        assert not server.admit(f"{NAME}@{good}", **{field: rows})["allowed"]
    volume = [{"name": "m", "image": {"reference": f"{NAME}@{evil}"}}]
    assert not server.admit(f"{NAME}@{good}", volumes=volume)["allowed"]
    assert server.send("/healthz") == (200, b'{"alive": true}\n')
    assert server.send("/readyz")[0] == 200
    metrics = server.send("/metrics")[1].decode()
    assert 'secpipe_answers_total{door="admission",result="refused"} 6' in metrics
    assert 'secpipe_verdicts{state="held"} 2' in metrics
    described = json.loads(server.send("/openapi.json")[1])
    assert set(described["paths"]) >= {"/v1/verdict", "/v1/admission", "/v1/gatekeeper", "/readyz"}


def test_a_new_verdict_and_a_revoked_key_count_without_a_gap(cluster: Cluster, start: Callable[..., Server]) -> None:
    image = cluster.image()
    server = start()
    assert server.ask(image)["allowed"]
    other = cluster.image({"app/more.txt": b"more\n"})
    assert not server.ask(other)["allowed"]
    server.reload()
    assert server.ask(other)["allowed"]
    cluster.run(
        0, "secpipe keys revoke verdict --compromised-since 2026-01-01 --reason stolen --passphrase-file env:PW"
    )
    assert server.ask(other)["allowed"], "it takes effect with the next look"
    server.reload()
    for digest in (image, other):
        answer = server.ask(digest)
        assert not answer["allowed"]
        assert not server.admit(f"{NAME}@{digest}")["allowed"]


def test_a_ring_that_is_behind_and_a_torn_one_allow_nothing(cluster: Cluster, start: Callable[..., Server]) -> None:
    image = cluster.image()
    shutil.copytree(cluster.shell.cwd / "keys", cluster.shell.cwd / "old")
    server = start()
    cluster.run(0, "secpipe keys suspend builder --passphrase-file env:PW")
    server.reload()
    assert server.ask(image)["allowed"]
    os.rename(cluster.shell.cwd / "keys", cluster.shell.cwd / "new")
    os.rename(cluster.shell.cwd / "old", cluster.shell.cwd / "keys")
    server.reload()
    assert "behind" in server.ask(image)["sentence"]
    assert server.send("/readyz")[0] == 503
    shutil.rmtree(cluster.shell.cwd / "keys")
    server.reload()
    assert not server.ask(image)["allowed"]
    os.rename(cluster.shell.cwd / "new", cluster.shell.cwd / "keys")
    server.reload()
    assert server.ask(image)["allowed"]
    newest = max((cluster.shell.cwd / "keys/ring").glob("*.targets.json"))
    newest.write_bytes(newest.read_bytes()[:-20])
    server.reload()
    assert not server.ask(image)["allowed"]


def test_a_store_that_is_gone_or_a_torn_entry_allow_nothing(cluster: Cluster, start: Callable[..., Server]) -> None:
    image = cluster.image()
    server = start()
    bundle = next((cluster.shell.cwd / "verdicts").rglob("vsa.att.json"))
    data = bundle.read_bytes()
    bundle.write_bytes(data[: len(data) // 2])
    server.reload()
    assert not server.ask(image)["allowed"]
    bundle.write_bytes(data)
    server.reload()
    assert server.ask(image)["allowed"]
    os.rename(cluster.shell.cwd / "verdicts", cluster.shell.cwd / "elsewhere")
    server.reload()
    assert "could not be loaded" in server.ask(image)["sentence"]
    os.rename(cluster.shell.cwd / "elsewhere", cluster.shell.cwd / "verdicts")
    server.reload()
    assert server.ask(image)["allowed"]


def test_bodies_of_every_kind_are_answered_and_none_is_a_yes(cluster: Cluster, start: Callable[..., Server]) -> None:
    cluster.image()
    server = start()
    for path in ("/v1/verdict", "/v1/admission", "/v1/gatekeeper"):
        for body in (b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"a":1,"a":2}', b"[" * 100_000, b"{}", b"NaN"):
            status, data = server.send(path, body)
            assert (status, json.loads(data)["allowed"]) == (400, False)
        status, data = server.send(path, b"x" * (5 << 20))
        assert (status, json.loads(data)["allowed"]) == (413, False)
        assert server.send(path)[0] == 405
        assert server.send(path, b"{}", "PUT")[0] == 405
    assert server.send("/v1/../etc/passwd")[0] == 404
    assert server.send("/", b"{}")[0] == 404
    huge = review({"spec": {"containers": [{"name": "c", "image": f"{NAME}:{number}"} for number in range(2000)]}})
    assert not server.post("/v1/admission", huge)["response"]["allowed"]


def test_slow_clients_are_left_and_others_are_answered(cluster: Cluster, start: Callable[..., Server]) -> None:
    image = cluster.image()
    server = start()
    slow = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(200)]
    for number, one in enumerate(slow):
        head = b"POST /v1/verdict HTTP/1.1\r\nHost: x\r\n"
        one.sendall(head if number % 2 else head + b"Content-Length: 1000\r\n\r\n{")
    assert server.ask(image)["allowed"]
    for one in slow[:2]:
        one.settimeout(30)
        received = one.recv(1000)
        assert received == b"" or b" 408 " in received
    assert server.ask(image)["allowed"]
    assert "secpipe_refused_total" in server.send("/metrics")[1].decode()
    for one in slow:
        one.close()


def test_answers_that_may_not_be_old_are_kept_fresh(cluster: Cluster, start: Callable[..., Server]) -> None:
    image = cluster.image()
    server = start("--fresh-for", "3")  # it looks every hour, and would answer nothing after three seconds
    time.sleep(4)
    assert server.ask(image)["allowed"]
    assert server.send("/readyz")[0] == 200


def test_it_looks_by_itself(cluster: Cluster, start: Callable[..., Server]) -> None:
    image = cluster.image()
    server = start("--every", "0.2")
    other = cluster.image({"app/more.txt": b"more\n"})
    end = time.monotonic() + 30
    while not server.ask(other)["allowed"]:
        assert time.monotonic() < end
        time.sleep(0.1)
    assert server.ask(image)["allowed"]


def test_the_certificate_is_renewed_while_it_serves(cluster: Cluster, start: Callable[..., Server]) -> None:
    image = cluster.image()
    folder = cluster.shell.cwd / "tls"
    folder.mkdir()

    def certificate(name: str) -> None:
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
             "-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1",
             "-keyout", "key.new", "-out", "cert.new"],
            cwd=folder, check=True, capture_output=True,
        )  # fmt: skip
        os.rename(folder / "key.new", folder / "key.pem")
        os.rename(folder / "cert.new", folder / "cert.pem")

    certificate("one")
    server = start(
        "--tls-cert",
        "tls/cert.pem",
        "--tls-key",
        "tls/key.pem",
        tls=ssl.create_default_context(cafile=folder / "cert.pem"),
    )
    assert server.ask(image)["allowed"]
    kept = server.connect()
    kept.connect()
    certificate("two")
    server.reload()
    with pytest.raises(ssl.SSLError):
        server.ask(image)  # it trusts the first certificate alone
    server.tls = ssl.create_default_context(cafile=folder / "cert.pem")
    assert server.ask(image)["allowed"]
    kept.request("POST", "/v1/verdict", json.dumps({"digest": image}))
    assert json.loads(kept.getresponse().read())["allowed"], "whoever is connected stays connected"
    kept.close()
    (folder / "cert.pem").write_text("torn")
    server.reload()
    assert server.ask(image)["allowed"]
    with pytest.raises((OSError, AssertionError)):
        Server(cluster.shell.cwd, "--store", "verdicts", "--tls-cert", "tls/cert.pem", "--tls-key", "tls/key.pem")


def test_wrong_usage_starts_nothing(cluster: Cluster) -> None:
    cluster.image()
    rules = f"--store verdicts --env staging {cluster.pins}"
    for words in ("--listen 0.0.0.0:0", "--listen nowhere", "--tls-cert tls.pem", "--listen 127.0.0.1:99999"):
        cluster.run(2, f"secpipe serve {rules} {words}")
    cluster.run(3, f"secpipe serve {rules.replace('verdicts', 'nowhere')} --listen 127.0.0.1:0")
    cluster.run(1, f"secpipe serve {rules.replace(cluster.trust_pin, 'sha256:' + '0' * 64)} --listen 127.0.0.1:0")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        cluster.run(2, f"secpipe serve {rules} --listen 127.0.0.1:{taken.getsockname()[1]}")


def test_rules_without_a_pin_allow_nothing(cluster: Cluster) -> None:
    image = cluster.image()
    server = Server(
        cluster.shell.cwd, "--store", "verdicts", "--env", "staging", "--policy", "policy.toml", "--trust", "keys"
    )
    try:
        assert "came without a pin" in server.ask(image)["sentence"]
        assert server.send("/readyz")[0] == 503
    finally:
        server.end()


def test_it_ends_when_told_and_is_killed_without_a_trace(cluster: Cluster, start: Callable[..., Server]) -> None:
    image = cluster.image()
    server = start()
    server.process.send_signal(signal.SIGHUP)
    server.process.kill()
    server.process.wait()
    again = start()
    assert again.ask(image)["allowed"]
    assert again.end() in (0, -signal.SIGTERM)


def test_the_log_names_what_was_refused_and_cannot_be_forged(cluster: Cluster, start: Callable[..., Server]) -> None:
    cluster.image()
    server = start()
    server.admit("evil\nsecpipe: serve: allowed everything\x1b[2J")
    server.admit(f"{NAME}:latest")
    server.wait_for(f"{NAME}:latest")
    assert not any(line.startswith("secpipe: serve: allowed") for line in server.log)
    assert not any("\x1b" in line for line in server.log)


def test_chaos_in_the_store_is_never_a_yes_that_was_not_verified(
    cluster: Cluster, start: Callable[..., Server]
) -> None:
    """Writers tear, swap and restore entries while the server looks all the time and clients ask."""
    good, evil = cluster.image(), cluster.image({"app/more.pkl": EVIL}, code=1)
    server = start("--every", "0.1")
    bundles = sorted((cluster.shell.cwd / "verdicts").rglob("vsa*.att.json"))
    whole = {path: path.read_bytes() for path in bundles}
    other = dict(zip(bundles, [*whole.values()][::-1], strict=True))

    for number in range(60):
        for path in bundles:
            data = (whole[path], whole[path][: number * 37], other[path], b"{}")[(number + bundles.index(path)) % 4]
            path.write_bytes(data)
        assert not server.ask(evil)["allowed"]
        assert not server.ask(f"sha256:{number:064x}")["allowed"]
        server.ask(good)
    for path, data in whole.items():
        path.write_bytes(data)
    end = time.monotonic() + 30
    while not server.ask(good)["allowed"]:
        assert time.monotonic() < end, "what is whole again is a yes again"
        time.sleep(0.1)
    assert server.process.poll() is None
