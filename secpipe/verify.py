"""Verify before you load: the small public facade for model servers and edge nodes.

    from secpipe.verify import verify
    verify("models/tiny", trust="/etc/secpipe/keys", pin="sha256:...")   # raises TrustError unless everything holds

Needs only `cryptography` beside the standard library (timestamps: the extra `timestamps`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from os import PathLike
from pathlib import Path

from secpipe.core.errors import SecpipeError, TrustError

__all__ = ["SecpipeError", "TrustError", "Verified", "verify"]


@dataclass(frozen=True, slots=True)
class Verified:
    """Who signed what: `digest` is a directory's dirHash or a file's SHA-256, in hex; `files` are relative paths."""

    identity: str
    key_version: int
    purpose: str
    name: str
    version: str
    digest: str
    halves: tuple[str, ...]
    files: tuple[str, ...]


def verify(
    path: str | PathLike[str],
    *,
    trust: str | PathLike[str],
    pin: str,
    require: str = "classical+pq",
    environment: str = "",
    purpose: str = "",
    name: str = "",
    min_version: str = "",
    max_ring_age: int = 0,
    now: datetime | None = None,
) -> Verified:
    """Verify the signed directory or file at `path` against the trust folder, anchored at `pin` (`sha256:HEX`).

    `require` is the floor of halves, `environment` where it will run, `purpose`, `name` and `min_version` pin what it
    must be; with `max_ring_age` the keyring must be stated to be the newest within so many days; `now` (UTC) is for
    tests. A keyring older than one that `secpipe trust update` or `secpipe verify` saw on this machine is refused.
    Hashes every file. Raises TrustError when anything does not hold, another SecpipeError when that cannot be
    decided (no trust folder, an old keyring): load nothing in either case.
    """
    from secpipe.core.evidence import State
    from secpipe.keystore.remembered import open_remembered
    from secpipe.keystore.trusted import open_trust
    from secpipe.sign.verify import verify_artifact
    from secpipe.system import places
    from secpipe.system.tree import open_tree

    if not pin:
        raise SecpipeError("a trust folder without a pin proves nothing", hint='pin="sha256:..." (secpipe trust pin)')
    instant = now or datetime.now(UTC)
    target, folder = Path(path), Path(trust)
    state = (
        open_remembered(folder, places.home(), pin=pin, now=instant, max_ring_age=max_ring_age, keep=False)
        if now is None
        else open_trust(folder, pin=pin, now=instant, max_ring_age=max_ring_age)
    )
    evidence = verify_artifact(
        target,
        open_tree(target),
        state,
        require=require,
        environment=environment,
        purpose=purpose,
        name=name,
        min_version=min_version,
        now=instant,
    )
    if evidence.state is State.FAILED:
        raise TrustError(evidence.reason, hint=evidence.findings[0].fix if evidence.findings else "")
    if evidence.state is not State.OK:
        raise SecpipeError(evidence.reason)
    (fact,) = evidence.facts["artifacts"]
    return Verified(
        fact["identity"],
        fact["key_version"],
        fact["purpose"],
        fact["name"],
        fact["version"],
        fact["digest"],
        tuple(fact["halves"]),
        tuple(evidence.facts["covered"]),
    )
