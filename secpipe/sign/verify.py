"""Verifying signed artifacts: one by its path, or every one in a tree that was already walked and hashed.

Facts of the evidence: `artifacts`: a list of {path, kind, name, version, digest, purpose, require_met, trusted_time,
verified} and what `halves.signer_facts` says, and `grandfathered` where the holders vouch for it; `covered`: {path of a
file covered by a verified signature: identity};
`pinned`: the trust root was anchored at a digest from outside.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from secpipe.core import times
from secpipe.core.artifact import FileEntry, Skip
from secpipe.core.errors import ConfigError, InputError, MissingDependency, SecpipeError
from secpipe.core.evidence import Evidence, State
from secpipe.core.finding import Finding
from secpipe.core.ledger import NOBODY, Account, Tally, Thing
from secpipe.core.protocols import Tree
from secpipe.core.text import plural, printable
from secpipe.core.trust import HalfClass, Trust
from secpipe.core.version import __version__
from secpipe.sign import compare
from secpipe.sign.discover import Place, is_bundle, places
from secpipe.sign.establish import Demand, Established, establish
from secpipe.sign.halves import signer_facts
from secpipe.sign.lapse import label_of
from secpipe.sign.refusal import (
    INVALID,
    MISSING,
    NOT_A_BUNDLE,
    RENAMED,
    REPLAYED,
    RESERVED,
    WRONG_PURPOSE,
    Refused,
    finding,
)
from secpipe.sign.sidecars import is_reserved, own_name, twins
from secpipe.system.files import read_bytes

CHECK = "signatures"


@dataclass(frozen=True, slots=True)
class Verification:
    """What became of one artifact: its facts, the files it covers (only if it holds), its findings."""

    fact: Mapping[str, Any]
    covered: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    failed: bool = False
    unknown: str = ""  # why nobody here can tell
    bundles: int = 0  # how many were read for it


def verify_artifact(
    path: Path,
    tree: Tree,
    trust: Trust,
    *,
    require: str = "classical+pq",
    environment: str = "",
    purpose: str = "",
    name: str = "",
    min_version: str = "",
    ignore: tuple[str, ...] = (),
    signatures: Path | None = None,
    classical_time_until: datetime | None = None,
    now: datetime,
) -> Evidence:
    """Verify the directory or file at `path`, of which `tree` is the walk (`system.tree.open_tree`).

    `require` is the verifier's floor (`classical+pq`, `classical`, `pq`), `environment` where the artifact is going;
    `purpose`, `name` (default: the path's own) and `min_version` pin what it must be; `ignore` names paths left out
    knowingly; `signatures` is the folder of the bundles if they do not stand beside the artifact. Returns evidence
    `signatures`: OK only if every declared half, the dates, the authority and every file hold. Never raises for what
    the artifact is; ConfigError for a wrong demand.
    """
    directory = path.is_dir()
    pinned = name or (own_name(path) if directory else "")  # a file is compared with the name it stands under
    demand = Demand(require, environment, purpose, pinned, min_version, ignore, classical_time_until)
    here = twins(path, directory=directory, folder=signatures)
    found: dict[HalfClass, Callable[[], bytes]] = {}
    for half, bundle in zip((HalfClass.CLASSICAL, HalfClass.PQ), here, strict=True):
        if bundle.exists() or bundle.is_symlink():
            found[half] = _reader(bundle, demand)
    if not found:
        message = f"{printable(path.name or str(path))} is not signed: there is no {here[0].name}"
        facts = _facts([], trust) | {"refusal": "not-signed"}
        return Evidence(CHECK, State.FAILED, message, findings=(finding(MISSING, message, here[0].name),), facts=facts)
    place = Place("" if directory else tree.files[0].path, directory, found)
    outcome = _verify_place(place, tree, trust, demand, now, own_name(path))
    return _evidence([replace(outcome, bundles=len(found))], trust, now)


def verify_tree(
    tree: Tree,
    trust: Trust,
    *,
    require: str = "classical+pq",
    environment: str = "",
    ignore: tuple[str, ...] = (),
    classical_time_until: datetime | None = None,
    now: datetime,
) -> Evidence:
    """Verify every signed artifact in a walked tree, by the digests it already holds (no second hashing).

    A bundle that does not hold makes the evidence FAILED; a tree without any bundle is OK and covers nothing: the
    policy demands coverage. Raises ConfigError for a wrong demand, nothing else.
    """
    demand = Demand(require, environment, ignore=ignore, classical_time_until=classical_time_until)
    outcomes = []
    for place in places(tree, demand.limits):
        if isinstance(place, Finding):
            outcomes.append(Verification({}, findings=(place,), failed=place.rule != NOT_A_BUNDLE))
        else:
            outcome = _verify_place(place, tree, trust, demand, now, place.path.rpartition("/")[2])
            outcomes.append(replace(outcome, bundles=len(place.bundles)))
    evidence, told = _evidence(_exchanged(outcomes), trust, now), account_of(outcomes)
    lost = sum(map(is_bundle, tree.files)) - told.of(Thing.BUNDLE).total
    if lost <= 0:
        return evidence
    unread = Account((Tally(Thing.BUNDLE, not_read=lost),))
    return replace(evidence, account=told + unread, skips=(Skip("", f"{NOBODY} at {plural(lost, 'bundle')}"),))


def _exchanged(outcomes: list[Verification]) -> list[Verification]:
    """Return the outcomes, with signed folders that bear each other's names as failed: one was put for another."""
    signed = {
        str(one.fact["path"]).rpartition("/")[2]: str(one.fact["name"])
        for one in outcomes
        if one.fact.get("kind") == "model" and one.fact["verified"]
    }
    wrong = {own for own, name in signed.items() if own and name != own and signed.get(name, name) != name}
    return [_put_elsewhere(one) if _own_name(one) in wrong else one for one in outcomes]


def _own_name(outcome: Verification) -> str:
    model = outcome.fact.get("kind") == "model" and outcome.fact["verified"]
    return str(outcome.fact["path"]).rpartition("/")[2] if model else ""


def _put_elsewhere(outcome: Verification) -> Verification:
    path, name = outcome.fact["path"], outcome.fact["name"]
    problem = finding(
        REPLAYED, f'{path} is signed as "{name}", and what is signed under its name stands elsewhere', path
    )
    return Verification({**outcome.fact, "verified": False}, (), (problem,), True, bundles=outcome.bundles)


def _verify_place(place: Place, tree: Tree, trust: Trust, demand: Demand, now: datetime, shown: str) -> Verification:
    """Verify one artifact; whatever goes wrong in here means: not verified."""
    fact: dict[str, Any] = {
        "path": printable(place.path),
        "kind": "model" if place.directory else "file",
        "require_met": False,
        "trusted_time": None,
        "verified": False,
    }
    try:
        bundles = {half: (f"{half} bundle of {printable(shown)}", _read(read)) for half, read in place.bundles.items()}
        done = establish(bundles, trust, demand, now)
        fact |= _describe(done, trust)
        covered, problems = _compare(place, tree, done, demand, shown)
    except Refused as refused:
        fact["refusal"] = refused.code
        where = f"{place.path}/{refused.path}".lstrip("/") if refused.path else place.path
        return Verification(fact, (), (finding(refused.rule, refused.message, where, shown, refused.hint),), True)
    except ConfigError:
        raise
    except MissingDependency as error:
        return Verification(fact, unknown=f"{printable(shown)}: {error.message}")
    except SecpipeError as error:
        return Verification(fact, (), (finding(INVALID, error.message, place.path, shown, error.hint),), True)
    except Exception as error:
        message = f"{printable(shown)} could not be verified: {type(error).__name__}"
        return Verification(fact, (), (finding(INVALID, message, place.path, shown),), True)
    failed = [problem for problem in problems if problem.rule != RENAMED]
    fact["verified"] = not failed
    if failed:
        fact["refusal"] = failed[0].rule.rpartition("/")[2]
    return Verification(fact, () if failed else tuple(entry.path for entry in covered), problems, bool(failed))


def _read(read: Callable[[], bytes]) -> bytes:
    try:
        return read()
    except InputError as error:  # a link, or more than any bundle has
        raise Refused(INVALID, error.message, "bundle-malformed", hint=error.hint) from error


def _compare(
    place: Place, tree: Tree, done: Established, demand: Demand, shown: str
) -> tuple[tuple[FileEntry, ...], tuple[Finding, ...]]:
    statement = done.signed.statement
    form = "directory" if place.directory else "file"
    if done.predicate.form != form:
        raise Refused(WRONG_PURPOSE, f"a {done.predicate.purpose} signature does not sign a {form}", "wrong-form")
    if place.directory:
        covered, problems = compare.directory(tree, place.path, statement, demand)
        if shown and statement.name != shown and not demand.name:
            message = f'the directory was signed under the name "{printable(statement.name)}"'
            problems += (finding(RENAMED, message, place.path, statement.name),)
        return covered, problems
    entry = tree.find(place.path)
    if entry is None:
        raise Refused(MISSING, f"{printable(place.path)} is signed and is not there", hint="restore the file")
    if is_reserved(entry.name):
        raise Refused(RESERVED, f"{printable(entry.name)} has a name reserved for signatures")
    compare.single_file(tree, entry, statement, demand)
    return (entry,), ()


def _describe(done: Established, trust: Trust) -> dict[str, Any]:
    signed = done.signed
    digests = signed.statement.digests
    digest = digests.get("dirHash", digests["sha256"])
    fact: dict[str, Any] = {
        "name": printable(signed.statement.name),
        "version": printable(signed.statement.version),
        "purpose": done.predicate.purpose,
        "digest": digest,
        **signer_facts(signed),
        "require_met": True,
        "trusted_time": times.exact(done.trusted_time) if done.trusted_time else None,
    }
    return fact | ({"grandfathered": True} if (digest, label_of(fact)) in trust.grandfathered else {})


def _facts(outcomes: Iterable[Verification], trust: Trust) -> dict[str, Any]:
    outcomes = list(outcomes)
    covered = {path: outcome.fact["identity"] for outcome in outcomes for path in outcome.covered}
    artifacts = [dict(outcome.fact) for outcome in outcomes if outcome.fact]
    return {"artifacts": artifacts, "covered": covered, "pinned": trust.pinned}


def account_of(outcomes: Iterable[Verification]) -> Account:
    """Return how the bundles ended: each was read, whatever it says, or is another tool's signature."""
    ends = list(outcomes)
    judged = {"twin bundles": sum(outcome.bundles for outcome in ends)}
    others = {"a signature of another tool": sum(not outcome.fact for outcome in ends)}
    tally = Tally(Thing.BUNDLE, _counted(judged), _counted(others))
    return Account((tally,) if tally.total else ())


def _counted(counts: Mapping[str, int]) -> dict[str, int]:
    return {name: count for name, count in counts.items() if count}


def _evidence(outcomes: list[Verification], trust: Trust, now: datetime) -> Evidence:
    problems = tuple(problem for outcome in outcomes for problem in outcome.findings)
    base = Evidence(
        CHECK, State.OK, findings=problems, facts=_facts(outcomes, trust), producer=f"secpipe {__version__}",
        account=account_of(outcomes),
    )  # fmt: skip
    failed = [outcome for outcome in outcomes if outcome.failed]
    if failed:
        first = next(problem for problem in failed[0].findings if problem.rule != RENAMED)
        more = f" (and {plural(len(failed) - 1, 'more artifact')})" if len(failed) > 1 else ""
        return replace(base, state=State.FAILED, reason=printable(first.message) + more)
    if unknown := next((outcome.unknown for outcome in outcomes if outcome.unknown), ""):
        return replace(base, state=State.SKIPPED, reason=unknown)
    ends = min(trust.ring_expires, trust.root_expires)
    if now > ends:
        reason = f"the trust state expired on {times.rfc3339(ends)}"
        return replace(base, state=State.STALE, reason=reason, since=ends)
    return base


def _reader(path: Path, demand: Demand) -> Callable[[], bytes]:
    return lambda: read_bytes(path, demand.limits.document_bytes, follow=False)
