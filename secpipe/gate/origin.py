"""Where the rules come from: the pins that keep a pull request from judging itself."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from pathlib import Path

from secpipe.core.errors import ConfigError, InputError, SecpipeError, TrustError
from secpipe.core.evidence import Evidence, State, skipped
from secpipe.core.trust import Trust
from secpipe.gate import policy_file
from secpipe.gate.anchor import Anchor, no_anchor, open_anchor, with_policy_clock
from secpipe.gate.policy import Policy
from secpipe.gate.policy_file import Loaded
from secpipe.gate.request import DEFAULT_POLICY, TREE_POLICY, Request


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules a request is judged by. `tree` is the policy found in the tree, which can only tighten."""

    policy: Loaded
    policy_pinned: bool
    tree: Loaded | None
    trust: Trust | None
    trust_evidence: Evidence
    anchor: Anchor = field(default_factory=no_anchor)

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
    loaded, pinned = pinned_policy(request.policy or _tree_policy(request.path) or DEFAULT_POLICY, request.policy_ref)
    inside = request.path / TREE_POLICY
    tree = None
    if pinned and inside.is_file() and (loaded.builtin or not _same(loaded.source, inside)):
        tree = policy_file.load(str(inside))
    anchor = _anchor(request)
    if leaked := _leaked_key(request):
        anchor = replace(anchor, trust=None, evidence=leaked)
    if pinned:
        anchor = _with_clock(anchor, loaded, request)
    return Rules(loaded, pinned, tree, anchor.trust, anchor.evidence, anchor)


def pinned_policy(source: str, reference: str) -> tuple[Loaded, bool]:
    """Return the policy and whether it is pinned: by `reference`, or as one of our own.

    Raises ConfigError for a broken policy or pin, TrustError for a policy that is not the pinned one.
    """
    loaded = policy_file.load(source)
    return loaded, _matches(reference, loaded) or loaded.builtin


def _leaked_key(request: Request) -> Evidence | None:
    """Return failed evidence if the tree's `keys/` holds a private key: it is about to be published."""
    folder = request.path / "keys"
    if not folder.is_dir() or folder.is_symlink():
        return None
    from secpipe.keystore.trusted import refuse_private_keys

    try:
        refuse_private_keys(folder)
    except TrustError as error:
        return Evidence("trust", State.FAILED, error.message.replace(f"{request.path}{os.sep}", ""))
    except SecpipeError as error:
        # A trust folder that cannot be searched whole may hide a key; another folder called `keys` may be of any size.
        return skipped("trust", error.message) if (folder / "root").is_dir() else None
    return None


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


def _anchor(request: Request) -> Anchor:
    folder = request.trust or request.path / "keys"
    if not (folder / "root").is_dir():
        if request.trust is not None or request.trust_pin:
            raise InputError(f"there is no trust root in {folder}", hint="--trust DIR with root/ and ring/ in it")
        return no_anchor()
    return open_anchor(folder, request.trust_pin, request.now, recall=request.memory != "none")


def _with_clock(anchor: Anchor, loaded: Loaded, request: Request) -> Anchor:
    """Without a trust root the last verdict by the same policy says whether the clock was set back."""
    if anchor.opened is not None or anchor.clock or request.memory == "none":
        return anchor
    return with_policy_clock(anchor, loaded.digest, request.now)
