"""What `secpipe check` leaves behind: an entry in a verdict store, and a signed verdict."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from secpipe.cli.options import passphrase_option
from secpipe.core import times
from secpipe.core.errors import ConfigError, TrustError

if TYPE_CHECKING:
    from datetime import datetime

    from secpipe.core.trust import Identity, Trust
    from secpipe.gate.outcome import Outcome
    from secpipe.gate.request import Request
    from secpipe.gate.storing import Kept


def keep_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """`--store`, `--sign` and what belongs to them; `--verdicts` is where promotion looks; `--name` what is judged."""
    for option in reversed(
        (
            click.option(
                "--store", type=click.Path(path_type=Path), metavar="FOLDER", help="Keep verdict and evidence there."
            ),
            click.option(
                "--name", default="", metavar="NAME", help="What the release is called (default: its folder)."
            ),
            click.option("--sign", metavar="IDENTITY", help="Sign the verdict as this identity; needs --store."),
            click.option(
                "--verifier-id", metavar="URI", help="With --sign: who verified; ends in the identity's name."
            ),
            click.option("--tsa", metavar="URL", help="With --sign: ask this RFC 3161 authority for a timestamp."),
            click.option(
                "--verdicts",
                type=click.Path(path_type=Path),
                metavar="FOLDER",
                help="The verdict store that [promotion] looks into (default: --store).",
            ),
            passphrase_option,
        )
    ):
        function = option(function)
    return function


@dataclass(frozen=True, slots=True)
class Seal:
    """How a verdict is signed: the verifier id ("": the identity's own), where the passphrase is, a time authority."""

    verifier: str = ""
    passphrase_file: str | None = None
    tsa: str | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be kept and who signs it; the key is opened only after everything hostile has been read."""

    store: Path | None
    identity: str
    seal: Seal
    waivers: Path | None
    now: datetime

    def carry_out(self, outcome: Outcome) -> None:
        """Keep the outcome and sign it, and say so on stderr."""
        if self.store is None:
            return
        from secpipe.gate import storing
        from secpipe.gate.verdicts import store

        kept = storing.contents(outcome, self.waivers)
        if not self.identity:
            _log(outcome, "evaluation", kept.digest(store.VERDICT), self.now)
        entry = storing.keep(self.store, outcome, kept)
        _tell(f"verdict kept in {entry.folder}\n  evidence sha256:{kept.digest(store.EVIDENCE)}")
        if self.identity:
            if outcome.rules.trust is None:
                raise TrustError(f"the verdict cannot be signed: {outcome.rules.trust_evidence.reason}")
            who = signer(outcome.rules.trust, self.identity)
            sign_into(entry.folder, outcome, kept, who, self.seal, self.now)


def looked_into(verdicts: Path | None, store: Path | None) -> Path | None:
    """Return the store that promotion looks into: the one named, else the one that verdicts are kept in already."""
    return verdicts or (store if store is not None and store.is_dir() else None)


def plan_of(options: Mapping[str, Any], request: Request) -> Plan:
    """Return the plan that the options make; raises ConfigError for what does not go together."""
    folder, identity = options["store"], options["sign"] or ""
    if (folder or identity) and request.simulated:
        raise ConfigError("--at simulates: a simulated verdict is never kept or signed", hint="leave --at out")
    if identity and folder is None:
        raise ConfigError("--sign puts the signed verdict into a store", hint="--store FOLDER")
    seal = Seal(options["verifier_id"] or "", options["passphrase_file"], options["tsa"])
    if not identity and seal != Seal():
        raise ConfigError(
            "--verifier-id, --tsa and --passphrase-file go with --sign", hint="--sign IDENTITY --store FOLDER"
        )
    if folder is not None:
        from secpipe.gate.verdicts.store import check_environment

        check_environment(request.environment)  # a wrong name is told before the work, not after it
    if folder is not None and folder.resolve().is_relative_to(request.path.resolve()):
        raise ConfigError(
            "the verdict store lies inside the project: keeping a verdict would change what was judged",
            hint="--store ../verdicts",
        )
    if identity:  # a wrong name is told before the work, not after it
        from secpipe.keystore.trusted import open_trust

        trust = open_trust(request.trust or request.path / "keys", pin=request.trust_pin, now=request.now)
        signer(trust, identity)
    return Plan(folder, identity, seal, request.waivers, request.now)


def signer(trust: Trust, name: str, purpose: str = "vsa") -> Identity:
    """Return the identity that signs verdicts (or overrides) and nothing else; raises ConfigError, TrustError."""
    from secpipe.core.text import did_you_mean
    from secpipe.sign.verdicts import keeps_apart

    known = {identity.name: identity for identity in trust.identities}
    if name not in known:
        raise ConfigError(f'no identity "{name}" in the ring', hint=did_you_mean(name, known) or "secpipe keys list")
    if not keeps_apart(known[name], purpose):
        what = "verdicts" if purpose == "vsa" else "overrides"
        raise TrustError(
            f"{name} may not sign {what}: only an identity that signs nothing else may",
            hint=f"its purposes: {', '.join(known[name].authority.purposes) or 'none'}",
        )
    return known[name]


def sign_into(folder: Path, outcome: Outcome, kept: Kept, who: Identity, seal: Seal, now: datetime) -> None:
    """Sign what `outcome` says and write the twin bundle into `folder`; raises TrustError where there is no trust."""
    from secpipe.api.signing import open_key, stamper
    from secpipe.gate import storing
    from secpipe.gate.verdicts import signed, vsa
    from secpipe.sign.sign import write_twins
    from secpipe.sign.verdicts import payload_digest, sign_verdict

    trust = outcome.rules.trust
    if trust is None:
        raise TrustError(f"the verdict cannot be signed: {outcome.rules.trust_evidence.reason}")
    summary = storing.summarise(outcome, kept, who.name, seal.verifier)
    body = vsa.predicate(summary)
    vsa.read(body, "the verdict")  # what no verifier could read is not let out
    version, signers = open_key(who, trust, seal.passphrase_file, now)
    subject = outcome.record.subject
    name, digest = str(subject["name"]), str(subject["digest"]["dirHash"])
    data = sign_verdict(
        signed.VSA, name, digest, body, who, version, signers,
        image=summary.image, timestamper=stamper(seal.tsa), now=now,
    )  # fmt: skip
    result = vsa.PASSED if summary.passed else vsa.FAILED
    _log(outcome, "verdict", payload_digest(data), now, result)
    classical, pq = signed.names(signed.VSA)
    write_twins((folder / classical, folder / pq), data)
    until = f", holds until {times.rfc3339(summary.valid_until)} ({summary.because})" if summary.passed else ""
    _tell(f"signed as {result} by {who.name} (key version {version.version}){until}")


def _log(outcome: Outcome, kind: str, digest: str, now: datetime, result: str = "") -> None:
    """Log what is about to be stored or signed, where a log is configured."""
    from secpipe.cli.logged import log_folder, logged

    subject = outcome.record.subject
    place = log_folder(outcome.situation.policy, pinned=outcome.rules.policy_pinned)
    words = {"result": result} if result else {}
    logged(
        place, kind, digest, now,
        release=str(subject["digest"]["dirHash"]), environment=outcome.record.environment, **words,
    )  # fmt: skip


def _tell(text: str) -> None:
    from secpipe.system.outputs import tell

    for line in text.splitlines():
        tell(f"secpipe: {line}")
