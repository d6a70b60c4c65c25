"""Lock files of other people, read by us and by the rivals: every difference counted and explained.

    python -m bench.differential FOLDER [--write] [--keep ANSWERS]      FOLDER/<any name>/<one lock file>

Rivals: cdxgen (npm), cyclonedx-py and pip-audit (`make rivals`), trivy, syft, grype and osv-scanner where they are on
PATH; what is not here is named. `--write` puts the tables between the marks in docs/compare-sbom.md and
docs/compare-audit.md. `--keep` is a folder for the answers of the rivals: a second run asks only for what is not there.
Nothing is installed and no network is used: cdxgen runs with its own lookups off.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from bench.measure import rival
from secpipe.core.inventory import ComponentKind
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
#: What reads all folders in one run and says of each package where it stands: asked once, not once a folder.
_AT_ONCE = {"syft"}
_SECONDS = 45  # a rival that takes longer has gone to the network
_LISTS = 5  # made of 50 packages with advisories each, beside the lock files
_PYTHON = {"requirements.txt": "requirements", "poetry.lock": "poetry", "Pipfile.lock": "pipenv"}
#: Why one tool has what another has not, in the order in which they are tried.
REASONS = (
    "the project itself or a part of it: an application here, a library there",
    "a repository, folder or address: no package of the index here, one of it there",
    "an alias: its own name there, the package that is installed here",
    "for development only: not listed there",
    "a part of a package (subspec) counted as a package there",
    "spelled otherwise (case, `v`, build, platform, major version in the name, peers behind the version)",
    "no version: named by a manifest, pinned by nothing",
    "another version of a package that both have: taken from a parent or another folder there",
    "the lock itself is broken or doctored: not read here, and said so",
    "listed there under no name of the file (plugins, parents, what its tool adds)",
    "not listed there",
)
_UNEXPLAINED = "not listed here"


def main() -> None:
    """Run everything and print the tables, or write them."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--keep", type=Path)
    asked = parser.parse_args()
    folders = sorted(path for path in asked.folder.iterdir() if path.is_dir())
    for name, made in (
        ("compare-sbom.md", lambda: sboms(folders, asked.keep)),
        ("compare-audit.md", lambda: audits(folders)),
    ):
        text = made()
        print(text, flush=True)
        if asked.write:
            put(DOCS / name, text)


def sboms(folders: list[Path], keep: Path | None = None) -> str:
    """Return the table of packages found by each tool, and what the differences are."""
    here = {name: found for name in RIVALS if (found := program(name))}
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    why: dict[str, Counter[str]] = {name: Counter() for name in here}
    missed: list[str] = []
    locks = [next(path for path in folder.iterdir() if row_of(path.name) is not None) for folder in folders]
    with ThreadPoolExecutor(2) as pool:  # the rivals are processes of their own
        answers = {name: pool.submit(answers_of, name, tool, locks, keep) for name, tool in here.items()}
    for lock in locks:
        mine = ours(lock.parent)
        kind = lock.name
        counts[kind]["files"] += 1
        counts[kind]["secpipe"] += len(mine.libraries)
        for name, given in answers.items():
            theirs = given.result()[lock.parent.name]
            if theirs is None:
                counts[kind][f"{name} silent"] += 1
                continue
            counts[kind][name] += len(theirs)
            counts[kind][f"{name} only"] += len(theirs - mine.libraries)
            counts[kind][f"not {name}"] += len(mine.libraries - theirs)
            for one in theirs ^ mine.libraries:
                told = reason(one, mine, theirs)
                why[name][told] += 1
                if told == _UNEXPLAINED:
                    missed.append(f"{lock.parent.name}/{lock.name}: {one[1]} {one[2]} ({name})")
    return table(counts, why, here, missed)


def answers_of(name: str, tool: str, locks: list[Path], keep: Path | None) -> dict[str, set[Package] | None]:
    """Return what a rival finds in the folder of each lock, from kept answers where there are some."""
    given: dict[str, set[Package] | None] = {}
    if name in _AT_ONCE:
        given = dict(at_once(name, tool, locks))
    for lock in locks:
        place = keep / name / f"{lock.parent.name}.json" if keep else None
        if name not in _AT_ONCE and place and place.exists():
            kept = json.loads(place.read_text())
            given[lock.parent.name] = {(one[0], one[1], one[2]) for one in kept} if kept else None
        elif name not in _AT_ONCE:
            given[lock.parent.name] = found = asked_of(name, tool, lock.parent, lock)
            if place:
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_text(json.dumps(sorted(found or ())))
    return given


def at_once(name: str, tool: str, locks: list[Path]) -> Iterator[tuple[str, set[Package] | None]]:
    """Yield (folder, packages) of a rival that reads them all in one run."""
    top = locks[0].parent.parent
    found: dict[str, set[Package]] = defaultdict(set)
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch, "bom.json")
        words = [word.format(folder=top, out=out) for word in RIVALS[name]]
        subprocess.run([tool, *words[1:]], capture_output=True, timeout=_SECONDS * len(locks), check=False)
        document = json.loads(out.read_bytes())
    for item in document.get("components") or []:
        places = [row["value"] for row in item.get("properties") or () if row["name"].endswith(":path")]
        for package in packages({"components": [item]}):
            for place in places:
                found[place.strip("/").partition("/")[0]].add(package)
    for lock in locks:
        yield lock.parent.name, found.get(lock.parent.name)


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
        pins = sorted({(name, version) for kind, name, version in ours(folder).libraries if kind == "pypi" and version})
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


@dataclass(frozen=True, slots=True)
class Ours:
    """What secpipe finds in a folder: libraries; names of applications; of each library why it may not be elsewhere."""

    libraries: set[Package]
    applications: set[str]
    elsewhere: set[str]
    development: set[Package]
    text: str
    unread: bool


def ours(folder: Path) -> Ours:
    """Return what secpipe finds in a folder of one lock file."""
    inventory = collect(open_tree(str(folder)))
    libraries: set[Package] = set()
    elsewhere: set[str] = set()
    development: set[Package] = set()
    for item in inventory.of_kind(ComponentKind.LIBRARY):
        named = purl.parse(item.purl)
        one = key(named.kind if named else "", item.name, item.version)
        libraries.add(one)
        if not named or named.kind == "github" or "source-url" in item.facts:
            elsewhere.add(bare(item.name))
        if "scope" in item.facts:
            development.add(one)
    applications = {bare(item.name) for item in inventory.of_kind(ComponentKind.APPLICATION)}
    text = "".join(path.read_text("utf-8", "replace") for path in folder.iterdir() if path.is_file())
    return Ours(libraries, applications, elsewhere, development, text, bool(inventory.skipped))


def bare(name: str) -> str:
    """Return the last part of a name, in one spelling."""
    return normal_name("PyPI", re.split("[/:]", name.removesuffix(".git"))[-1])


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


def reason(one: Package, mine: Ours, theirs: set[Package]) -> str:
    """Return why a package stands on one side only."""
    kind, name, version = one
    is_ours = one in mine.libraries
    others = theirs if is_ours else mine.libraries
    near = [
        other
        for other in others
        if bare(other[1]) == bare(name)
        or family(other[1]) & family(name)
        or f"{other[1]}/".lower().startswith(f"{name}/".lower())
    ]
    same = [other for other in near if plain(other[2]) == plain(version)]
    if not is_ours and (bare(name) in mine.applications or name in mine.applications or "use.local" in version):
        return REASONS[0]
    if bare(name) in mine.elsewhere or kind in ("", "github", "generic", "conda"):
        return REASONS[1]
    if not is_ours and re.search(rf"{re.escape(name)}(?:@npm:|\"?: \"npm:|\" \"npm:)", mine.text, re.I):
        return REASONS[2]
    if is_ours and any(f"npm:{name}" in mine.text and plain(other[2]) == plain(version) for other in others):
        return REASONS[2]
    if is_ours and one in mine.development and not same:
        return REASONS[3]
    if not is_ours and kind == "cocoapods" and "/" in name:
        return REASONS[4]
    if same:
        return REASONS[5]
    if not version:
        return REASONS[6]
    if near:
        return REASONS[7]
    if not is_ours and mine.unread:
        return REASONS[8]
    if not is_ours and name.rpartition(":")[2].lower() not in mine.text.lower():
        return REASONS[9]
    return REASONS[10] if is_ours else _UNEXPLAINED


def family(name: str) -> set[str]:
    """Return the parts of a name that tell it from others: `github.com/a/b/v4` and `b.git/b` are `b`."""
    parts = [part.removesuffix(".git").lower() for part in re.split("[/:]", name)]
    return {part for part in parts[-2:] if not re.fullmatch(r"v\d+", part)} if len(parts) > 2 else {parts[-1]}


def plain(version: str) -> str:
    """Return a version without what tools add or leave out: `v`, build, platform, peers."""
    return re.split(r"[+_(]|-(?:x86|arm|aarch|java|x64|universal|mingw|musl)", version.lstrip("v=[").rstrip("]"))[0]


def table(
    counts: dict[str, Counter[str]], why: dict[str, Counter[str]], here: dict[str, str], missed: list[str]
) -> str:
    """Return the result as Markdown."""
    files = sum(row["files"] for row in counts.values())
    missing = [name for name in (*RIVALS, "grype", "osv-scanner") if name not in here]
    lines = [
        f"Run on {datetime.now(UTC):%Y-%m-%d} over {files} lock files and manifests of other projects,",
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
    reasons = (*REASONS, _UNEXPLAINED)
    lines += [f"| {text} | " + " | ".join(str(why[name][text]) for name in here) + " |" for text in reasons]
    lines += ["", f"Listed by a rival and not here, unexplained: {'; '.join(sorted(missed)[:40]) or 'none'}."]
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
