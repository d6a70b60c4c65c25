"""Feeds: signed, served, rolled back, cut short, endless; and a store that survives all of it."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, mldsa
from cryptography.hazmat.primitives.hashes import SHA256

from secpipe.core.errors import ConfigError, InputError, NetworkError, SecpipeError, TrustError, UnsafeInput
from secpipe.core.evidence import Evidence, State
from secpipe.core.limits import Limits
from secpipe.scan.vulnerabilities import local, snapshot
from secpipe.scan.vulnerabilities.audit import audit
from secpipe.scan.vulnerabilities.local import open_store
from secpipe.scan.vulnerabilities.pack import pack
from secpipe.scan.vulnerabilities.store import AdvisoryStore
from secpipe.scan.vulnerabilities.update import update

Make = Callable[..., Any]
SPAN = ({"introduced": "0"}, {"fixed": "2.2.0"})


class Hybrid:
    """A real hybrid of ECDSA P-256 and ML-DSA-65, both over the manifest's bytes; both must hold."""

    def __init__(self) -> None:
        self.classical = ec.generate_private_key(ec.SECP256R1())
        self.pq = mldsa.MLDSA65PrivateKey.generate()

    def sign(self, folder: Path) -> None:
        data = (folder / "advisories.json").read_bytes()
        (folder / "advisories.json.sig").write_bytes(self.classical.sign(data, ec.ECDSA(SHA256())))
        (folder / "advisories.json.pqc.sig").write_bytes(self.pq.sign(data))

    def verify(self, path: Path) -> Evidence:
        data = path.read_bytes()
        try:
            halves = [path.with_name(f"{path.name}{ending}").read_bytes() for ending in (".sig", ".pqc.sig")]
            self.classical.public_key().verify(halves[0], data, ec.ECDSA(SHA256()))
            self.pq.public_key().verify(halves[1], data)
        except (InvalidSignature, OSError):
            return Evidence("signatures", State.FAILED, "the signature does not hold")
        return Evidence("signatures", State.OK, facts={"covered": {path.name: "mirror@acme"}})


@pytest.fixture
def hybrid() -> Hybrid:
    return Hybrid()


@pytest.fixture
def feed(tmp_path: Path, record: Make, now: datetime, hybrid: Hybrid) -> Make:
    """Pack and sign a feed of some version."""

    def make(version: int, *records: Any, days: int = 14, at: datetime = now, name: str = "mirror") -> Path:
        source = tmp_path / f"source-{version}"
        source.mkdir(exist_ok=True)
        for value in records or (record("GHSA-1", "torch", *SPAN),):
            (source / f"{value['id']}.json").write_text(json.dumps(value))
        target = tmp_path / f"feed-{version}"
        pack([source], target, name=name, source="test", version=version, lifetime=timedelta(days=days), now=at)
        hybrid.sign(target)
        return target

    return make


def test_a_signed_feed_is_taken_and_then_a_newer_one(
    feed: Make, site: Any, hybrid: Hybrid, record: Make, inventory_of: Make, now: datetime
) -> None:
    site.serve(feed(1))
    done = update(site.url, now=now, verify=hybrid.verify)
    assert (done.added, done.total, done.feed.signed) == (1, 1, "mirror@acme")
    site.serve(feed(2, record("GHSA-1", "torch", *SPAN), record("GHSA-2", "ray", {"introduced": "0"})))
    done = update(site.url, now=now, verify=hybrid.verify)
    assert (done.added, done.changed, done.total) == (1, 0, 2)
    store = open_store()
    assert store.about["source"] == "local store"
    assert store.about["feeds"][0]["version"] == 2
    found = audit(inventory_of(("ray", "1.0")), store, now=now).findings
    assert any(finding.details.get("id") == "GHSA-2" for finding in found)
    again = update(site.url, now=now, verify=hybrid.verify)
    assert (again.added, again.changed, again.total) == (0, 0, 2)


def test_a_rolled_back_feed_is_refused(feed: Make, site: Any, hybrid: Hybrid, now: datetime) -> None:
    old, new = feed(1), feed(2)
    site.serve(new)
    update(site.url, now=now, verify=hybrid.verify)
    before = open_store().digest
    site.serve(old)
    with pytest.raises(TrustError, match="rollback"):
        update(site.url, now=now, verify=hybrid.verify)
    with pytest.raises(TrustError, match="rollback"):
        update(site.url, now=now, verify=hybrid.verify, replace_all=True)
    assert open_store().digest == before


def test_two_feeds_of_one_version_are_a_fork(feed: Make, record: Make, hybrid: Hybrid, now: datetime) -> None:
    place = feed(3)
    update(str(place), now=now, verify=hybrid.verify)
    other = feed(3, record("GHSA-9", "torch", {"introduced": "5"}))
    with pytest.raises(TrustError, match="two different feeds"):
        update(str(other), now=now, verify=hybrid.verify)


def test_an_expired_feed_is_refused_and_an_expired_store_is_stale(
    feed: Make, hybrid: Hybrid, inventory_of: Make, now: datetime
) -> None:
    place = feed(1, days=5)
    update(str(place), now=now, verify=hybrid.verify)
    later = now + timedelta(days=6)
    with pytest.raises(TrustError, match="expired"):
        update(str(place), now=later, verify=hybrid.verify)
    evidence = audit(inventory_of(("torch", "2.0.0")), open_store(), now=later)
    assert evidence.state is State.STALE
    assert evidence.since == now + timedelta(days=5)
    assert evidence.findings


def test_a_feed_from_the_future_is_refused(feed: Make, record: Make, hybrid: Hybrid, now: datetime) -> None:
    ahead = {**record("GHSA-1", "torch", *SPAN), "modified": "2027-02-01T00:00:00Z"}
    place = feed(1, ahead, at=now + timedelta(days=100))
    with pytest.raises(TrustError, match="future"):
        update(str(place), now=now, verify=hybrid.verify)


@pytest.mark.parametrize("name", ["advisories.json", "advisories.json.sig", "advisories.json.pqc.sig"])
def test_a_changed_byte_in_manifest_or_signature_is_refused(
    name: str, feed: Make, site: Any, hybrid: Hybrid, now: datetime
) -> None:
    site.serve(feed(1))
    body = bytearray(site.files[f"/{name}"])
    body[len(body) // 2] ^= 1
    site.files[f"/{name}"] = bytes(body)
    with pytest.raises((TrustError, InputError)):
        update(site.url, now=now, verify=hybrid.verify)
    assert local.open_home() is None


@pytest.mark.parametrize("name", ["advisories.json.sig", "advisories.json.pqc.sig"])
def test_a_stripped_half_is_refused(name: str, feed: Make, site: Any, hybrid: Hybrid, now: datetime) -> None:
    site.serve(feed(1))
    del site.files[f"/{name}"]
    with pytest.raises(TrustError):
        update(site.url, now=now, verify=hybrid.verify)


def test_both_signatures_stripped_do_not_make_it_a_plain_feed(
    feed: Make, tmp_path: Path, hybrid: Hybrid, now: datetime
) -> None:
    place = feed(1)
    for name in ("advisories.json.sig", "advisories.json.pqc.sig"):
        (place / name).unlink()
    with pytest.raises(TrustError):
        update(str(place), now=now, verify=hybrid.verify)
    with pytest.raises(ConfigError, match="no trust root"):
        update(str(place), now=now)


def test_another_key_is_refused(feed: Make, now: datetime) -> None:
    with pytest.raises(TrustError):
        update(str(feed(1)), now=now, verify=Hybrid().verify)


def test_a_verifier_that_raises_means_not_verified(feed: Make, now: datetime) -> None:
    def explode(path: Path) -> Evidence:
        raise KeyError("boom")

    with pytest.raises(TrustError, match="not verified"):
        update(str(feed(1)), now=now, verify=explode)


def test_swapped_data_is_refused(feed: Make, record: Make, hybrid: Hybrid, now: datetime) -> None:
    place, other = feed(1), feed(2, record("GHSA-7", "safe", {"introduced": "0"}))
    (place / "osv.zip").write_bytes((other / "osv.zip").read_bytes())
    with pytest.raises(InputError):
        update(str(place), now=now, verify=hybrid.verify)


def test_data_cut_short_is_refused(feed: Make, site: Any, hybrid: Hybrid, now: datetime) -> None:
    site.serve(feed(1))
    site.short = "/osv.zip"
    with pytest.raises((NetworkError, InputError)):
        update(site.url, now=now, verify=hybrid.verify)
    assert local.open_home() is None


@pytest.mark.parametrize("name", ["advisories.json", "osv.zip"])
def test_an_endless_answer_ends(name: str, feed: Make, site: Any, hybrid: Hybrid, now: datetime) -> None:
    site.serve(feed(1))
    site.files[f"/{name}"] = "endless"
    with pytest.raises(UnsafeInput, match="sends more than"):
        update(site.url, now=now, verify=hybrid.verify)


def test_a_manifest_that_lies_about_its_count_is_refused(feed: Make, hybrid: Hybrid, now: datetime) -> None:
    place = feed(1)
    value = json.loads((place / "advisories.json").read_text())
    (place / "advisories.json").write_text(json.dumps({**value, "records": 5}))
    hybrid.sign(place)
    with pytest.raises(InputError, match="manifest says"):
        update(str(place), now=now, verify=hybrid.verify)


@pytest.mark.parametrize("name", ["../evil.json", "/etc/passwd", "advisories.json/../x", "..", ""])
def test_a_manifest_cannot_reach_outside(name: str, feed: Make, hybrid: Hybrid, now: datetime) -> None:
    place = feed(1)
    value = json.loads((place / "advisories.json").read_text())
    value["files"][0]["name"] = name
    (place / "advisories.json").write_text(json.dumps(value))
    hybrid.sign(place)
    with pytest.raises(InputError):
        update(str(place), now=now, verify=hybrid.verify)


def test_an_unsigned_source_needs_a_word_once_signed_feeds_are_held(
    feed: Make, site: Any, hybrid: Hybrid, record: Make, tmp_path: Path, now: datetime
) -> None:
    plain = tmp_path / "plain"
    plain.mkdir()
    (plain / "a.json").write_text(json.dumps(record("GHSA-5", "torch", *SPAN)))
    update(str(plain), now=now)
    update(str(feed(1)), now=now, verify=hybrid.verify)
    with pytest.raises(TrustError, match="not signed"):
        update(str(plain), now=now)
    assert update(str(plain), now=now, unsigned=True).stored
    site.files = {"/all.json": b"{}"}
    with pytest.raises(TrustError, match="not signed"):
        update(f"{site.url}/all.json", now=now)


def test_an_older_record_does_not_replace_a_newer_one(record: Make, tmp_path: Path, now: datetime) -> None:
    for name, modified, fixed in [("new", "2026-10-01", "3.0"), ("old", "2026-01-01", "1.0")]:
        value = {
            **record("GHSA-1", "torch", {"introduced": "0"}, {"fixed": fixed}),
            "modified": f"{modified}T00:00:00Z",
        }
        (tmp_path / f"{name}.json").write_text(json.dumps(value))
        update(str(tmp_path / f"{name}.json"), now=now)
    (advisory,) = open_store().find("PyPI", "torch")
    assert advisory.modified.startswith("2026-10-01")


def test_a_few_fresh_records_do_not_make_old_data_look_fresh(
    record: Make, tmp_path: Path, inventory_of: Make, library: Make, now: datetime
) -> None:
    made = partial(record, ecosystem="crates.io")  # of which nothing is shipped
    old = [{**made(f"GHSA-{n}", f"p{n}", *SPAN), "modified": "2020-01-01T00:00:00Z"} for n in range(5)]
    (tmp_path / "old.json").write_text(json.dumps(old))
    (tmp_path / "new.json").write_text(json.dumps([made("GHSA-9", "torch", *SPAN)]))
    update(str(tmp_path / "old.json"), now=now)
    update(str(tmp_path / "new.json"), now=now)
    crates = {name: library(name, "9", ecosystem="crates.io") for name in ("torch", "p1", "unheard-of")}
    dates = {
        name: audit(inventory_of(crate), open_store(), now=now).facts["advisories"]["date"][:4]
        for name, crate in crates.items()
    }
    assert dates == {"torch": "2026", "p1": "2020", "unheard-of": "2020"}


def test_a_broken_feed_leaves_the_old_store(record: Make, tmp_path: Path, now: datetime) -> None:
    (tmp_path / "a.json").write_text(json.dumps(record("GHSA-1", "torch", *SPAN)))
    update(str(tmp_path / "a.json"), now=now)
    before = open_store().digest
    (tmp_path / "b.json").write_text(json.dumps([record("GHSA-2", "x", *SPAN), 5, {}, {"id": 1}]))
    for bad in (tmp_path / "b.json", tmp_path / "absent.zip"):
        with pytest.raises(InputError):
            update(str(bad), now=now)
    assert open_store().digest == before


def test_zip_bombs_and_damaged_zips_are_refused(record: Make, tmp_path: Path, now: datetime) -> None:
    bomb = tmp_path / "bomb.zip"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(4):
            archive.writestr(f"{number}.json", b'{"id": "A-1", "x": "' + b" " * 3_000_000 + b'"}')
    small = Limits(feed_bytes=5_000_000)
    with pytest.raises(UnsafeInput, match="unpacks to more"):
        update(str(bomb), now=now, limits=small)
    with pytest.raises(UnsafeInput, match="larger than"):
        update(str(bomb), now=now, limits=Limits(document_bytes=1_000_000))
    with pytest.raises(UnsafeInput, match="records"):
        update(str(bomb), now=now, limits=Limits(feed_records=2))
    data = bomb.read_bytes()
    for cut in (4, 100, len(data) // 2, len(data) - 1):
        (tmp_path / "cut.zip").write_bytes(data[:cut])
        with pytest.raises(InputError):
            update(str(tmp_path / "cut.zip"), now=now)
    wide = bytearray(data)
    wide[-10:-6] = b"\xff\xff\xff\x7f"  # a table of contents of 2 GB
    (tmp_path / "wide.zip").write_bytes(bytes(wide))
    with pytest.raises(UnsafeInput, match="table of contents"):
        update(str(tmp_path / "wide.zip"), now=now)


def test_a_damaged_store_falls_back_and_says_so(
    record: Make, tmp_path: Path, home: Path, inventory_of: Make, now: datetime
) -> None:
    (tmp_path / "a.json").write_text(json.dumps(record("GHSA-1", "torch", *SPAN)))
    update(str(tmp_path / "a.json"), now=now)
    (path,) = (home / "advisories").glob("*.sqlite")
    good = path.read_bytes()
    for bad in (b"", good[:100], good[:-1], good[:5000] + b"\xff" * 50 + good[5050:]):
        path.write_bytes(bad)
        store = open_store()
        assert store.about["source"] == "embedded snapshot"
        assert "not used" in store.about["note"]
        with pytest.raises(InputError) as refused:
            update(str(tmp_path / "a.json"), now=now)
        assert "--replace" in refused.value.hint
    assert update(str(tmp_path / "a.json"), now=now, replace_all=True).stored
    assert open_store().about["source"] == "local store"
    (home / "advisories" / "current.json").write_text("{")
    assert open_store().about["source"] == "embedded snapshot"
    assert update(str(tmp_path / "a.json"), now=now, replace_all=True).stored


def test_a_lock_held_by_another_process_does_not_stop_an_audit(
    record: Make, tmp_path: Path, home: Path, inventory_of: Make, now: datetime
) -> None:
    (tmp_path / "a.json").write_text(json.dumps(record("GHSA-1", "torch", *SPAN)))
    update(str(tmp_path / "a.json"), now=now)
    (path,) = (home / "advisories").glob("*.sqlite")
    held = sqlite3.connect(path, isolation_level=None)
    try:
        held.execute("BEGIN EXCLUSIVE")
        assert open_store().about["source"] == "local store"
    finally:
        held.close()
    code = (
        "import sys; from pathlib import Path; from secpipe.system.locks import lock\n"
        "with lock(sys.argv[1]): print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(home / "advisories" / "lock")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=Path(__file__).resolve().parents[4],
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(SecpipeError, match="locked"):
            update(str(tmp_path / "a.json"), now=now)
        assert open_store().about["source"] == "local store"
        other.communicate()


def test_audits_during_updates_see_a_whole_store(
    record: Make, tmp_path: Path, inventory_of: Make, now: datetime
) -> None:
    source = tmp_path / "a.json"
    source.write_text(json.dumps(record("GHSA-1", "torch", *SPAN)))
    update(str(source), now=now)
    failures: list[str] = []
    stop = threading.Event()

    def watch() -> None:
        while not stop.is_set():
            store = open_store()
            if store.about["source"] != "local store" or not store.find("PyPI", "torch"):
                failures.append(str(store.about))

    watcher = threading.Thread(target=watch)
    watcher.start()
    for number in range(2, 14):
        (tmp_path / f"{number}.json").write_text(json.dumps(record(f"GHSA-{number}", "torch", *SPAN)))
        update(str(tmp_path / f"{number}.json"), now=now)
    stop.set()
    watcher.join()
    assert failures == []
    own = local.open_home()
    assert own is not None
    assert own.count == 13


def test_a_killed_update_leaves_the_old_store_or_the_new_one(
    record: Make, tmp_path: Path, home: Path, now: datetime
) -> None:
    (tmp_path / "a.json").write_text(json.dumps(record("GHSA-0", "torch", *SPAN)))
    update(str(tmp_path / "a.json"), now=now)
    code = (
        "import sys; from datetime import UTC, datetime; from secpipe.scan.vulnerabilities.update import update\n"
        "print('ready', flush=True)\n"
        "for n in range(10_000): update(sys.argv[1 + n % 2], now=datetime(2026, 11, 21, tzinfo=UTC))"
    )
    sources = []
    for name in ("one", "two"):
        (tmp_path / f"{name}.json").write_text(
            json.dumps([record(f"GHSA-{name}-{n}", "torch", *SPAN) for n in range(9)])
        )
        sources.append(str(tmp_path / f"{name}.json"))
    for delay in (0.01, 0.03, 0.05, 0.08):
        with subprocess.Popen(
            [sys.executable, "-c", code, *sources], stdout=subprocess.PIPE, cwd=Path(__file__).resolve().parents[4]
        ) as worker:
            assert worker.stdout is not None
            assert worker.stdout.readline() == b"ready\n"
            time.sleep(delay)
            worker.kill()
        store = open_store()
        assert store.about["source"] == "local store", store.about["note"]
        assert "GHSA-0" in {advisory.id for advisory in store.find("PyPI", "torch")}
    update(str(tmp_path / "a.json"), now=now)
    assert list((home / "advisories").glob(".*.tmp")) == []


def test_exploitation_is_added_and_leads_the_order(
    record: Make, tmp_path: Path, inventory_of: Make, now: datetime
) -> None:
    records = [record("GHSA-1", "torch", *SPAN, aliases=["CVE-2024-1000"]), record("GHSA-2", "ray", *SPAN)]
    (tmp_path / "a.json").write_text(json.dumps(records))
    kev = {
        "catalogVersion": "2026.11.20",
        "dateReleased": "2026-11-20T10:00:00Z",
        "vulnerabilities": [{"cveID": "CVE-2024-1000", "dateAdded": "2026-02-03"}],
    }
    (tmp_path / "kev.json").write_text(json.dumps(kev))
    epss = "#model_version:v4,score_date:2026-11-20T00:00:00Z\ncve,epss,percentile\nCVE-2024-1000,0.91,0.99\n"
    (tmp_path / "epss.csv").write_text(epss)
    for name in ("a.json", "kev.json", "epss.csv"):
        update(str(tmp_path / name), now=now)
    found = audit(inventory_of(("ray", "1"), ("torch", "1")), open_store(), now=now).findings
    details = {f.details["package"]: f.details for f in found if f.rule == "audit/known-vulnerability"}
    assert (details["torch"]["kev"], details["torch"]["epss"]) == ("2026-02-03", 0.91)
    assert (details["ray"]["kev"], details["ray"]["epss"]) == ("", None)
    assert details["torch"]["priority"] > details["ray"]["priority"] + 20


@pytest.mark.parametrize(
    "text",
    ["cve,epss\nCVE-2024-1,nan\n", "cve,epss\nCVE-2024-1,2\n", "cve,epss\nx,0.1\n", "cve,epss\n", "cve,epss,p\n\0,\0"],
)
def test_a_broken_epss_file_is_refused(text: str, tmp_path: Path, now: datetime) -> None:
    (tmp_path / "e.csv").write_text(text)
    with pytest.raises(InputError):
        update(str(tmp_path / "e.csv"), now=now)


def test_a_place_that_cannot_be_written_is_said(record: Make, tmp_path: Path, now: datetime) -> None:
    (tmp_path / "a.json").write_text(json.dumps(record("GHSA-1", "torch", *SPAN)))
    place = tmp_path / "store"
    (place / "lock").mkdir(parents=True)  # a folder where the lock should stand
    with pytest.raises(SecpipeError, match="cannot lock"):
        update(str(tmp_path / "a.json"), now=now, place=place)
    with pytest.raises(SecpipeError, match="is not a folder"):
        update(str(tmp_path / "a.json"), now=now, place=tmp_path / "a.json" / "below")


def test_a_dry_run_stores_nothing(record: Make, tmp_path: Path, now: datetime) -> None:
    (tmp_path / "a.json").write_text(json.dumps(record("GHSA-1", "torch", *SPAN)))
    assert update(str(tmp_path / "a.json"), now=now, dry_run=True).stored is False
    assert local.open_home() is None


def test_a_packed_feed_can_be_judged_by_directly(feed: Make, inventory_of: Make, now: datetime) -> None:
    store = open_store(feed(1), now=now)
    assert audit(inventory_of(("torch", "2.0.0")), store, now=now).findings
    assert "not verified" in store.about["note"]


def test_packing_is_reproducible(record: Make, tmp_path: Path, now: datetime) -> None:
    (tmp_path / "a.json").write_text(json.dumps([record("GHSA-1", "torch", *SPAN), record("GHSA-2", "ray", *SPAN)]))
    made = []
    for name in ("one", "two"):
        pack(
            [tmp_path / "a.json"], tmp_path / name, name="m", source="s", version=1, lifetime=timedelta(days=1), now=now
        )
        made.append({path.name: path.read_bytes() for path in (tmp_path / name).iterdir()})
    assert made[0] == made[1]


def osv_zip(folder: Path, *records: Any) -> str:
    """A zip of OSV records, as anybody may download one."""
    place = folder / "all.zip"
    with zipfile.ZipFile(place, "w") as archive:
        for value in records:
            archive.writestr(f"{value['id']}.json", json.dumps(value))
    return str(place)


def embedded() -> AdvisoryStore:
    """The store of a home that has none of its own."""
    return snapshot.load()


def test_a_feed_of_one_ecosystem_does_not_hide_what_is_shipped_for_the_others(
    record: Make, inventory_of: Make, now: datetime, tmp_path: Path
) -> None:
    pinned = inventory_of(("requests", "2.19.0"), ("flask", "0.12"), ("torch", "2.0.0"))
    before = audit(pinned, open_store(), now=now)
    assert before.findings
    update(osv_zip(tmp_path, record("GHSA-9", "lodash", *SPAN, ecosystem="npm")), now=now)
    after = audit(pinned, open_store(), now=now)
    assert after.findings == before.findings
    assert (after.facts["unjudged"], after.skips) == (0, ())
    assert after.facts["advisories"]["date"] == before.facts["advisories"]["date"]  # of PyPI's, not of npm's
    assert "PyPA advisory database" in [feed["name"] for feed in after.facts["advisories"]["feeds"]]
    assert open_store().find("npm", "lodash")


def test_of_two_feeds_of_an_ecosystem_the_newer_counts(record: Make, now: datetime, tmp_path: Path) -> None:
    shipped_one = next(iter(embedded().find("PyPI", "requests")))
    assert len(embedded().find("PyPI", "requests")) > 1
    newer = record(shipped_one.id, "requests", {"introduced": "0"}, {"fixed": "99"})
    update(osv_zip(tmp_path, newer), now=now)  # of 2026-11: newer than all that is shipped
    assert [item.id for item in open_store().find("PyPI", "requests")] == [shipped_one.id]


def test_a_feed_that_is_older_than_what_is_shipped_adds_to_it(record: Make, now: datetime, tmp_path: Path) -> None:
    one, *others = embedded().find("PyPI", "requests")
    old = {"modified": "2019-01-01T00:00:00Z"}
    update(
        osv_zip(tmp_path, record("OWN-1", "requests", *SPAN, **old), record(one.id, "requests", *SPAN, **old)), now=now
    )
    found = {item.id: item for item in open_store().find("PyPI", "requests")}
    assert found.keys() == {"OWN-1", one.id, *(item.id for item in others)}
    assert found[one.id] == one  # the later modified of two records of one id


def test_a_store_that_is_damaged_is_not_joined_and_not_silent(record: Make, now: datetime, tmp_path: Path) -> None:
    update(osv_zip(tmp_path, record("GHSA-9", "lodash", *SPAN, ecosystem="npm")), now=now)
    for place in local.folder().glob("*.sqlite"):
        place.write_bytes(b"SQLite format 3\0" + b"x" * 100)
    assert "was not used" in open_store().about["note"]


def test_packages_of_an_ecosystem_that_no_feed_covers_are_not_judged(
    inventory_of: Make, library: Make, now: datetime
) -> None:
    evidence = audit(
        inventory_of(("requests", "2.32.0"), library("lodash", "4.17.4", ecosystem="npm")), open_store(), now=now
    )
    (skip,) = evidence.skips
    assert "no advisory feed covers these npm packages (lodash)" in skip.reason
    assert not skip.soft  # no policy may take silence for an answer
    assert (evidence.facts["packages"], evidence.facts["unjudged"]) == (1, 1)
