"""Who signed a file that the rules come from: a policy, a file of waivers. Only a pinned trust root can say."""

from __future__ import annotations

import hashlib
from datetime import datetime
from pathlib import Path

from secpipe.core.errors import InputError, TrustError
from secpipe.core.evidence import State
from secpipe.core.text import printable
from secpipe.core.trust import Trust
from secpipe.sign.sidecars import twins
from secpipe.sign.verify import verify_artifact
from secpipe.system.tree import open_tree


def is_signed(path: Path) -> bool:
    """Whether a bundle stands beside the file, whatever it is worth."""
    return any(bundle.exists() or bundle.is_symlink() for bundle in twins(path, directory=False))


def signer_of(path: Path, data: bytes, purpose: str, trust: Trust | None, *, environment: str, now: datetime) -> str:
    """Return the identity whose twin bundles beside `path` sign exactly `data`, for `purpose`, with both halves.

    Raises TrustError where the signature does not hold, InputError where that cannot be decided: no trust root, one
    that is not pinned from outside, or one that has expired.
    """
    name = printable(path.name)
    if trust is None:
        raise InputError(f"there is no trust root to verify the signature of {name} with", hint="--trust FOLDER")
    if not trust.pinned:
        hint = "--trust-pin sha256:... (secpipe trust pin)"
        raise InputError(f"the trust root is not pinned, so the signature of {name} proves nothing", hint=hint)
    tree = open_tree(path)
    if tree.files[0].sha256 != hashlib.sha256(data).hexdigest():
        raise TrustError(f"{name} changed while it was read")
    evidence = verify_artifact(path, tree, trust, purpose=purpose, environment=environment, now=now)
    if evidence.state is State.FAILED:
        raise TrustError(evidence.reason, hint=evidence.findings[0].fix if evidence.findings else "")
    if evidence.state is not State.OK:
        raise InputError(evidence.reason)
    (fact,) = evidence.facts["artifacts"]
    return str(fact["identity"])
