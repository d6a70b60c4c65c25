"""Who signs x who verifies, found out by running both sides. Prints the table that stands in docs/interop.md.

    python -m tests.interop.matrix

A cell is `yes` only if the verifier accepts the artifact, and refuses it once a bit of it or of the signature changed.
"""

from __future__ import annotations

import importlib.util
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from secpipe.core.evidence import State
from secpipe.sign.legacy import verify_legacy
from secpipe.sign.oci import sign_image, verify_image, verify_image_legacy
from secpipe.system.tree import open_tree
from tests.interop import others, registries
from tests.unit.sign.world import NOW, World, make_identity, make_key, make_trust

IMAGE = ("registry", "oras")
VERIFIERS = ("secpipe hybrid", "secpipe legacy", "cosign", "model_signing", "openssl")


@dataclass(frozen=True)
class Cell:
    """One meeting: `run(folder)` returns "" if good is accepted and bad refused, else what went wrong."""

    signer: str
    verifier: str
    run: Callable[[Path], str]
    needs: tuple[str, ...] = ()

    @property
    def missing(self) -> str:
        """Which program is not here, or nothing."""
        for name in self.needs:
            if name == "registry":
                if registries.find() is None:
                    return registries.WHY_NOT
            elif name == "oras":
                if importlib.util.find_spec("oras") is None:
                    return "the package oras is not installed"
            elif others.find(name) is None:
                return others.why_not(name)
        return ""


def outcome(good: bool, bad: bool) -> str:
    """Return "" or the complaint."""
    if not good:
        return "refused a good signature"
    return "accepted a bad one" if bad else ""


def flip(path: Path) -> None:
    """Change one byte."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))


def break_signature(bundle: Path) -> None:
    """Change one bit of the signature in a bundle, leaving it well formed."""
    from secpipe.sign import bundle as bundles

    half = bundles.decode(bundle.read_bytes(), bundle.name)
    bad = bytearray(half.signature)
    bad[len(bad) // 2] ^= 1
    bundle.write_bytes(bundles.encode(half.payload, bytes(bad), half.hint))


def world(folder: Path, form: str) -> World:
    """Return an artifact signed by a fresh hybrid key."""
    made = World(folder, form)
    return made.sign()


def _hybrid(form: str) -> Callable[[Path], str]:
    def run(folder: Path) -> str:
        made = world(folder, form)
        good = made.verify().state is State.OK
        flip(made.path / "config.json" if form == "directory" else made.path)
        return outcome(good, made.verify().state is State.OK)

    return run


def _cosign(form: str) -> Callable[[Path], str]:
    def run(folder: Path) -> str:
        made = world(folder, form)
        pem = made.key.version.halves[0].pem
        good = others.cosign_verifies(made.classical, pem, folder)
        wrong = others.cosign_verifies(made.classical, pem, folder, "0" * 64)
        break_signature(made.classical)
        return outcome(good, wrong or others.cosign_verifies(made.classical, pem, folder))

    return run


def _model_signing(folder: Path) -> str:
    made = world(folder, "directory")
    pem = made.key.version.halves[0].pem
    good = others.model_signing_verifies(made.path, pem, folder)
    flip(made.path / "config.json")
    return outcome(good, others.model_signing_verifies(made.path, pem, folder))


def _openssl(form: str, half: int) -> Callable[[Path], str]:
    def run(folder: Path) -> str:
        made = world(folder, form)
        bundle, pem = (made.classical, made.pq)[half], made.key.version.halves[half].pem
        good = others.openssl_verifies(bundle, pem, folder)
        break_signature(bundle)
        return outcome(good, others.openssl_verifies(bundle, pem, folder))

    return run


def _legacy(artifact: Path, spoil: Path, pem: bytes, bundle: Path | None) -> str:
    def accepted() -> bool:
        evidence = verify_legacy(
            artifact, open_tree(artifact), pem, reason="interoperability", bundle=bundle, now=datetime.now(UTC)
        )
        return evidence.state is State.OK

    good = accepted()
    flip(spoil)
    return outcome(good, accepted())


def _from_model_signing(folder: Path) -> str:
    model = folder / "model-dir"
    (model / "sub").mkdir(parents=True)
    (model / "sub" / "w.bin").write_bytes(b"weights")
    (model / "a.json").write_text("{}")
    pem = others.model_signing_signs(model, folder)
    return _legacy(model, model / "a.json", pem, None)


def _from_cosign(*, attest: bool) -> Callable[[Path], str]:
    def run(folder: Path) -> str:
        file = folder / "prompt.txt"
        file.write_text("be kind")
        pem = others.cosign_signs(file, folder / "bundle.json", folder, attest=attest)
        return _legacy(file, file, pem, folder / "bundle.json")

    return run


def _image_hybrid(folder: Path) -> str:
    key, stranger = make_key(), make_key()
    with registries.serving(folder) as host:
        image = registries.push(host, b"weights")
        sign_image(image, key.signers, key.version, now=NOW)
        judged = [verify_image(image, make_trust(make_identity("b", who)), now=NOW) for who in (key, stranger)]
    return outcome(*(evidence.state is State.OK for evidence in judged))


def _image_cosign(folder: Path) -> str:
    key, stranger = make_key(), make_key()
    with registries.serving(folder) as host:
        image = registries.push(host, b"weights")
        sign_image(image, key.signers, key.version, now=NOW)
        pems = [who.version.halves[0].pem.encode() for who in (key, stranger)]
        return outcome(*(others.cosign_verifies_image(image, pem, folder) for pem in pems))


def _image_from_cosign(folder: Path) -> str:
    with registries.serving(folder) as host:
        image = registries.push(host, b"weights")
        keys = [others.cosign_signs_image(image, folder), others.new_key()[1]]
        judged = [verify_image_legacy(image, pem, reason="interoperability") for pem in keys]
    return outcome(*(evidence.state is State.OK for evidence in judged))


CELLS = (
    Cell("secpipe model", "secpipe hybrid", _hybrid("directory")),
    Cell("secpipe model", "cosign", _cosign("directory"), ("cosign",)),
    Cell("secpipe model", "model_signing", _model_signing, ("model_signing",)),
    Cell("secpipe model", "openssl", _openssl("directory", 1), ("openssl",)),
    Cell("secpipe file", "secpipe hybrid", _hybrid("file")),
    Cell("secpipe file", "cosign", _cosign("file"), ("cosign",)),
    Cell("secpipe file", "openssl", _openssl("file", 1), ("openssl",)),
    Cell("secpipe image", "secpipe hybrid", _image_hybrid, IMAGE),
    Cell("secpipe image", "cosign", _image_cosign, (*IMAGE, "cosign")),
    Cell("model_signing model", "secpipe legacy", _from_model_signing, ("model_signing",)),
    Cell("cosign sign-blob", "secpipe legacy", _from_cosign(attest=False), ("cosign",)),
    Cell("cosign attest-blob", "secpipe legacy", _from_cosign(attest=True), ("cosign",)),
    Cell("cosign image", "secpipe legacy", _image_from_cosign, (*IMAGE, "cosign")),
)


def main() -> int:
    """Print the matrix; return 1 if two sides do not meet that should."""
    told: dict[tuple[str, str], str] = {}
    notes = []
    for cell in CELLS:
        if cell.missing:
            told[cell.signer, cell.verifier] = "not run"
            notes.append(cell.missing)
            continue
        with tempfile.TemporaryDirectory() as folder:
            problem = cell.run(Path(folder))
        told[cell.signer, cell.verifier] = f"NO: {problem}" if problem else "yes"
    print(f"| signed by | {' | '.join(VERIFIERS)} |\n|{'---|' * (len(VERIFIERS) + 1)}")
    for signer in dict.fromkeys(cell.signer for cell in CELLS):
        print(f"| {signer} | {' | '.join(told.get((signer, verifier), '-') for verifier in VERIFIERS)} |")
    for note in dict.fromkeys(notes):
        print(f"not run: {note}")
    return 1 if any(word.startswith("NO") for word in told.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
