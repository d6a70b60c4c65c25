"""The pages for KServe and vLLM: what stands there is taken from them and run; a changed model starts no server."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from secpipe.cli.main import run
from secpipe.core.errors import SecpipeError
from tests import skips

ROOT = Path(__file__).resolve().parents[2]
pytestmark = skips.posix


def block(page: str, begin: str) -> str:
    """The indented block of a page that begins with a line."""
    lines = (ROOT / f"docs/how-to/{page}.md").read_text().splitlines()
    at = next(number for number, line in enumerate(lines) if line.strip().startswith(begin) and line[:4] == "    ")
    end = next((number for number, line in enumerate(lines[at:], at) if line and line[:4] != "    "), len(lines))
    return textwrap.dedent("\n".join(lines[at:end])).strip() + "\n"


def _object(required: tuple[str, ...], **properties: Any) -> dict[str, Any]:
    return {"type": "object", "required": required, "properties": properties, "additionalProperties": False}


WORD = {"type": "string", "minLength": 1}
NAME = {"type": "string", "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", "maxLength": 63}  # RFC 1123 label
#: Of InferenceService (serving.kserve.io/v1beta1) and Container, Volume (Kubernetes core/v1), the fields that we use.
MANIFEST = _object(
    ("apiVersion", "kind", "metadata", "spec"),
    apiVersion={"const": "serving.kserve.io/v1beta1"}, kind={"const": "InferenceService"},
    metadata=_object(("name",), name=NAME),
    spec=_object(("predictor",), predictor=_object(
        ("initContainers", "volumes"),
        initContainers={"type": "array", "minItems": 1, "items": _object(
            ("name", "image"), name=NAME, image={"type": "string", "pattern": "@sha256:[0-9a-f]{64}$"},
            args={"type": "array", "items": WORD},
            volumeMounts={"type": "array", "items": _object(
                ("name", "mountPath"), name=NAME, mountPath={"type": "string", "pattern": "^/[^:]*$"},
                readOnly={"const": True},
            )},
        )},
        volumes={"type": "array", "items": _object(("name",), name=NAME, configMap=_object(("name",), name=NAME))},
    )),
)  # fmt: skip


class World:
    """A signed model and its trust root; `places` puts them where a page has them."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        (folder / "tiny").mkdir()
        (folder / "tiny/config.json").write_text("{}")
        (folder / "tiny/w.safetensors").write_bytes(b"\x02\0\0\0\0\0\0\0{}")
        (folder / "pw").write_text("secret")
        (folder / "pw").chmod(0o600)
        assert run(["keys", "init", "--holder", "ann", "--trust", "keys", "--passphrase-file", "pw"]) == 0
        assert run(["sign", "tiny", "--trust", "keys", "--passphrase-file", "pw"]) == 0
        found = re.search(r"pin: (sha256:[0-9a-f]{64})", capsys.readouterr().out)
        assert found
        self.pin = found[1]

    def places(self, text: str, model: str) -> str:
        """The text with its places and its pin put where they are here."""
        text = text.replace(model, str(self.folder / "tiny")).replace("/etc/secpipe/keys", str(self.folder / "keys"))
        return text.replace("sha256:...", self.pin)

    def spoil(self) -> None:
        (self.folder / "tiny/w.safetensors").write_bytes(b"\x02\0\0\0\0\0\0\0{ }")


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> World:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SECPIPE_HOME", str(tmp_path / "home"))
    return World(tmp_path, capsys)


def test_the_manifest_is_one_and_its_container_stops_a_changed_model(world: World) -> None:
    manifest = yaml.safe_load(block("kserve", "apiVersion:"))
    Draft202012Validator(MANIFEST).validate(manifest)
    predictor = manifest["spec"]["predictor"]
    (container,) = predictor["initContainers"]
    named = {volume["name"] for volume in predictor["volumes"]} | {"kserve-provision-location"}  # KServe makes that one
    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    assert set(mounts) <= named
    words = [word for word in container["args"] if word.startswith("/")]
    assert set(words) == set(mounts.values())  # what the command names is what is mounted
    assert all(mount.get("readOnly") for mount in container["volumeMounts"])
    arguments = [world.places(word, "/mnt/models") for word in container["args"]]
    assert run(arguments) == 0
    world.spoil()
    assert run(arguments) == 1


def test_the_script_starts_the_server_on_what_was_verified_and_on_nothing_else(world: World) -> None:
    """The server needs a GPU: what stands in its place says that it was started, and with what."""
    tools = world.folder / "bin"
    tools.mkdir()
    (tools / "secpipe").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m secpipe "$@"\n')
    (tools / "vllm").write_text('#!/bin/sh\necho "started $*"\n')
    for program in tools.iterdir():
        program.chmod(0o755)
    script = world.folder / "serve.sh"
    script.write_text(world.places(block("vllm", "#!/bin/sh"), "/models/tiny"))
    environment = os.environ | {
        "PATH": f"{tools}:{os.environ['PATH']}",
        "TRUST_PIN": world.pin,
        "PYTHONPATH": str(ROOT),
    }

    def served() -> tuple[int, str]:
        done = subprocess.run(["sh", str(script)], env=environment, capture_output=True, text=True, timeout=120)
        return done.returncode, done.stdout

    code, said = served()
    assert code == 0
    assert f"started serve {world.folder / 'tiny'} --load-format safetensors" in said
    world.spoil()
    code, said = served()
    assert code == 1
    assert "started" not in said


def test_the_lines_of_python_load_nothing_that_was_changed(world: World) -> None:
    lines = world.places(block("vllm", "from secpipe.verify import"), "/models/tiny")
    loaded: list[str] = []
    exec(lines, {"LLM": loaded.append})
    assert loaded == [str(world.folder / "tiny")]
    world.spoil()
    with pytest.raises(SecpipeError, match="not the file that was signed"):
        exec(lines, {"LLM": loaded.append})
    assert len(loaded) == 1


@pytest.mark.parametrize("page", ["kserve", "vllm"])
def test_a_page_names_only_options_that_exist(page: str) -> None:
    text = (ROOT / f"docs/how-to/{page}.md").read_text()
    done = subprocess.run(
        [sys.executable, "-m", "secpipe", "verify", "--help"], capture_output=True, text=True, cwd=ROOT
    )
    ours = [line for line in text.splitlines() if "verify" in line and "--trust" in line]
    assert ours
    for option in re.findall(r"--[a-z-]+", " ".join(ours)):
        assert option in done.stdout, option
