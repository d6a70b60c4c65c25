"""Where the rules come from: the pins that keep a pull request from judging itself."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from secpipe.core.errors import ConfigError, InputError, SecpipeError, TrustError
from secpipe.core.evidence import Evidence, State, skipped
from secpipe.core.text import printable
from secpipe.core.trust import Trust
from secpipe.gate.anchor import Anchor, no_anchor, open_anchor, with_policy_clock
from secpipe.gate.policies import pins, policy_file, waiver_file
from secpipe.gate.policies.policy import Policy
from secpipe.gate.policies.policy_diff import asks_at_least
from secpipe.gate.policies.policy_file import Loaded
from secpipe.gate.policies.waiver_file import Given
from secpipe.gate.request import ADOPTING, DEFAULT_POLICY, REST, TREE_POLICY, Request

#: What "pins" a policy in the tree that asks no less than the shipped one which holds without any.
AT_LEAST = f"at least {DEFAULT_POLICY}"


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules a request is judged by. `tree` is the policy found in the tree, which can only tighten.

    `policy_pin` says what pinned the policy (`sha256`, `git:REF@COMMIT:PATH`, `signed:IDENTITY`, `builtin`, AT_LEAST),
    "" if nothing did; `builtin, as ...` where the default policy stands in for one that a branch does not have yet.
    """

    policy: Loaded
    policy_pin: str
    tree: Loaded | None
    trust: Trust | None
    trust_evidence: Evidence
    anchor: Anchor = field(default_factory=no_anchor)
    policy_signer: str = ""
    waivers: Given = field(default_factory=Given)

    @property
    def policy_pinned(self) -> bool:
        """Whether something from outside the tree says that this is the policy."""
        return bool(self.policy_pin)

    def resolve(self, request: Request) -> Policy:
        """Return the policy for the request's environment, in the mode that counts.

        A policy that is not pinned cannot ask for warn mode: it may have been edited in the same change. Neither can
        anybody where a branch has no policy yet: who asks may be the change that is judged.
        """
        policy = self.policy.resolve(request.environment)
        if request.project == REST:  # each project has a bill of materials; a README beside them needs none
            policy = replace(policy, sbom=replace(policy.sbom, required=False))
        bounds = [days for days in (request.max_ring_age, policy.keys.max_ring_age_days) if days]
        if bounds:
            policy = replace(policy, keys=replace(policy.keys, max_ring_age_days=min(bounds)))
        if self.policy_pin.startswith(ADOPTING):
            return replace(policy, mode="enforce")
        mode = request.asked_mode or (policy.mode if self.policy_pinned else "enforce")
        return replace(policy, mode=mode)

    def self_judged(self) -> str:
        """Return why the rules are not pinned, or ""."""
        loose = []
        if not self.policy_pinned:
            loose.append("the policy")
        if self.trust is not None and not self.trust.pinned:
            loose.append("the trust root")
        said = f"{' and '.join(loose)} came without a pin: whoever can change the tree can change the rules"
        if not self.waivers.loose:
            return said if loose else ""
        waivers = f"nothing vouches for the waivers: {self.waivers.loose}"
        return f"{said}; {waivers}" if loose else waivers


def gather_rules(request: Request) -> Rules:
    """Load policy and trust. Raises ConfigError for a broken policy or a pin it does not match.

    Trust that does not hold is not an error here: it is evidence, and nothing is verified with it.
    """
    if not any(map(str.isalnum, request.environment[:1])):  # blank, or an option that an empty variable let slip in
        raise ConfigError(f'"{printable(request.environment, 60)}" is no name of an environment', hint="--env prod")
    reference = pins.parse(request.policy_ref)
    if reference.kind == "git":
        loaded, pin = pins.from_git(reference, request)
    else:
        loaded, pin = policy_file.load(request.policy or _tree_policy(request.path) or DEFAULT_POLICY), ""
    anchor = _anchor(request)
    about: dict[str, Any] = {"environment": request.environment, "now": request.now}
    loaded.ask(request.environment)
    signer = ""
    if not pin:
        pin, signer = pins.hold(reference, loaded, anchor.trust, **about)
    if not (pin or request.policy or request.policy_ref) and _loosens_nothing(loaded, request.environment):
        pin = AT_LEAST
    inside = request.path / TREE_POLICY
    tree = None
    if pin and inside.is_file() and (loaded.builtin or not _same(loaded.source, inside)):
        theirs = policy_file.load(str(inside))
        tree = theirs if theirs.digest != loaded.digest else None
    waivers = Given()
    if request.waivers:
        waivers = waiver_file.load(request.waivers, reference=request.waivers_ref, trust=anchor.trust, **about)
    if leaked := _leaked_key(request):
        anchor = replace(anchor, trust=None, evidence=leaked)
    if pin:
        anchor = _with_clock(anchor, loaded, request)
    return Rules(loaded, pin, tree, anchor.trust, anchor.evidence, anchor, signer, waivers)


def with_tree_policy(rules: Rules, request: Request) -> Rules:
    """Return the rules for a folder further down: a policy that stands there can only tighten them."""
    inside = request.path / TREE_POLICY
    return replace(rules, tree=policy_file.load(str(inside))) if inside.is_file() else rules


def _loosens_nothing(loaded: Loaded, environment: str) -> bool:
    """Whether the project's own policy asks at least what holds for a project that has none.

    Nothing has to vouch for such a policy: whoever could write it could leave it out, and would be asked no more.
    """
    return asks_at_least(loaded.resolve(environment), policy_file.load(DEFAULT_POLICY).resolve(environment))


def pinned_policy(source: str, reference: str) -> tuple[Loaded, bool]:
    """Return the policy and whether it is pinned: by its digest `reference`, or as one of our own.

    Raises ConfigError for a broken policy or pin, TrustError for a policy that is not the pinned one.
    """
    loaded, named = policy_file.load(source), pins.parse(reference)
    if named.kind not in ("", "sha256"):
        raise ConfigError("here a policy is pinned by its digest", hint="--policy-ref sha256:HEX")
    return loaded, pins.matches(named, loaded) or loaded.builtin


def _leaked_key(request: Request) -> Evidence | None:
    """Return failed evidence if the tree's `keys/` holds a private key: it is about to be published."""
    folder = request.path / "keys"
    if not folder.is_dir() or folder.is_symlink():
        return None
    from secpipe.keystore.publicfiles import refuse_private_keys

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


def _anchor(request: Request) -> Anchor:
    folder = request.trust or request.path / "keys"
    if not (folder / "root").is_dir():
        if request.trust is not None or request.trust_pin:
            raise InputError(f"there is no trust root in {folder}", hint="--trust FOLDER with root/ and ring/ in it")
        return no_anchor()
    return open_anchor(folder, request.trust_pin, request.now, recall=request.memory != "none")


def _with_clock(anchor: Anchor, loaded: Loaded, request: Request) -> Anchor:
    """Without a trust root the last verdict by the same policy says whether the clock was set back."""
    if anchor.opened is not None or anchor.clock or request.memory == "none":
        return anchor
    return with_policy_clock(anchor, loaded.digest, request.now)
