"""May this release go out by a signed verdict? The question as every door asks it: verify, guard and serve."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from secpipe.core.artifact import dir_hash, executables
from secpipe.core.errors import EXIT_PASS, EXIT_UNDECIDED, ConfigError, InputError, TrustError
from secpipe.core.evidence import State
from secpipe.core.text import printable
from secpipe.core.trust import Trust
from secpipe.gate.images import verdicts as images
from secpipe.gate.origin import Rules, gather_rules
from secpipe.gate.pipeline import links_digest
from secpipe.gate.policies.policy import Policy
from secpipe.gate.request import DEFAULT_POLICY, Request
from secpipe.gate.verdicts import logged, signed
from secpipe.gate.verdicts.acceptance import Answer, Wanted, accept
from secpipe.gate.verdicts.signed import About, Broken, Held
from secpipe.keys.wire import HEX256
from secpipe.sign.manifest import check_names
from secpipe.system.tree import FolderTree


@dataclass(frozen=True, slots=True)
class Named:
    """The rules as somebody names them, from outside the release; the words are those of `secpipe check`."""

    policy: str = ""
    policy_ref: str = ""
    trust: Path | None = None
    trust_pin: str = ""
    waivers: Path | None = None
    waivers_ref: str = ""

    @property
    def names_policy(self) -> bool:
        """Whether a policy is named, and not only the digest of one (`sha256:HEX` or HEX) or nothing."""
        return bool(self.policy) or ":" in self.policy_ref.removeprefix("sha256:")

    def request(self, environment: str, now: datetime, *, simulated: bool = False) -> Request:
        """Return the request for these rules; its path is the trust folder, where no policy of a release can stand.

        A digest without a policy pins what the verdict was judged by and nothing here; a reference that names the
        policy itself is looked up from the working folder.
        """
        trust, named = self.trust or Path("keys"), self.names_policy
        return Request(
            path=trust if self.policy or not named else Path(),
            now=now,
            environment=environment,
            policy=self.policy or ("" if named else DEFAULT_POLICY),
            policy_ref=self.policy_ref if named else "",
            trust=trust,
            trust_pin=self.trust_pin,
            waivers=self.waivers,
            waivers_ref=self.waivers_ref,
            memory="none" if simulated else "read",
        )


@dataclass(frozen=True, slots=True)
class Pinned:
    """Trust that verified, the policy resolved for one environment, and why nothing may rest on them.

    `doubt` says what is not pinned, or that the clock was set back; "" where all is well. `wanted` is the digest that
    the verdict's policy must have, "" for any.
    """

    rules: Rules
    trust: Trust
    policy: Policy
    doubt: str
    wanted: str


def pinned(named: Named, environment: str, now: datetime, *, simulated: bool = False) -> Pinned:
    """Return the rules that are named; nothing is ever taken from the release itself.

    Raises ConfigError for a broken policy or pin, TrustError for trust that does not hold, InputError where there is
    none.
    """
    request = named.request(environment, now, simulated=simulated)
    rules = gather_rules(request)
    if rules.trust is None:
        kind = TrustError if rules.trust_evidence.state is State.FAILED else InputError
        raise kind(rules.trust_evidence.reason, hint="--trust FOLDER with root/ and ring/ in it")
    doubt = rules.anchor.clock or rules.self_judged()
    return Pinned(rules, rules.trust, rules.resolve(request), doubt, _wanted(named, rules))


def _wanted(named: Named, rules: Rules) -> str:
    """Return the digest the verdict's policy must have: that of the policy given, or the pin alone."""
    if named.names_policy:
        return rules.policy.digest
    pin = named.policy_ref.removeprefix("sha256:").lower()
    if pin and not HEX256.match(pin):
        raise ConfigError(f'"{named.policy_ref}" is no policy pin', hint="--policy-ref sha256:HEX (64 hex digits)")
    return pin


def about_tree(tree: FolderTree, environment: str) -> About:
    """Return what a verdict on this folder must be about. Raises InputError for one that is not known whole."""
    if tree.skipped:
        raise InputError(f"{printable(tree.skipped[0].path)} is not known whole: {tree.skipped[0].reason}")
    check_names(entry.path for entry in tree.files)
    runs = None if os.name == "nt" else tuple(executables(tree.files))
    return About(dir_hash(tree.files), links_digest(tree.links), environment, runs)


@dataclass(frozen=True, slots=True)
class VerdictSource:
    """Where signed verdicts are looked for: a store, one verdict (its folder or a bundle), or an image's registry."""

    store: Path | None = None
    verdict: Path | None = None
    image: str = ""

    def candidates(self, about: About, trust: Trust, now: datetime) -> Iterable[Held | Broken]:
        """Return every signed verdict found about this release; each is verified. An image's registry is asked last."""
        if about.image and self.store is not None:
            return images.kept(self.store, about, trust, now)
        if about.image and self.verdict is not None:
            return [images.one(*signed.locate(self.verdict), about, trust, now)]
        if self.store is not None:
            return signed.candidates(self.store, about, trust, now)
        if self.verdict is not None:
            folder, what = signed.locate(self.verdict)
            return [signed.attempt(folder, "", about, trust, now, what)]
        return images.attached(self.image, about.environment, trust, now)


def answered(source: VerdictSource, asked: Wanted, rules: Pinned, now: datetime, log: Path | None = None) -> Answer:
    """Return whether the release may go out now: by its newest verdict, by the log, and only by rules that are pinned.

    `log` is a log at hand, whose newest entry on the release must be this verdict; without one, that of a pinned policy
    is asked. Raises SecpipeError where verdicts
    cannot be looked for at all.
    """
    answer = accept(source.candidates(asked.about, rules.trust, now), asked, rules.trust, now)
    about = asked.about
    if about.image and answer.verdict is not None:
        about = replace(about, digest=answer.verdict.release)
    what = signed.locate(source.verdict)[1] if source.verdict is not None else signed.VSA
    if log is None and rules.policy.log.folder and not rules.doubt:  # unpinned rules name no place
        log = Path(rules.policy.log.folder)
    answer = logged.held_against(answer, about, rules.policy.log, log, what)
    if answer.exit_code == EXIT_PASS and rules.doubt:
        return replace(answer, exit_code=EXIT_UNDECIDED, why=rules.doubt, overridden=None)
    return answer
