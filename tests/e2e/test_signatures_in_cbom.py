"""`sbom generate --keys` over a real trust root and real signatures: each points to the key that made it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from secpipe.sbom.bom import Document, property_of
from secpipe.sbom.extras import walk
from tests.e2e.transcript import Shell

SIDECARS = {
    "models/tiny/model.sig": ("signature", "models/tiny", "ecdsa-p256"),
    "models/tiny/model.pqc.sig": ("signature", "models/tiny", "ml-dsa-65"),
    "prompt.txt.sig": ("signature", "prompt.txt", "ecdsa-p256"),
    "prompt.txt.pqc.sig": ("signature", "prompt.txt", "ml-dsa-65"),
    "models/tiny.bias.att.json": ("attestation", "", "ecdsa-p256"),
    "models/tiny.bias.pqc.att.json": ("attestation", "", "ml-dsa-65"),
}


def done(shell: Shell, command: str) -> str:
    code, out, err = shell(command)
    assert code == 0, (command, out, err)
    return out


@pytest.fixture
def signed(shell: Shell) -> Shell:
    """A release with a signed model, a signed prompt and an attested test result, made with the commands a user has."""
    folder = shell.cwd / "models/tiny"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text('{"model_type": "llama"}')
    header = b'{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'
    (folder / "model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + b"abcd")
    (shell.cwd / "prompt.txt").write_text("be kind")
    (shell.cwd / "bias.json").write_text('{"result": "PASSED", "configuration": []}')
    (shell.cwd / "pw").write_text("secret")
    (shell.cwd / "pw").chmod(0o600)
    done(shell, "secpipe keys init --holder ann --passphrase-file pw")
    done(shell, "secpipe sign models/tiny prompt.txt --version 1.4.0 --passphrase-file pw")
    done(shell, "secpipe attest models/tiny --type test-result --predicate bias.json --passphrase-file pw")
    return shell


def listed(shell: Shell, more: str = "") -> tuple[Document, dict[str, dict[str, Any]]]:
    """Return the BOM, and its components by the file they are."""
    done(shell, f"secpipe sbom generate . --keys keys -o bom.json {more}")
    document = json.loads((shell.cwd / "bom.json").read_text())
    return document, {str(property_of(item, "secpipe:file")): item for item in walk(document["components"])}


@pytest.mark.parametrize("more", ["", "--spec 1.6", "--files"])
def test_each_signature_points_to_its_key_and_the_key_to_its_algorithm(signed: Shell, more: str) -> None:
    document, files = listed(signed, more)
    refs = [item["bom-ref"] for item in walk(document["components"])]
    assert len(refs) == len(set(refs))
    edges = {row["ref"]: row.get("dependsOn", []) for row in document["dependencies"]}
    for path, (asset, signs, algorithm) in SIDECARS.items():
        item = files[path]
        assert property_of(item, "secpipe:declared:asset") == asset
        assert (property_of(item, "secpipe:declared:signs") or "") == signs
        (key,) = edges[item["bom-ref"]]
        assert key in refs
        assert key == property_of(item, "secpipe:uses") == f"crypto:key/{property_of(item, 'secpipe:declared:keyid')}"
        assert edges[key] == [f"crypto:algorithm/{algorithm}"]
    assert "valid" in done(signed, "secpipe sbom validate bom.json")
    done(signed, "secpipe sbom verify bom.json .")


def test_which_files_a_key_has_signed_is_one_query(signed: Shell) -> None:
    _, files = listed(signed)
    keyid = property_of(files["prompt.txt.sig"], "secpipe:declared:keyid")
    shown = done(signed, f"secpipe sbom query bom.json 'asset=signature and keyid={keyid}'")
    assert [line.split()[-1] for line in shown.splitlines()] == ["models/tiny/model.sig", "prompt.txt.sig"]


def test_a_signature_of_a_stranger_is_listed_and_points_nowhere(signed: Shell) -> None:
    bundle = json.loads((signed.cwd / "prompt.txt.sig").read_text())
    bundle["verificationMaterial"]["publicKey"]["hint"] = "5" * 64
    (signed.cwd / "prompt.txt.sig").write_text(json.dumps(bundle))
    document, files = listed(signed)
    item = files["prompt.txt.sig"]
    assert property_of(item, "secpipe:declared:key-state") == "unknown to the trust root"
    assert not property_of(item, "secpipe:uses")
    assert item["bom-ref"] not in {row["ref"] for row in document["dependencies"] if row.get("dependsOn")}


def test_what_only_looks_like_a_signature_is_said(signed: Shell) -> None:
    (signed.cwd / "prompt.txt.sig").write_bytes(b"-----BEGIN PGP SIGNATURE-----\n")
    code, _, err = signed("secpipe sbom generate . --keys keys -o bom.json")
    assert code == 0
    assert "not analysed: prompt.txt.sig: not listed as a signature: the bundle is not JSON" in err
