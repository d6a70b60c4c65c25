"""Lock files of other people, read by us and by the rivals: every difference counted and explained.

    python -m bench.differential FOLDER [--write]      FOLDER/<any name>/<one lock file>

Rivals: cdxgen (npm), cyclonedx-py and pip-audit (`make rivals`), trivy, syft, grype and osv-scanner where they are on
PATH; what is not here is named. `--write` puts the tables between the marks in docs/compare-sbom.md and
docs/compare-audit.md. Nothing is installed and no network is used: cdxgen runs with its own lookups off.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from bench.measure import rival
from secpipe.formats.locks.table import row_of
from secpipe.formats.packages import purl
from secpipe.formats.packages.ecosystems import normal_name
from secpipe.sbom.collect import collect
from secpipe.system.tree import open_tree

DOCS = Path(__file__).resolve().parents[1] / "docs"
BEGIN, END = "<!-- python -m bench.differential: begin -->", "<!-- python -m bench.differential: end -->"
Package = tuple[str, str, str]
#: What each rival is asked for a folder; `{folder}`, `{lock}` and `{out}` are filled in.
RIVALS: dict[str, list[str]] = {
    "cdxgen": ["cdxgen", "--no-install-deps", "--no-recurse", "-o", "{out}", "{folder}"],
    "trivy": ["trivy", "fs", "--offline-scan", "--format", "cyclonedx", "-o", "{out}", "{folder}"],
    "syft": ["syft", "scan", "dir:{folder}", "-o", "cyclonedx-json={out}"],
    "cyclonedx-py": ["cyclonedx-py", "{kind}", "--no-validate", "-o", "{out}", "{target}"],
}
_SECONDS = 45  # a rival that takes longer has gone to the network
_LISTS = 5  # made of 50 packages with advisories each, beside the lock files
_PYTHON = {"requirements.txt": "requirements", "poetry.lock": "poetry", "Pipfile.lock": "pipenv"}
#: Why one tool has what another has not, in the order in which they are tried.
REASONS = (
    "read by one of both only",
    "no version: named by a manifest, pinned by nothing",
    "a repository, folder or address, no package of the index",
    "spelled otherwise (case, `v`, build)",
    "one version of several",
)


def main() -> None:
    """Run everything and print the tables, or write them."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--write", action="store_true")
    asked = parser.parse_args()
    folders = sorted(path for path in asked.folder.iterdir() if path.is_dir())
    pages = {"compare-audit.md": audits(folders), "compare-sbom.md": sboms(folders)}
    for name, text in pages.items():
        print(text)
        if asked.write:
            put(DOCS / name, text)


def sboms(folders: list[Path]) -> str:
    """Return the table of packages found by each tool, and what the differences are."""
    here = {name: found for name in RIVALS if (found := program(name))}
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    why: dict[str, Counter[str]] = {name: Counter() for name in here}
    locks = [next(path for path in folder.iterdir() if row_of(path.name) is not None) for folder in folders]
    with ThreadPoolExecutor(2) as pool:  # the rivals are processes of their own
        asked = [{name: pool.submit(asked_of, name, here[name], lock.parent, lock) for name in here} for lock in locks]
        answers = [{name: one.result() for name, one in row.items()} for row in asked]
    for lock, answer in zip(locks, answers, strict=True):
        mine, about = ours(lock.parent)
        kind = lock.name
        counts[kind]["files"] += 1
        counts[kind]["secpipe"] += len(mine)
        for name, theirs in answer.items():
            if theirs is None:
                counts[kind][f"{name} silent"] += 1
                continue
            counts[kind][name] += len(theirs)
            counts[kind][f"{name} only"] += len(theirs - mine)
            counts[kind][f"not {name}"] += len(mine - theirs)
            why[name].update(reason(one, mine, theirs, about) for one in theirs ^ mine)
    return table(counts, why, here)


def audits(folders: list[Path]) -> str:
    """Return what pip-audit finds beside us, over one OSV service with one set of records (`SECPIPE_VECTORS`)."""
    from bench import audit as bench
    from secpipe.scan.vulnerabilities.feed import harvest

    tool = program("pip-audit")
    vectors = Path(os.environ.get("SECPIPE_VECTORS", "vectors"), "osv", bench.PYPA)
    if tool is None or not vectors.exists():
        return "Not measured: no pip-audit (make rivals), or no OSV records (SECPIPE_VECTORS).\n"
    found = harvest(vectors, bench.NOW)
    service = bench.serve(found)
    known = bench.chosen(found, 5000)
    lists = {
        f"list {number}: 50 packages with advisories": known[(number - 1) * 50 : number * 50]
        for number in range(1, _LISTS + 1)
    }
    for folder in folders:
        mine, _ = ours(folder)
        pins = sorted({(name, version) for kind, name, version in mine if kind == "pypi" and version})
        if pins:
            lists[folder.name] = pins
    rows, same, only = [], 0, Counter[str]()
    for name, pins in lists.items():
        pair = both(tool, service, vectors, dict(pins))
        same += len(pair[0] & pair[1])
        only["secpipe"] += len(pair[0] - pair[1])
        only["pip-audit"] += len(pair[1] - pair[0])
        rows += [
            f"| {name} | {side} | {package} {identity} |"
            for side, more in (("secpipe", pair[0] - pair[1]), ("pip-audit", pair[1] - pair[0]))
            for package, identity in sorted(more)
        ]
    head = (
        f"Run on {datetime.now(UTC):%Y-%m-%d}: {len(lists)} lists of Python packages, {found.members:,} records of the"
        f" PyPA database of 2024-10-10. {same:,} findings of both, {only['secpipe']} of secpipe alone,"
        f" {only['pip-audit']} of pip-audit alone. pip-audit asks a loopback service"
        " over the same records, which decides by our reading of ranges"
        " which of them apply; what is compared is what each makes of names, spellings, aliases and versions.\n"
    )
    return head + ("\n| list | only | what |\n|---|---|---|\n" + "\n".join(rows) + "\n" if rows else "")


def both(
    tool: str, service: str, records: Path, pins: dict[str, str]
) -> tuple[set[tuple[str, str]], set[tuple[str, str]]]:
    """Return (package, id) that secpipe and pip-audit find for pins."""
    from bench.audit import rank, run

    with tempfile.TemporaryDirectory() as scratch:
        lock, sbom = Path(scratch, "requirements.txt"), Path(scratch, "bom.json")
        lock.write_text("".join(f"{name}=={version}\n" for name, version in pins.items()))
        parts = [{"type": "library", "name": n, "version": v, "purl": f"pkg:pypi/{n}@{v}"} for n, v in pins.items()]
        sbom.write_text(json.dumps({"bomFormat": "CycloneDX", "specVersion": "1.6", "components": parts}))
        _, answer = run([tool, "-r", str(lock), "--no-deps", "--disable-pip", "-f", "json", "-s", "osv", "--osv-url",
                         service,
                         "--progress-spinner", "off", "--cache-dir", f"{scratch}/cache"])  # fmt: skip
        _, told = run([sys.executable, "-m", "secpipe", "audit", str(sbom), "--advisories", str(records), "-f", "json"])
    findings = [one["details"] for one in json.loads(told)["findings"] if "id" in one["details"]]
    theirs = {
        (normal_name("PyPI", row["name"]), min({vuln["id"], *vuln["aliases"]}, key=rank))
        for row in json.loads(answer)["dependencies"] for vuln in row.get("vulns", ())
    }  # fmt: skip
    return {(one["package"], min({one["id"], *one["aliases"]}, key=rank)) for one in findings}, theirs


def ours(folder: Path) -> tuple[set[Package], dict[Package, str]]:
    """Return the packages that secpipe finds, and of each where it comes from."""
    inventory = collect(open_tree(str(folder)))
    found: dict[Package, str] = {}
    for item in inventory.components:
        named = purl.parse(item.purl)
        kind = named.kind if named else ""
        found[key(kind, item.name, item.version)] = item.kind.value if not item.facts.get("source-url") else "elsewhere"
    return {one for one, what in found.items() if what in ("library", "elsewhere")}, found


def key(kind: str, name: str, version: str) -> Package:
    """Return a package as it is compared: PyPI names in one spelling, nothing else changed."""
    name = unquote(name)
    return ("pypi", normal_name("PyPI", name), version) if kind == "pypi" else (kind, name, version)


def program(name: str) -> str | None:
    """Return the program of a rival, or None where it is not here."""
    return rival(name) or shutil.which(name)


def asked_of(name: str, tool: str, folder: Path, lock: Path) -> set[Package] | None:
    """Return the packages that a rival finds in a folder; None where it wrote no BOM, or does not read this kind."""
    if name == "cyclonedx-py" and lock.name not in _PYTHON:
        return None
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch, "bom.json")
        target = lock if lock.name == "requirements.txt" else folder
        filled = [
            word.format(folder=folder, lock=lock, out=out, target=target, kind=_PYTHON.get(lock.name, ""))
            for word in RIVALS[name]
        ]
        environment = {**os.environ, "FETCH_LICENSE": "false", "CDXGEN_DEBUG_MODE": "", "HOME": scratch}
        try:
            subprocess.run([tool, *filled[1:]], capture_output=True, timeout=_SECONDS, env=environment, check=False)
            document = json.loads(out.read_bytes())
        except (OSError, ValueError, subprocess.TimeoutExpired):
            return None
    return set(packages(document)) or None


def packages(document: dict[str, Any]) -> Iterator[Package]:
    """Yield the libraries of a CycloneDX document."""
    pending = list(document.get("components") or [])
    while pending:
        item = pending.pop()
        pending += item.get("components") or []
        named = purl.parse(str(item.get("purl", "")))
        if named and item.get("type") in ("library", "framework"):
            yield key(named.kind, named.name, named.version)


def reason(one: Package, mine: set[Package], theirs: set[Package], about: dict[Package, str]) -> str:
    """Return why a package stands on one side only."""
    kind, name, version = one
    other = theirs if one in mine else mine
    local = {name_ for (kind_, name_, _), what in about.items() if what != "library" or kind_ in ("", "github")}
    if about.get(one) == "elsewhere" or kind in ("", "github", "generic") or (one not in mine and name in local):
        return REASONS[2]
    if not version:
        return REASONS[1]
    near = [key_ for key_ in other if key_[1].lower().rpartition("/")[2] == name.lower().rpartition("/")[2]]
    if any(key_[2].lstrip("v").partition("+")[0] == version.lstrip("v").partition("+")[0] for key_ in near):
        return REASONS[3]
    return REASONS[4] if near else REASONS[0]


def table(counts: dict[str, Counter[str]], why: dict[str, Counter[str]], here: dict[str, str]) -> str:
    """Return the result as Markdown."""
    files = sum(row["files"] for row in counts.values())
    missing = [name for name in (*RIVALS, "grype", "osv-scanner") if name not in here]
    lines = [
        f"Run on {datetime.now(UTC):%Y-%m-%d} over {files} lock files and manifests of other projects' test data,",
        f"each in a folder of its own. Not to be had here, so not run: {', '.join(missing) or 'none'}.",
        "",
        "| file | how many | packages: secpipe | "
        + " | ".join(f"{name} (only it / not it / silent)" for name in here)
        + " |",
        "|---|---|---|" + "---|" * len(here),
    ]
    for kind, row in sorted(counts.items()):
        cells = [
            f"{row[name]} ({row[f'{name} only']} / {row[f'not {name}']} / {row[f'{name} silent']})" for name in here
        ]
        lines.append(f"| {kind} | {row['files']} | {row['secpipe']} | " + " | ".join(cells) + " |")
    lines += ["", "*Silent*: it wrote no list of packages for that file. Differences elsewhere, by why:", ""]
    lines += ["| why | " + " | ".join(here) + " |", "|---|" + "---|" * len(here)]
    lines += [f"| {text} | " + " | ".join(str(why[name][text]) for name in here) + " |" for text in REASONS]
    return "\n".join(lines) + "\n"


def put(page: Path, text: str) -> None:
    """Write a text between the marks of a page; raises ValueError where it has none."""
    before, found, rest = page.read_text().partition(BEGIN)
    _, closed, after = rest.partition(END)
    if not found or not closed:
        raise ValueError(f"{page} has no place for it")
    page.write_text(f"{before}{BEGIN}\n{text}{END}{after}")


if __name__ == "__main__":
    sys.exit(main())
