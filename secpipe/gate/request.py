"""What `check` is asked, and where its rules come from: the pins that keep a pull request from judging itself."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from secpipe.core.artifact import Skip
from secpipe.core.errors import ConfigError, InputError, SecpipeError, TrustError
from secpipe.core.evidence import Evidence, State, skipped
from secpipe.core.trust import Trust
from secpipe.gate import policy_file
from secpipe.gate.policy import Policy
from secpipe.gate.policy_file import Loaded
from secpipe.system import files

DEFAULT_POLICY = "builtin:baseline"
TREE_POLICY = "secpipe-policy.toml"


@dataclass(frozen=True, slots=True)
class Request:
    """One question to the gate. `now` is real or simulated; nothing below reads a clock.

    `policy` is a file or `builtin:NAME`; `policy_ref` and `trust_pin` are `sha256:HEX` digests given from outside the
    tree; `advisories` a folder, zip or store of OSV records instead of the default ones.
    """

    path: Path
    now: datetime
    simulated: bool = False
    environment: str = "prod"
    policy: str = ""
    policy_ref: str = ""
    trust: Path | None = None
    trust_pin: str = ""
    advisories: Path | None = None
    exclude: tuple[str, ...] = ()
    name: str = ""  # what the subject is called; "" is the folder's own name
    left_out: tuple[Skip, ...] = ()  # what the caller knowingly did not put into the folder
    mode: str = ""  # `warn` or `enforce` from the command line; "" leaves it to the policy
    cache: bool = True


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules a request is judged by. `tree` is the policy found in the tree, which can only tighten."""

    policy: Loaded
    policy_pinned: bool
    tree: Loaded | None
    trust: Trust | None
    trust_evidence: Evidence

    def resolve(self, request: Request) -> Policy:
        """Return the policy for the request's environment, in the mode that counts.

        A policy that is not pinned cannot ask for warn mode: it may have been edited in the same change.
        """
        policy = self.policy.resolve(request.environment)
        mode = request.mode or (policy.mode if self.policy_pinned else "enforce")
        return replace(policy, mode=mode)

    def self_judged(self) -> str:
        """Return why the rules are not pinned, or ""."""
        loose = []
        if not self.policy_pinned:
            loose.append("the policy")
        if self.trust is not None and not self.trust.pinned:
            loose.append("the trust root")
        if not loose:
            return ""
        return f"{' and '.join(loose)} came without a pin: whoever can change the tree can change the rules"


def gather_rules(request: Request) -> Rules:
    """Load policy and trust. Raises ConfigError for a broken policy or a pin it does not match.

    Trust that does not hold is not an error here: it is evidence, and nothing is verified with it.
    """
    loaded = policy_file.load(request.policy or _tree_policy(request.path) or DEFAULT_POLICY)
    pinned = loaded.builtin or _matches(request.policy_ref, loaded)
    inside = request.path / TREE_POLICY
    tree = None
    if pinned and inside.is_file() and (loaded.builtin or not _same(loaded.source, inside)):
        tree = policy_file.load(str(inside))
    trust, evidence = _trust(request)
    return Rules(loaded, pinned, tree, trust, evidence)


def _tree_policy(path: Path) -> str:
    inside = path / TREE_POLICY
    return str(inside) if inside.is_file() else ""


def _same(source: str, other: Path) -> bool:
    try:
        return other.samefile(source)
    except OSError:
        return False


def _matches(reference: str, loaded: Loaded) -> bool:
    if not reference:
        return False
    wanted = reference.removeprefix("sha256:").lower()
    if len(wanted) != 64 or set(wanted) - set("0123456789abcdef"):
        raise ConfigError(f'"{reference}" is no policy pin', hint="--policy-ref sha256:HEX (64 hex digits)")
    if wanted != loaded.digest:
        raise TrustError(
            f"the policy {loaded.source} is not the pinned one: it is sha256:{loaded.digest}",
            hint="review the change, then pin the new digest",
        )
    return True


def _trust(request: Request) -> tuple[Trust | None, Evidence]:
    folder = request.trust or request.path / "keys"
    if not folder.is_dir():
        if request.trust is not None:
            raise InputError(f"there is no trust root in {folder}", hint="--trust DIR with root/ and ring/ in it")
        return None, skipped("trust", "there is no trust root, so no signature can be verified")
    from secpipe.keystore.trusted import open_trust

    try:
        trust = open_trust(folder, pin=request.trust_pin, now=request.now)
    except TrustError as error:
        return None, Evidence("trust", State.FAILED, error.message)
    except SecpipeError as error:
        return None, skipped("trust", error.message)
    facts = {
        "root_version": trust.root_version,
        "ring_version": trust.ring_version,
        "identities": len(trust.identities),
    }
    return trust, Evidence("trust", State.OK, facts=facts)


def rule_bytes(request: Request) -> list[bytes]:
    """Return the bytes of everything in `gather_rules` that is a file: what the warm cache is keyed by."""
    parts = []
    places = [Path(request.policy)] if request.policy and not request.policy.startswith(policy_file.BUILTIN) else []
    places.append(request.path / TREE_POLICY)
    folder = request.trust or request.path / "keys"
    places += sorted(folder.rglob("*.json")) if folder.is_dir() else []
    for place in places:
        try:
            parts.append(files.read_bytes(place, 1 << 24))
        except InputError:
            parts.append(b"absent")
    return parts
