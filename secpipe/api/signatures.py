"""`verify_path` and `sign_path`: is this signed, by whom, and does every file still hold?"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING

from secpipe.api.expected import remember_signed, with_bare_models, with_memory
from secpipe.api.findings import exit_code, merged_signatures
from secpipe.system import places
from secpipe.system.tree import FolderTree, open_tree

if TYPE_CHECKING:  # a cold `secpipe verify` pays for nothing that it does not use
    from secpipe.api.results import Findings
    from secpipe.api.signing import Unlocked
    from secpipe.core.evidence import Evidence
    from secpipe.core.trust import Trust

StrPath = str | PathLike[str]
#: Walks a folder or file and hashes it; the command line shows a bar meanwhile.
Opener = Callable[[str], FolderTree]


@dataclass(frozen=True, slots=True)
class Demands:
    """What a signature must be to count; the words are those of `secpipe verify`."""

    require: str = "classical+pq"
    environment: str = ""
    purpose: str = ""
    name: str = ""
    min_version: str = ""
    ignore: tuple[str, ...] = ()
    signatures: Path | None = None
    strict: bool = False  # every model file needs a signature
    forget: bool = False  # accept that something is signed otherwise than this machine saw it before
    remember: bool = True


@dataclass(frozen=True, slots=True)
class Signed:
    """Who signed a path, and where the bundles are (none: in the registry, beside the image)."""

    path: str
    identity: str
    key_version: int
    bundles: tuple[Path, ...] = ()


def verify_path(
    *paths: StrPath,
    trust: StrPath = "keys",
    trust_pin: str = "",
    require: str = "classical+pq",
    env: str = "",
    purpose: str = "",
    name: str = "",
    min_version: str = "",
    ignore: Iterable[str] = (),
    signatures: StrPath | None = None,
    at: datetime | None = None,
    strict: bool = False,
    forget: bool = False,
    max_ring_age: int = 0,
) -> Findings:
    """Verify signed model folders and files, or every signed artifact in a folder, as `secpipe verify` does.

    A signed folder or file must be signed under its own name (or `name`). What this machine saw signed before must not
    be bare, of another name or of an older version now (`forget` accepts that); `strict` demands a signature for every
    model file. `trust_pin` anchors the trust folder from outside it; without one, who can change it can change the
    answer. With `max_ring_age` its keyring must be stated to be the newest within so many days. Exit
    codes: 0 everything holds, 1 something does not, 3 could not decide. Raises SecpipeError where there is no usable
    trust, ConfigError for a wrong demand. A model server that must not load anything else calls `secpipe.verify`.
    """
    from secpipe.api.results import findings_of
    from secpipe.core.findings import document
    from secpipe.system.clock import SystemClock

    now = at or SystemClock().now()
    ring = trust_of(trust, trust_pin, now, max_ring_age=max_ring_age, live=at is None)
    folder = None if signatures is None else Path(signatures)
    demands = Demands(
        require, env, purpose, name, min_version, tuple(ignore), folder, strict, forget, remember=at is None
    )
    parts = [(path, verified(path, ring, demands, now)) for path in [fspath(path) for path in paths]]
    evidence = merged_signatures(parts)
    return findings_of(document(evidence, "verify", now, simulated=at is not None), exit_code(evidence))


def trust_of(
    folder: StrPath, pin: str, now: datetime, *, max_ring_age: int = 0, live: bool = True, keep: bool = True
) -> Trust:
    """Return the trust in a folder; at a `live` time it must be no older than what this machine has seen.

    With `keep` that is remembered. Raises SecpipeError.
    """
    if not live:
        from secpipe.keystore.trusted import open_trust

        return open_trust(Path(folder), pin=pin, now=now, max_ring_age=max_ring_age)
    from secpipe.keystore.remembered import open_remembered

    return open_remembered(Path(folder), places.home(), pin=pin, now=now, max_ring_age=max_ring_age, keep=keep)


def verified(path: str, trust: Trust, demands: Demands, now: datetime, opener: Opener = open_tree) -> Evidence:
    """Return the evidence about one path: an image, a signed folder or file, or all that is signed in a folder."""
    if path.startswith("oci://"):
        from secpipe.sign.oci import verify_image

        return verify_image(
            path, trust, require=demands.require, environment=demands.environment, min_version=demands.min_version,
            now=now,
        )  # fmt: skip
    tree = opener(path)
    evidence = _verified(path, tree, trust, demands, now)
    if demands.strict:
        evidence = with_bare_models(evidence, tree)
    if demands.signatures:
        return evidence  # bundles elsewhere say nothing of what stands beside the artifact
    return with_memory(path, evidence, trust, now, forget=demands.forget, write=demands.remember)


def _verified(path: str, tree: FolderTree, trust: Trust, demands: Demands, now: datetime) -> Evidence:
    from secpipe.sign.sidecars import CLASSICAL, PQ
    from secpipe.sign.verify import verify_artifact, verify_tree

    require, environment, ignore, target = demands.require, demands.environment, demands.ignore, Path(path)
    pinned = demands.purpose or demands.name or demands.min_version or demands.signatures
    if target.is_dir() and not (pinned or tree.find(CLASSICAL) or tree.find(PQ)):
        evidence = verify_tree(tree, trust, require=require, environment=environment, ignore=ignore, now=now)
        if evidence.facts["artifacts"]:
            return evidence  # else the next lines say that there is no signature
    return verify_artifact(
        target, tree, trust, require=require, environment=environment, purpose=demands.purpose, name=demands.name,
        min_version=demands.min_version, ignore=ignore, signatures=demands.signatures, now=now,
    )  # fmt: skip


def sign_path(
    path: StrPath,
    *,
    identity: str | None = None,
    trust: StrPath = "keys",
    passphrase_file: StrPath,
    kind: str = "",
    name: str = "",
    version: str = "",
    ignore: Iterable[str] = (),
    output: StrPath | None = None,
    tsa: str | None = None,
) -> Signed:
    """Sign a model folder, a file or an image (`oci://...`) with both halves of a key, as `secpipe sign` does.

    `identity` is who signs (the only one of the ring that may, if there is one); `passphrase_file` a file, `env:NAME`
    or `exec:COMMAND`: the passphrase itself is never an argument. Raises ConfigError, InputError, TrustError (no active
    key, no authority for the purpose).
    """
    from secpipe.api.signing import purpose_of, unlocked
    from secpipe.system.clock import SystemClock

    now, place = SystemClock().now(), fspath(path)
    purpose = purpose_of(place, kind)
    who = unlocked(identity, {purpose}, trust=fspath(trust), passphrase_file=fspath(passphrase_file), now=now)
    return signed(
        place, who, purpose, name=name, version=version, ignore=tuple(ignore),
        output=None if output is None else Path(output), tsa=tsa, now=now,
    )  # fmt: skip


def signed(
    path: str,
    who: Unlocked,
    purpose: str,
    *,
    name: str = "",
    version: str = "",
    ignore: tuple[str, ...] = (),
    output: Path | None = None,
    tsa: str | None = None,
    now: datetime,
    tree: FolderTree | None = None,
) -> Signed:
    """Sign one path as `who`, whose halves are open already; `tree` is its walk, if the caller has made it."""
    from secpipe.api.signing import stamper

    by = (who.identity.name, who.version.version)
    if path.startswith("oci://"):
        from secpipe.sign.oci import sign_image

        sign_image(path, who.signers, who.version, artifact_version=version, timestamper=stamper(tsa), now=now)
        return Signed(path, *by)
    from secpipe.sign.sidecars import own_name
    from secpipe.sign.sign import sign_artifact

    bundles = sign_artifact(
        Path(path), tree or open_tree(path), who.signers, who.version, kind=purpose, name=name,
        artifact_version=version, ignore=ignore, output=output, timestamper=stamper(tsa), now=now,
    )  # fmt: skip
    if output is None and who.anchor:
        remember_signed(path, name or own_name(Path(path)), version, who.anchor, now)
    return Signed(path, *by, bundles)
