"""Numbers of the dependency audit, in one run: index build, 5,000 packages, a 100-package lock against pip-audit.

    python bench/audit.py [folder of OSV data]      (default: shared/vectors/osv beside the checkout)

pip-audit runs on generated pins against a loopback OSV service over the same records; both are whole processes, and
what counts is their CPU time.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from bench.measure import claim, not_measured, note  # noqa: E402
from bench.measure import rival as rival_program  # noqa: E402
from secpipe.core.inventory import Component, ComponentKind, Inventory  # noqa: E402
from secpipe.scan.vulnerabilities import pack, ranges  # noqa: E402
from secpipe.scan.vulnerabilities.audit import audit  # noqa: E402
from secpipe.scan.vulnerabilities.feed import Harvest, harvest  # noqa: E402
from secpipe.scan.vulnerabilities.local import open_store  # noqa: E402
from secpipe.scan.vulnerabilities.update import update  # noqa: E402

NOW = datetime(2026, 11, 21, tzinfo=UTC)
PYPA = "pypa-advisory-database-2024-10-10.zip"
ROUNDS = 5


def main() -> None:
    """Measure and print."""
    vectors = os.environ.get("SECPIPE_VECTORS") or ROOT.parent / "shared" / "vectors"
    data = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(vectors, "osv")
    if not (data / PYPA).exists():
        not_measured("the dependency audit", "no OSV records here (SECPIPE_VECTORS)")
        return
    with tempfile.TemporaryDirectory() as scratch:
        os.environ |= {"SECPIPE_HOME": f"{scratch}/home", "SECPIPE_CACHE": f"{scratch}/cache"}
        began = time.process_time()
        update(str(data / PYPA), now=NOW)
        took = time.process_time() - began
        size = sum(path.stat().st_size for path in Path(scratch, "home", "advisories").glob("*.sqlite"))
        claim("index build of 2,661 records: CPU against 3 s", took / 3, 1)
        claim("size of the index: against 2 MB", size / 2e6, 1)
        found = harvest(data / PYPA, NOW)
        many(found)
        rival(found, Path(scratch))


def many(found: Harvest) -> None:
    """Judge 5,000 components: every package that has advisories, and as many as it takes that have none."""
    known = chosen(found, 1000)
    pairs = known + [(f"package-{number}", "1.0") for number in range(5000 - len(known))]
    parts = tuple(
        Component(f"pkg:pypi/{n}@{v}", ComponentKind.LIBRARY, n, v, f"pkg:pypi/{n}@{v}", "PyPI", "uv.lock")
        for n, v in pairs
    )
    began = time.process_time()
    evidence = audit(Inventory(parts), open_store(), now=NOW)
    took = time.process_time() - began
    what = f"{len(parts):,} packages, {len(known)} with advisories, {len(evidence.findings):,} findings"
    claim(f"{what}: CPU against 1 s", took, 1)


def rival(found: Harvest, scratch: Path) -> None:
    """Judge a lock of 100 packages, and let pip-audit do the same."""
    pairs = dict(chosen(found, 100))
    program = rival_program("pip-audit")
    if program is None:
        not_measured("100-package lock: CPU against pip-audit", "no pip-audit here (make rivals)")
        return
    lock = scratch / "requirements.txt"
    lock.write_text("".join(f"{name}=={version}\n" for name, version in pairs.items()))
    parts = [{"type": "library", "name": n, "version": v, "purl": f"pkg:pypi/{n}@{v}"} for n, v in pairs.items()]
    sbom = scratch / "bom.json"
    sbom.write_text(json.dumps({"bomFormat": "CycloneDX", "specVersion": "1.6", "components": parts}))
    service = serve(pairs)
    theirs = [program, "-r", str(lock), "--no-deps", "--disable-pip", "-f", "json", "-s", "osv", "--progress-spinner"]
    theirs += ["off", "--osv-url", service, "--cache-dir", str(scratch / "pip-audit")]
    ours = [sys.executable, "-m", "secpipe", "audit", str(sbom), "-f", "json"]
    cpu: dict[str, list[float]] = {"pip-audit": [], "secpipe": []}
    answers: dict[str, bytes] = {}
    for _ in range(ROUNDS):
        for name, command in (("pip-audit", theirs), ("secpipe", ours)):
            spent, answers[name] = run(command)
            cpu[name].append(spent)
    same = {(f["details"]["package"], f["details"]["id"]) for f in json.loads(answers["secpipe"])["findings"]}
    other = {
        (item["name"], min({vuln["id"], *vuln["aliases"]}, key=rank))
        for item in json.loads(answers["pip-audit"])["dependencies"]
        for vuln in item.get("vulns", ())
    }
    a, b = min(cpu["secpipe"]), min(cpu["pip-audit"])
    claim("100-package lock: CPU against pip-audit", a / b, 1 / 5)
    claim(f"findings that only one of both has, beside {len(same & other)} common ones", len(same ^ other), 0)
    for package, identity in sorted(same ^ other):
        note(f"only {'secpipe' if (package, identity) in same else 'pip-audit'}: {package} {identity}")


def rank(identity: str) -> tuple[int, str]:
    """Return the order in which ids name a vulnerability."""
    order = ("CVE-", "GHSA-", "PYSEC-")
    return next((place for place, prefix in enumerate(order) if identity.startswith(prefix)), 9), identity


def run(command: list[str]) -> tuple[float, bytes]:
    """Return CPU seconds and output of a process."""
    # Compiled modules are kept, as an installed package keeps them; the fastest round counts, so not the first.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment["PYTHONPYCACHEPREFIX"] = f"{tempfile.gettempdir()}/secpipe-bench-pycache"
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, capture_output=True, cwd=ROOT, env=environment)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, done.stdout


def chosen(found: Harvest, count: int) -> list[tuple[str, str]]:
    """Return real name/version pairs, spread over the records; for few, one a package."""
    pairs: dict[tuple[str, str], None] = {}
    names: set[str] = set()
    for advisory in found.advisories.values():
        for item in advisory.affected:
            if count <= 1000 and item.name in names:
                continue
            names.add(item.name)
            step = max(1, len(item.versions) // 4)
            pairs |= {(item.name, text): None for text in item.versions[:: step if count > 1000 else 10_000]}
    return [pair for pair in pairs if all(ord(char) < 128 for char in pair[1])][:count]


def serve(names: Iterable[str]) -> str:
    """Start a loopback OSV service over the records that ours judges by; return its address."""
    store = open_store(now=NOW)
    index: dict[str, list[Any]] = {
        name: [
            (item, pack.to_osv(one)) for one in store.find("PyPI", name) for item in one.affected if item.name == name
        ]
        for name in names
    }

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            entries = index.get(asked["package"]["name"], ())
            hits = [record for item, record in entries if ranges.affects(item, asked["version"])]
            body = json.dumps({"vulns": hits} if hits else {}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_address[1]}/v1/query"


if __name__ == "__main__":
    main()
