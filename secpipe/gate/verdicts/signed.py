"""Signed verdicts as they stand in a store or a folder: read, verified, and bound to what they are about."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from secpipe.core import times
from secpipe.core.documents import parse_json
from secpipe.core.errors import InputError, SecpipeError, TrustError, UnsafeInput
from secpipe.core.limits import DEFAULT
from secpipe.core.text import printable
from secpipe.core.trust import HalfClass, Identity, Trust
from secpipe.gate.verdicts import store, vsa
from secpipe.gate.verdicts.store import Entry
from secpipe.gate.verdicts.vsa import Summary
from secpipe.sign.establish import Demand
from secpipe.sign.refusal import CHANGED, INVALID, REPLAYED, WRONG_PURPOSE, Refused
from secpipe.sign.sidecars import ATTESTATION, PQ_ATTESTATION
from secpipe.sign.verdicts import as_written, verify_verdict
from secpipe.system import files

VSA = "vsa"
_SKEW = timedelta(minutes=5)
_MAX_OF_ONE = 10_000  # verdicts on one release for one environment


@dataclass(frozen=True, slots=True)
class About:
    """What a verdict must be about: the release's dirHash, the digest of its links (None: not known here), where to.

    `executable` are the files that may be run now (None: not known here); the same bytes were judged, so it is told.
    An image is named by `image` as well, the hex SHA-256 of its manifest or index.
    """

    digest: str
    links: str | None
    environment: str
    executable: tuple[str, ...] | None = None
    image: str = ""

    def made_executable(self, summary: Summary) -> tuple[str, ...]:
        """Return the files that may be run now and could not be when `summary` was given."""
        if self.executable is None or summary.executable is None:
            return ()
        return tuple(sorted(set(self.executable) - set(summary.executable)))


@dataclass(frozen=True, slots=True)
class Held:
    """A verdict whose signatures hold. `digest` is the hex SHA-256 of the signed payload: overrides name it by that."""

    summary: Summary
    identity: Identity
    key_version: int
    name: str
    digest: str
    folder: Path
    sentence: str = ""  # of the verdict document, where it stands beside
    release: str = ""  # the dirHash that it is about


@dataclass(frozen=True, slots=True)
class Broken:
    """A verdict that does not hold, when it claims to have been given, and why it does not."""

    stamp: str
    error: SecpipeError


def names(what: str) -> tuple[str, str]:
    """Return the names of the (classical, PQ) bundles of `vsa` or of a holder's override."""
    return f"{what}{ATTESTATION}", f"{what}{PQ_ATTESTATION}"


def locate(place: Path) -> tuple[Path, str]:
    """Return (folder, name of the bundles) of an entry's folder or of one bundle file."""
    if place.is_dir():
        return place, VSA
    suffix = PQ_ATTESTATION if place.name.endswith(PQ_ATTESTATION) else ATTESTATION
    return place.parent, place.name.removesuffix(suffix)


def bundles(folder: Path, what: str) -> dict[HalfClass, tuple[str, bytes]]:
    """Return the bundles that stand in `folder`, as class -> (name, bytes); raises InputError for one not readable."""
    found = {}
    for half, name in zip(HalfClass, names(what), strict=True):
        path = folder / name
        if path.exists() or path.is_symlink():
            found[half] = name, files.read_bytes(path, DEFAULT.document_bytes, follow=False)
    return found


def says(folder: Path, what: str = VSA) -> Mapping[str, str]:
    """Return the digests that a signed verdict names, unverified; none where there is none to read."""
    try:
        name, data = next(iter(bundles(folder, what).values()))
        return as_written(data, name)[1].digests
    except (InputError, StopIteration):
        return {}


def held(folder: Path, about: About, trust: Trust, now: datetime, what: str = VSA) -> Held:
    """Verify the signed verdict in `folder` (its bundles are called `what`) and return it.

    Raises Refused where it does not hold or is about something else; InputError where it is not there, or was given
    under a newer trust than this one.
    """
    found = bundles(folder, what)
    if not found:
        raise InputError("there is no signed verdict", hint="secpipe check --sign IDENTITY --store FOLDER")
    done = verify_verdict(found, trust, Demand(environment=about.environment, purpose=VSA), now)
    signed = done.signed
    try:
        summary = vsa.read(signed.statement.predicate, "the verdict")
    except SecpipeError as error:
        raise Refused(INVALID, error.message, "verdict-malformed") from error
    _check_subject(signed.statement.digests, summary, about)
    if summary.environment != about.environment:
        raise Refused(
            WRONG_PURPOSE,
            f"the verdict is for {printable(summary.environment)}, not for {printable(about.environment)}",
            "other-environment",
        )
    if about.links is not None and summary.links != about.links:
        raise Refused(
            CHANGED, "the symbolic links are not those that were judged", "other-links", hint="check it again"
        )
    if summary.verifier.rpartition("/")[2] != signed.identity.name:
        raise Refused(
            WRONG_PURPOSE,
            f"the verifier {printable(summary.verifier, 200)} is not who signed it, {signed.identity.name}",
            "other-verifier",
        )
    if summary.at > now + _SKEW:
        raise Refused(
            REPLAYED,
            f"the verdict was given at {times.rfc3339(summary.at)}, after now",
            "not-yet-made",
            hint="check the clock",
        )
    _check_trust(summary, trust)
    sentence = _check_documents(folder, summary)
    payload = signed.bundles[0][1].payload
    digest = hashlib.sha256(payload).hexdigest()
    release = signed.statement.digests["dirHash"]
    name, version = signed.statement.name, signed.version.version
    return Held(summary, signed.identity, version, name, digest, folder, sentence, release)


def candidates(where: Path, about: About, trust: Trust, now: datetime) -> Iterator[Held | Broken]:
    """Yield every verdict in the store that bears signatures and stands where those about this release stand."""
    count = 0
    for entry in store.entries(where, environment=about.environment, digest=about.digest):
        if not any((entry.folder / name).exists() for name in names(VSA)):
            continue
        count += 1
        if count > _MAX_OF_ONE:
            raise UnsafeInput(f"the store holds more than {_MAX_OF_ONE:,} verdicts on one release", hint="archive some")
        yield attempt(entry.folder, stamp_of(entry), about, trust, now)


def attempt(folder: Path, stamp: str, about: About, trust: Trust, now: datetime, what: str = VSA) -> Held | Broken:
    """Return the verdict in `folder`, or why it does not hold; whatever goes wrong means that it does not."""
    try:
        return held(folder, about, trust, now, what)
    except SecpipeError as error:
        return Broken(stamp, error)
    except Exception as error:
        return Broken(stamp, TrustError(f"the verdict could not be verified ({type(error).__name__})"))


def stamp_of(entry: Entry) -> str:
    """Return when an entry claims to have been made, as RFC 3339; nothing vouches for it."""
    day, _, clock = entry.name.partition("-")[0].partition("T")
    return f"{day[:4]}-{day[4:6]}-{day[6:]}T{clock[:2]}:{clock[2:4]}:{clock[4:]}"


def newest(found: list[Held]) -> Held:
    """Return the verdict that counts: the newest, and of two given at one time the one that says no."""
    return max(found, key=lambda one: (one.summary.at, not one.summary.passed))


def _check_subject(digests: Mapping[str, str], summary: Summary, about: About) -> None:
    """The verdict names what is asked about by every digest that is known of it."""
    if digests.get("sha256", "") != summary.image:
        raise Refused(INVALID, "the verdict names one image and says that it judged another", "verdict-malformed")
    if about.image and summary.image != about.image:
        raise Refused(
            CHANGED, "the verdict is about another image: its manifest is not the one given here", "other-release"
        )
    if digests["dirHash"] != about.digest:
        raise Refused(
            CHANGED, "the verdict is about another release: its dirHash is not the one given here", "other-release"
        )


def _check_trust(summary: Summary, trust: Trust) -> None:
    """The verdict was given under this root's chain, and not under a newer state than the one known here."""
    judged = summary.trust
    if judged is None:
        raise Refused(INVALID, "the verdict names no trust root", "other-root")
    if judged.root_digest not in trust.pins and judged.root_version <= trust.root_version:
        raise Refused(REPLAYED, "the verdict was given under another trust root", "other-root")
    if judged.root_version > trust.root_version or judged.ring_version > trust.ring_version:
        raise InputError(
            f"the verdict was given under root {judged.root_version} and ring {judged.ring_version}; here are "
            f"{trust.root_version} and {trust.ring_version}", hint="secpipe trust update", code="newer-trust",
        )  # fmt: skip


def _check_documents(folder: Path, summary: Summary) -> str:
    """What stands beside the signed verdict and is named by it must be what was signed; it need not be there.

    Returns the verdict document's sentence, or "".
    """
    sentence = ""
    named = {store.VERDICT: summary.verdict, store.EVIDENCE: summary.evidence}
    named |= {name: digest for name, digest in summary.inputs if name == store.BOM}
    for name, digest in named.items():
        path = folder / name
        if not path.exists() and not path.is_symlink():
            continue
        data = files.read_bytes(path, DEFAULT.document_bytes, follow=False)
        if hashlib.sha256(data).hexdigest() != digest:
            raise Refused(CHANGED, f"{name} is not the one that the verdict was signed with", hint="restore the file")
        if name == store.VERDICT:
            document = parse_json(data, name)
            sentence = printable(str(document.get("sentence", ""))) if isinstance(document, dict) else ""
    return sentence
