"""The examples of examples/guard run: against a real store and real signatures, with the model as judged and changed.

The loaders are stand-ins that make the same call and say what they read: the libraries weigh gigabytes.
"""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from tests.e2e.test_verdict_acts import Pipeline
from tests.e2e.transcript import Shell

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples/guard"
LOADER = """class {name}:
    @classmethod
    def from_pretrained(cls, path, **options):
        assert options["local_files_only"] and options["use_safetensors"]
        weights = path / "model/w.safetensors"
        print("weights", weights.read_bytes()[-4:], weights.stat().st_mode)
"""
SAFETENSORS = """import json
def load(data):
    return json.loads(data[8:8 + int.from_bytes(data[:8], "little")])
"""


class Deployed(Pipeline):
    """A release with a verdict of today, as the environment of a container names it."""

    def __init__(self, shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
        shell.now = datetime.now(UTC).replace(microsecond=0)  # the examples are programs with the real clock
        super().__init__(shell, monkeypatch)
        self.check(0, "staging")
        here = shell.cwd
        (here / "bin").mkdir()
        self.program("secpipe", f'exec "{sys.executable}" -P -m secpipe "$@"')
        for package, text in (
            ("transformers", LOADER.format(name="AutoModelForCausalLM")),
            ("diffusers", LOADER.format(name="DiffusionPipeline")),
            ("safetensors/numpy", SAFETENSORS),
        ):
            (here / "lib" / package).parent.mkdir(parents=True, exist_ok=True)
            (here / f"lib/{package}.py").write_text(text)
        self.environment = {
            **os.environ, "MODEL": str(self.tree), "VERDICTS": str(here / "verdicts"), "TRUST": str(here / "keys"),
            "TRUST_PIN": self.trust_pin, "POLICY_REF": self.policy_pin, "ENVIRONMENT": "staging",
            "COPY": str(here / "copy"), "PYTHONPATH": f"{ROOT}:{here / 'lib'}",
            "PATH": f"{here / 'bin'}:{os.environ['PATH']}",
        }  # fmt: skip

    def program(self, name: str, text: str) -> Path:
        """Put a program on the path."""
        place = self.shell.cwd / "bin" / name
        place.write_text(f"#!/bin/sh\n{text}\n")
        place.chmod(0o755)
        return place

    def example(self, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Run an example."""
        return subprocess.run(
            words, env=self.environment | more, cwd=self.shell.cwd, capture_output=True, text=True, timeout=60
        )

    def change(self) -> None:
        """Change a byte of the weights."""
        weights = self.tree / "model/w.safetensors"
        weights.write_bytes(weights.read_bytes()[:-1] + b"\1")


@pytest.fixture
def deployed(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> Deployed:
    return Deployed(shell, monkeypatch)


@pytest.mark.parametrize("name", ["transformers_model", "diffusers_pipeline", "safetensors_bytes"])
def test_a_program_loads_what_was_judged_and_nothing_else(deployed: Deployed, name: str) -> None:
    done = deployed.example(sys.executable, "-P", str(EXAMPLES / f"{name}.py"))
    assert done.returncode == 0, done.stderr
    assert "model/w.safetensors ['w']" in done.stdout or "weights b'\\x00\\x00\\x00\\x00' 33024" in done.stdout
    deployed.change()
    done = deployed.example(sys.executable, "-P", str(EXAMPLES / f"{name}.py"))
    assert done.returncode == 1
    assert "Undecided: NOT DECIDED for staging: there is no signed verdict" in done.stderr
    assert "weights" not in done.stdout


def test_the_server_starts_on_the_copy_and_not_on_a_changed_model(deployed: Deployed) -> None:
    deployed.program("vllm", 'echo "$@"')
    done = deployed.example(str(EXAMPLES / "vllm.sh"))
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"serve {deployed.shell.cwd / 'copy'} --load-format safetensors")
    deployed.change()
    done = deployed.example(str(EXAMPLES / "vllm.sh"), COPY=str(deployed.shell.cwd / "other"))
    assert (done.returncode, done.stdout) == (3, "")


def test_the_storage_initializer_leaves_no_model_without_a_verdict(deployed: Deployed) -> None:
    initializer = deployed.program("fetch", 'mkdir -p "$2" && cp -R "$1/." "$2"')
    target = deployed.shell.cwd / "mnt"
    words = (str(EXAMPLES / "kserve/initializer-entrypoint"), str(deployed.tree), str(target))
    done = deployed.example(*words, INITIALIZER=str(initializer))
    assert done.returncode == 0, done.stderr
    assert (target / "app.py").exists()
    deployed.change()
    done = deployed.example(*words, INITIALIZER=str(initializer))
    assert done.returncode == 3
    assert list(target.iterdir()) == []


def test_the_container_of_the_initializer_is_what_kserve_reads() -> None:
    document = yaml.safe_load((EXAMPLES / "kserve/clusterstoragecontainer.yaml").read_text())
    assert (document["apiVersion"], document["kind"]) == ("serving.kserve.io/v1alpha1", "ClusterStorageContainer")
    assert {next(iter(one)) for one in document["spec"]["supportedUriFormats"]} <= {"prefix", "regex"}
    assert "@sha256:" in document["spec"]["container"]["image"]
    assert {one["name"] for one in document["spec"]["container"]["env"]} == {
        "VERDICTS", "TRUST", "TRUST_PIN", "POLICY_REF",
    }  # fmt: skip
