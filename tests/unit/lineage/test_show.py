"""`secpipe lineage show`: real records in a folder, asked by file, digest, name, licence and prompt."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from secpipe.core.errors import EXIT_PASS, EXIT_UNDECIDED
from tests.e2e.transcript import Shell


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    made = Shell(tmp_path, monkeypatch)
    for name in ("base.safetensors", "style.safetensors", "face.safetensors", "bad.txt", "good.txt"):
        (made.cwd / name).write_text(name)
    return made


def record(shell: Shell, name: str, *options: str) -> None:
    (shell.cwd / name).write_text(name)
    code, _, err = shell(" ".join(("secpipe lineage record", name, *options)))
    assert code == 0, err


def ask(shell: Shell, words: str) -> tuple[int, dict[str, Any]]:
    code, out, err = shell(f"secpipe lineage show {words} -f json")
    assert out, err
    return code, json.loads(out)


def recalled(document: dict[str, Any]) -> set[str]:
    return {row["name"] for row in document["down"]["recall"]}


@pytest.fixture
def assets(shell: Shell) -> Shell:
    record(shell, "style.safetensors", "--from base.safetensors", "--input faces@sha256:" + "f" * 64 + ":dataset")
    record(shell, "a.png", "--from base.safetensors --adapter style.safetensors:0.8 --prompt bad.txt --tool comfyui@1")
    record(shell, "b.png", "--from base.safetensors --adapter face.safetensors --prompt good.txt --tool comfyui@2")
    return shell


def test_by_file_digest_name_tool_and_prompt(assets: Shell) -> None:
    code, found = ask(assets, "style.safetensors --down")
    assert (code, recalled(found), found["up"]) == (EXIT_PASS, {"a.png"}, None)
    assert recalled(ask(assets, "f" * 64)[1]) == {"style.safetensors", "a.png"}
    assert recalled(ask(assets, "faces --as dataset")[1]) == {"style.safetensors", "a.png"}
    assert recalled(ask(assets, "comfyui@2 --as tool")[1]) == {"b.png"}
    assert recalled(ask(assets, "bad.txt --as prompt")[1]) == {"a.png"}
    code, found = ask(assets, "a.png --up")
    assert {thing["name"] for thing in found["up"]["things"]} >= {"base.safetensors", "style.safetensors", "faces"}
    assert found["down"] is None


def test_an_erased_prompt_is_found_no_more_and_nothing_else_changes(assets: Shell) -> None:
    assert assets("secpipe lineage erase a.png")[0] == 0
    code, found = ask(assets, "bad.txt --as prompt")
    assert (code, found["found"]) == (EXIT_UNDECIDED, [])
    assert recalled(ask(assets, "style.safetensors")[1]) == {"a.png"}


def test_what_nobody_knows_and_what_cannot_be_read_is_no_clean_answer(assets: Shell) -> None:
    code, found = ask(assets, "good.txt")
    assert code == EXIT_UNDECIDED
    assert "No record knows" in found["sentence"]
    (assets.cwd / "c.derivation.json").write_text('{"_type": "x"}')
    (assets.cwd / "d.derivation.json").symlink_to("a.png.derivation.json")
    code, found = ask(assets, "style.safetensors --down")
    assert code == EXIT_UNDECIDED
    assert {row["place"] for row in found["not_read"]} == {"c.derivation.json", "d.derivation.json"}
    assert recalled(found) == {"a.png"}
    (assets.cwd / "c.derivation.json").unlink()
    (assets.cwd / "d.derivation.json").unlink()
    assert ask(assets, "style.safetensors --down")[0] == EXIT_PASS


def test_what_changes_is_read_again(assets: Shell) -> None:
    assert recalled(ask(assets, "face.safetensors")[1]) == {"b.png"}
    record(assets, "b.png", "--from base.safetensors")
    assert ask(assets, "face.safetensors")[0] == EXIT_UNDECIDED
    assert ask(assets, "face.safetensors --rebuild")[0] == EXIT_UNDECIDED
    (assets.cwd / "a.png.derivation.json").unlink()
    assert recalled(ask(assets, "base.safetensors")[1]) == {"style.safetensors", "b.png"}


def test_an_sbom_adds_releases_and_licences(assets: Shell) -> None:
    import hashlib

    digest = hashlib.sha256(b"style.safetensors").hexdigest()
    component = {
        "type": "machine-learning-model", "name": "style", "bom-ref": "m",
        "hashes": [{"alg": "SHA-256", "content": digest}], "licenses": [{"license": {"name": "NonCommercial"}}],
    }  # fmt: skip
    document = {
        "bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1,
        "metadata": {"component": {"type": "application", "name": "shop", "version": "7", "bom-ref": "r"}},
        "components": [component],
    }  # fmt: skip
    (assets.cwd / "shop.cdx.json").write_text(json.dumps(document))
    assert recalled(ask(assets, "NonCommercial --as license")[1]) == {"style.safetensors", "a.png", "shop 7"}
    assert recalled(ask(assets, "style.safetensors --down")[1]) == {"a.png", "shop 7"}


def test_two_components_of_one_name_are_two(assets: Shell) -> None:
    """A second component that is called alike hides no digest of the first."""
    import hashlib

    digests = [hashlib.sha256(word).hexdigest() for word in (b"style.safetensors", b"another")]
    rows: list[dict[str, Any]] = []
    for digest in digests:
        hashes = [{"alg": "SHA-256", "content": digest}]
        rows.append({"type": "machine-learning-model", "name": "style", "bom-ref": digest, "hashes": hashes})
    rows[0]["licenses"] = [{"license": {"name": "NonCommercial"}}]
    root = {"type": "application", "name": "shop", "version": "7", "bom-ref": "r"}
    document = {"bomFormat": "CycloneDX", "specVersion": "1.6", "metadata": {"component": root}, "components": rows}
    (assets.cwd / "bom.json").write_text(json.dumps(document))
    for digest in digests:
        assert "shop 7" in recalled(ask(assets, f"{digest} --down")[1])
    assert recalled(ask(assets, "NonCommercial --as license")[1]) >= {"a.png", "shop 7"}


def test_every_form_is_written(assets: Shell) -> None:
    for form, begins in (("tree", "style.safetensors"), ("dot", "digraph"), ("html", "<!doctype html>")):
        code, out, _ = assets(f"secpipe lineage show style.safetensors -f {form}")
        assert code == 0
        assert out.startswith(begins)
        assert "a.png" in out


def test_only_signed_records_count_with_a_trust_root(assets: Shell) -> None:
    code, found = ask(assets, "style.safetensors --down")
    assert found["signed"] is False
    (assets.cwd / "pw").write_text("correct horse battery")
    (assets.cwd / "pw").chmod(0o600)
    assert assets("secpipe keys init --holder ann --trust ../keys --passphrase-file pw")[0] == 0
    signed = assets(
        "secpipe lineage record a.png --adapter style.safetensors --sign --trust ../keys --passphrase-file pw"
    )
    assert signed[0] == 0, signed
    code, found = ask(assets, "style.safetensors --down --trust ../keys")
    assert (code, recalled(found), found["signed"]) == (EXIT_PASS, {"a.png"}, True)
    assert recalled(ask(assets, "base.safetensors --down")[1]) == {"style.safetensors", "a.png", "b.png"}
    bundle = next(assets.cwd.glob("a.png.derivation.pqc.att.json"))
    bundle.unlink()
    code, found = ask(assets, "style.safetensors --down --trust ../keys")
    assert (code, found["found"]) == (EXIT_UNDECIDED, [])


def test_an_older_keyring_than_this_machine_has_seen_vouches_for_nothing(assets: Shell) -> None:
    (assets.cwd / "pw").write_text("correct horse battery")
    (assets.cwd / "pw").chmod(0o600)
    words = "--passphrase-file pw"
    assert assets(f"secpipe keys init --holder ann --trust ../keys {words}")[0] == 0
    record(assets, "a.png", f"--from base.safetensors --sign --trust ../keys {words}")
    shutil.copytree(assets.cwd / "../keys", assets.cwd / "../old")
    assert assets("secpipe lineage show base.safetensors --down --trust ../old")[0] == 0
    assert assets(f"secpipe keys add-identity other --purpose signal --trust ../keys {words}")[0] == 0
    for folder, code in (("../keys", 0), ("../old", 1)):
        assert assets(f"secpipe lineage show base.safetensors --down --trust {folder}")[0] == code


def test_a_digest_in_capitals_and_a_tool_of_any_version_are_found(assets: Shell) -> None:
    assert recalled(ask(assets, "SHA256:" + "F" * 64)[1]) == {"style.safetensors", "a.png"}
    assert recalled(ask(assets, "F" * 64)[1]) == {"style.safetensors", "a.png"}
    assert recalled(ask(assets, "comfyui --as tool")[1]) == {"a.png", "b.png"}


def test_many_who_ask_at_once_are_all_answered(assets: Shell, tmp_path: Path) -> None:
    """The first makes the index, the others wait for it: nobody is told to delete what another is writing."""
    for nth in range(300):
        place = assets.cwd / f"a{nth}.png.derivation.json"
        place.write_bytes((assets.cwd / "a.png.derivation.json").read_bytes())
    root = Path(__file__).resolve().parents[3]
    env = os.environ | {"SECPIPE_CACHE": str(tmp_path / "cache"), "PYTHONPATH": str(root)}
    words = [sys.executable, "-m", "secpipe", "lineage", "show", "style.safetensors", "--down", "-f", "json"]
    asking = [
        subprocess.Popen(words, cwd=assets.cwd, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(6)
    ]
    for one in asking:
        out, err = one.communicate()
        assert one.returncode == EXIT_PASS, err
        assert recalled(json.loads(out)) == {"a.png"}


def test_a_name_that_is_no_unicode_is_known_to_no_record(assets: Shell) -> None:
    code, found = ask(assets, "x\udcff")
    assert (code, found["found"]) == (EXIT_UNDECIDED, [])


def test_prompts_are_erased_by_the_path_of_the_record_as_well(assets: Shell) -> None:
    assert "bad.txt" in assets("secpipe lineage reveal a.png.derivation.json")[1]
    assert assets("secpipe lineage erase a.png.derivation.json")[0] == 0
    assert not (assets.cwd / "a.png.prompts.json").exists()
