"""Attestations: signed in-toto statements about an artifact, stored beside it as twin bundles.

`X.<kind>.att.json` and `X.<kind>.pqc.att.json` stand beside `X` (a directory's are its siblings, never inside it). The
kind is the purpose of the predicate type (`provenance`, `vuln`, ...) or, for a test result, what was tested (`bias`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from secpipe.core import times
from secpipe.core.artifact import FileEntry, Skip
from secpipe.core.documents import parse_json
from secpipe.core.errors import ConfigError, InputError, MissingDependency, SecpipeError
from secpipe.core.evidence import Evidence, State
from secpipe.core.ledger import NOBODY, Account, Tally, Thing
from secpipe.core.limits import DEFAULT
from secpipe.core.protocols import Signer, Tree
from secpipe.core.text import printable
from secpipe.core.trust import HalfClass, KeyVersion, Trust
from secpipe.core.version import __version__
from secpipe.sign import manifest as manifests
from secpipe.sign import provenance, results
from secpipe.sign import statement as statements
from secpipe.sign.establish import Demand, Established, establish
from secpipe.sign.halves import signer_facts
from secpipe.sign.predicates import by_purpose, purposes
from secpipe.sign.refusal import CHANGED, INVALID, MISSING, REPLAYED, WRONG_PURPOSE, Refused, finding
from secpipe.sign.sidecars import ATTESTATION, PQ_ATTESTATION, own_name
from secpipe.sign.sign import Timestamper, check_replaceable, sign_payload, write_twins
from secpipe.sign.statement import Statement
from secpipe.system.files import read_bytes

_KIND = re.compile(r"[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?")
_SKEW = timedelta(minutes=5)
#: purpose -> the results that are no failure
_GOOD = {"test-result": ("PASSED", "WARNED"), "review": ("APPROVED",)}


def attest(
    path: Path,
    tree: Tree,
    predicate: bytes,
    signers: Sequence[Signer],
    version: KeyVersion,
    *,
    purpose: str,
    kind: str = "",
    output: Path | None = None,
    timestamper: Timestamper | None = None,
    now: datetime,
) -> tuple[Path, ...]:
    """Sign `predicate` (a JSON object) as a statement of type `purpose` about the artifact at `path`.

    `kind` says what a test result is about (`evaluation`, `bias`, `drift`, `safety`, ...). Returns the bundles' paths,
    beside the artifact or in `output`. Raises InputError for a predicate that is not of its type, ConfigError for an
    unknown type.
    """
    row = by_purpose(purpose, "attestation")
    kind = kind or purpose
    if kind in purposes("attestation") and kind != purpose:
        raise ConfigError(f'a {purpose} statement cannot be called "{kind}", which is a purpose of its own')
    body = parse_json(predicate, f"the {purpose} predicate")
    if not isinstance(body, dict) or (missing := [name for name in row.required if name not in body]):
        lacks = ", ".join(missing) if isinstance(body, dict) else "everything: it is no object"
        raise InputError(f"this is no {purpose} predicate: it lacks {lacks}", hint=row.uri)
    statement = Statement(
        row.uri, own_name(path), digests_of(tree, directory=path.is_dir()), body,
        statements.declare(version.halves), kind=kind, made=now,
    )  # fmt: skip
    where = attestation_paths(path, kind, output)
    for target in where:
        check_replaceable(target, statement)
    payload = statements.encode(statement)
    return write_twins(where, sign_payload(payload, signers, version, timestamper=timestamper, now=now))


def attestation_paths(path: Path, kind: str, folder: Path | None = None) -> tuple[Path, Path]:
    """Return where the (classical, PQ) bundles of an attestation stand; raises ConfigError for a bad kind."""
    if not _KIND.fullmatch(kind):
        raise ConfigError(f'"{printable(kind, 64)}" is no kind of attestation', hint="lower-case words, like bias")
    name = own_name(path)
    where = folder or (path.parent if path.name == name else path.resolve().parent)
    return where / f"{name}.{kind}{ATTESTATION}", where / f"{name}.{kind}{PQ_ATTESTATION}"


def verify_attestation(
    path: Path,
    tree: Tree,
    trust: Trust,
    kind: str,
    *,
    require: str = "classical+pq",
    environment: str = "",
    purpose: str = "",
    max_age: timedelta | None = None,
    folder: Path | None = None,
    now: datetime,
) -> Evidence:
    """Verify the attestation of `kind` about the artifact at `path`; `max_age` bounds how long ago it was made.

    It must be of `purpose` (default: what `purpose_of_kind` says of its kind): a kind is only a word that its signer
    chose, and who may state a scan may not state a bias test.

    Evidence `attestation:<kind>`; `since` is when it was made: the trusted time or what the signer states, the earlier
    of both (who may state the result may state its day; a replayed one keeps its own). Facts: `purpose`, `kind`,
    `made`, `trusted_time`, what `halves.signer_facts` says, and `result` (test-result, review), `metrics` and `tested`
    (test-result: the digests that it names) or what `provenance.facts` says.
    """
    found: dict[HalfClass, Callable[[], bytes]] = {}
    for half, bundle in zip(HalfClass, attestation_paths(path, kind, folder), strict=True):
        if bundle.exists() or bundle.is_symlink():
            found[half] = lambda bundle=bundle: read_bytes(bundle, DEFAULT.document_bytes, follow=False)  # type: ignore[misc]
    demand = Demand(require, environment, purpose or purpose_of_kind(kind))
    subject = (lambda: digests_of(tree, directory=path.is_dir())), own_name(path)
    evidence = _judge(kind, found, subject, trust, demand, now)
    if (
        evidence.state is State.OK
        and max_age is not None
        and (evidence.since is None or now - evidence.since > max_age)
    ):
        return replace(evidence, state=State.STALE, reason=f"the {kind} attestation is older than {max_age.days} days")
    return evidence


def purpose_of_kind(kind: str) -> str:
    """Return what a statement called `kind` must be signed as: `vuln` as vuln, `review-ann` as review, others as
    test-result."""
    if kind in purposes("attestation"):
        return kind
    return "review" if kind.startswith("review-") else "test-result"


def verify_attestations(
    tree: Tree,
    trust: Trust,
    *,
    require: str = "classical+pq",
    environment: str = "",
    classical_time_until: datetime | None = None,
    now: datetime,
) -> Iterator[Evidence]:
    """Yield evidence `attestation:<kind>` for every attestation in a walked tree, by path.

    Facts as those of `verify_attestation`, and `path`: the file or folder that it is about; `tested` holds the paths of
    the files that a test result names by digest.
    """
    demand = Demand(require, environment, classical_time_until=classical_time_until)
    found: dict[tuple[str, str], dict[HalfClass, Callable[[], bytes]]] = {}
    opened: list[str] = []
    files = results.Files(tree)
    for entry in tree.files:
        for suffix, half in ((PQ_ATTESTATION, HalfClass.PQ), (ATTESTATION, HalfClass.CLASSICAL)):
            if entry.path.endswith(suffix):
                subject, _, kind = entry.path.removesuffix(suffix).rpartition(".")
                readers = found.setdefault((subject, kind), {})
                readers[half] = partial(_read, tree, entry, opened)
                break
    for (path, kind), readers in sorted(found.items()):
        subject_name = path.rpartition("/")[2]

        def digests(path: str = path) -> Mapping[str, str]:
            return digests_of(tree, path=path, directory=tree.find(path) is None)

        opened.clear()
        evidence = _judge(kind, readers, (digests, subject_name), trust, demand, now)
        lost = len(readers) - len(opened) if evidence.state is State.OK else 0
        account = Account((Tally(Thing.BUNDLE, {"twin bundles": len(readers) - lost}, not_read=lost),))
        skips = (Skip(path, NOBODY),) if lost else ()
        facts = {**evidence.facts, "path": path}
        if "tested" in facts:
            facts["tested"] = files.of(facts["tested"])
        yield replace(evidence, facts=facts, account=account, skips=skips)


def _read(tree: Tree, entry: FileEntry, opened: list[str]) -> bytes:
    """Return a bundle, and keep that it was opened."""
    opened.append(entry.path)
    return tree.read(entry, DEFAULT.document_bytes)


def digests_of(tree: Tree, *, path: str = "", directory: bool) -> dict[str, str]:
    """Return the digests by which a statement names the artifact; raises InputError for what cannot be covered."""
    if directory:
        manifest = manifests.of_tree(tree, path)
        return {"sha256": manifest.root_digest, "dirHash": manifest.dir_hash}
    entry = tree.find(path) if path else tree.files[0]
    if entry is None:
        raise InputError(f"{printable(path)} is not there")
    return {"sha256": entry.sha256}


def _judge(
    kind: str,
    found: Mapping[HalfClass, Callable[[], bytes]],
    subject: tuple[Callable[[], Mapping[str, str]], str],
    trust: Trust,
    demand: Demand,
    now: datetime,
) -> Evidence:
    check = f"attestation:{kind}"
    base = Evidence(check, State.OK, producer=f"secpipe {__version__}")
    if not found:
        return replace(base, state=State.SKIPPED, reason=f"there is no {printable(kind)} attestation")
    digests, name = subject
    try:
        bundles = {
            half: (f"{half} bundle of the {printable(kind)} attestation", read()) for half, read in found.items()
        }
        done = establish(bundles, trust, demand, now)
        facts, made = _content(done, kind, digests(), now)
    except ConfigError:
        raise
    except MissingDependency as error:
        return replace(base, state=State.SKIPPED, reason=f"the {printable(kind)} attestation: {error.message}")
    except Exception as error:
        message = error.message if isinstance(error, SecpipeError) else f"not verified: {type(error).__name__}"
        rule = error.rule if isinstance(error, Refused) else INVALID
        problem = finding(rule, printable(message), printable(name), check)
        return replace(base, state=State.FAILED, reason=problem.message, findings=(problem,))
    expires = min(trust.ring_expires, trust.root_expires)
    if now > expires:
        return replace(base, state=State.STALE, reason="the trust state expired", since=expires, facts=facts)
    if facts["purpose"] in _GOOD and facts["result"] not in _GOOD[facts["purpose"]]:
        return replace(base, state=State.FAILED, reason=f"the {kind} result is {facts['result']}", facts=facts)
    return replace(base, since=made, facts=facts)


def _content(
    done: Established, kind: str, digests: Mapping[str, str], now: datetime
) -> tuple[dict[str, Any], datetime | None]:
    statement = done.signed.statement
    if done.predicate.form != "attestation":
        raise Refused(WRONG_PURPOSE, f"this is a {done.predicate.purpose} signature, not an attestation")
    if statement.kind != kind:
        raise Refused(WRONG_PURPOSE, f"this attests {printable(statement.kind) or 'nothing'}, not {printable(kind)}")
    if any(name not in statement.predicate for name in done.predicate.required):
        raise Refused(INVALID, f"the predicate is no {done.predicate.purpose}")
    if not digests:
        raise Refused(MISSING, "the artifact is not there")
    if dict(statement.digests) != dict(digests):
        raise Refused(CHANGED, "the artifact is not the one that this attestation is about")
    if statement.made is None or statement.made > now + _SKEW:
        raise Refused(REPLAYED, "the attestation does not say when it was made, or says a time to come")
    made = min(filter(None, (statement.made, done.trusted_time)))
    facts: dict[str, Any] = {
        "purpose": done.predicate.purpose,
        "kind": kind,
        "name": printable(statement.name),
        **signer_facts(done.signed),
        "made": times.rfc3339(statement.made),
        "trusted_time": times.rfc3339(done.trusted_time) if done.trusted_time else None,
    }
    if done.predicate.purpose in _GOOD:
        facts["result"] = results.result(statement.predicate)
    if done.predicate.purpose == "test-result":
        facts["metrics"] = results.metrics(statement.predicate)
        facts["tested"] = sorted(results.tested(statement.predicate))
    if done.predicate.purpose == "provenance":
        facts |= provenance.facts(statement.predicate)
    return facts, made
