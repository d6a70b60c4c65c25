"""Signing: one statement, serialised once, signed by every half of a key version, written as twin bundles."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from secpipe.core.errors import InputError, SecpipeError, TrustError
from secpipe.core.limits import DEFAULT
from secpipe.core.protocols import Signer, Tree
from secpipe.core.text import printable
from secpipe.core.trust import HalfClass, KeyState, KeyVersion
from secpipe.keys.schemes import scheme
from secpipe.sign import bundle as bundles
from secpipe.sign import manifest as manifests
from secpipe.sign import statement as statements
from secpipe.sign.envelope import pae
from secpipe.sign.predicates import by_purpose
from secpipe.sign.sidecars import own_name, refuse_reserved, twins
from secpipe.sign.statement import Statement
from secpipe.system.files import read_bytes, remove, write_atomic

#: Asks a time authority for an RFC 3161 answer (DER) over a signature.
Timestamper = Callable[[bytes], bytes]
#: The (classical, PQ) bundles of a signature; None for a half that the key version does not have.
Twins = tuple[bytes | None, bytes | None]


def sign_artifact(
    path: Path,
    tree: Tree,
    signers: Sequence[Signer],
    version: KeyVersion,
    *,
    kind: str = "",
    name: str = "",
    artifact_version: str = "",
    ignore: tuple[str, ...] = (),
    output: Path | None = None,
    timestamper: Timestamper | None = None,
    now: datetime,
) -> tuple[Path, ...]:
    """Sign the directory or file at `path`, of which `tree` is the walk, and return its bundles, classical first.

    `kind` is the purpose (`model` for a directory; `file`, `dataset`, `prompt`, `sbom`, ... for a file), `name` the
    signed subject name (the path's own), `artifact_version` an optional version that verifiers can pin; `output` a
    folder for the bundles. Raises InputError for what cannot be signed or would overwrite a bundle of another subject,
    TrustError unless the key version is active.
    """
    directory = path.is_dir()
    name = name or own_name(path)
    predicate = by_purpose(kind or ("model" if directory else "file"), "directory" if directory else "file")
    if directory:
        manifest = manifests.of_tree(tree, "", ignore)
        digests = {"sha256": manifest.root_digest, "dirHash": manifest.dir_hash}
        body = manifest.predicate()
    else:
        refuse_reserved(path.name)
        digests, body = {"sha256": tree.files[0].sha256}, {}
    statement = Statement(predicate.uri, name, digests, body, statements.declare(version.halves), artifact_version)
    where = twins(path, directory=directory, folder=output)
    for target in where:
        check_replaceable(target, statement)
    payload = statements.encode(statement)
    return write_twins(where, sign_payload(payload, signers, version, timestamper=timestamper, now=now))


def sign_payload(
    payload: bytes,
    signers: Sequence[Signer],
    version: KeyVersion,
    *,
    timestamper: Timestamper | None = None,
    now: datetime,
) -> Twins:
    """Return the bundles over one payload; each signature is verified before it is let out.

    Raises TrustError unless the version is active, InputError unless the signers are exactly its halves.
    """
    state = version.state(now)
    if state is not KeyState.ACTIVE:
        raise TrustError(f"key version {version.version} is {state} and must not sign", hint="secpipe keys list")
    by_key = {half.keyid: half for half in version.halves}
    classes = [half.half for half in version.halves]
    if not classes or len(set(classes)) != len(classes):
        raise InputError(f"key version {version.version} has not one half of a class, or one of each")
    if {signer.keyid for signer in signers} != set(by_key) or len(signers) != len(by_key):
        raise InputError(f"the private halves are not those of key version {version.version}")
    message = pae(payload)
    made: dict[HalfClass, bytes] = {}
    for signer in signers:
        half = by_key[signer.keyid]
        signature = signer.sign(message)
        scheme.get(half.algorithm).verify(half.pem, signature, message)
        tokens = (timestamper(signature),) if timestamper else ()
        made[half.half] = bundles.encode(payload, signature, half.keyid, tokens)
    return made.get(HalfClass.CLASSICAL), made.get(HalfClass.PQ)


def write_twins(where: tuple[Path, Path], data: Twins) -> tuple[Path, ...]:
    """Write the bundles, each in one step, and return their paths; an older one of a half that is no more goes away.

    A crash in between leaves a pair that fails, never a false one.
    """
    for target, content in reversed(tuple(zip(where, data, strict=True))):
        if content is not None:
            write_atomic(target, content)
        elif target.exists():
            remove(target)
    return tuple(target for target, content in zip(where, data, strict=True) if content is not None)


def check_replaceable(target: Path, statement: Statement) -> None:
    """Raise InputError where `target` holds anything else than an older bundle of the same subject and purpose."""
    if not target.exists() and not target.is_symlink():
        return
    try:
        data = read_bytes(target, DEFAULT.document_bytes, follow=False)
        old = statements.decode(bundles.decode(data, target.name).payload, target.name)
    except SecpipeError:
        raise InputError(
            f"{printable(str(target))} exists and is not a bundle of ours", hint="move it away, or use --output FOLDER"
        ) from None
    if (old.name, old.predicate_type) != (statement.name, statement.predicate_type):
        raise InputError(
            f'{printable(str(target))} signs another subject, "{printable(old.name)}"',
            hint="move it away, or use --output FOLDER",
        )
