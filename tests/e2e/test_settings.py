"""Options from the user's own file and environment: below the command line, and never out of what is judged."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from secpipe.cli.config.settings import NEVER, OPTIONS, variable
from secpipe.core.errors import EXIT_DENY, EXIT_PASS, EXIT_USAGE
from tests import skips

ROOT = Path(__file__).resolve().parents[2]
STRICT = 'schema = "secpipe.policy/1"\nname = "own"\nowner = "me"\nexpires = 2035-12-31\nprofile = ["baseline"]\n'
LOOSE = STRICT.replace('profile = ["baseline"]\n', 'mode = "warn"\n')


class World:
    """A folder with a project, a home and a configuration folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.app, self.own = folder, folder / "app", folder / "config/secpipe/config.toml"
        self.app.mkdir()
        (self.app / "main.py").write_text("from openai import OpenAI\nOpenAI()\n")
        self.own.parent.mkdir(parents=True)
        (folder / "loose.toml").write_text(LOOSE)
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("SECPIPE_")}
        self.environment |= {"SECPIPE_HOME": str(folder / "home"), "XDG_CONFIG_HOME": str(folder / "config")}
        self.environment |= {"SECPIPE_CACHE": str(folder / "cache"), "PYTHONPATH": str(ROOT)}

    def settings(self, text: str) -> None:
        self.own.write_text(f'schema = "secpipe.config/1"\n{text}\n')
        self.own.chmod(0o600)

    def run(self, *words: str, cwd: Path | None = None, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "secpipe", *words], cwd=cwd or self.folder, env=self.environment | variables,
            capture_output=True, text=True,
        )  # fmt: skip

    def check(self, *words: str, cwd: Path | None = None, **variables: str) -> tuple[int, dict[str, Any]]:
        done = self.run("check", str(self.app), "-f", "json", *words, cwd=cwd, **variables)
        return done.returncode, json.loads(done.stdout) if done.stdout else {"error": done.stderr}


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_the_file_sets_a_variable_wins_and_the_command_line_wins_over_both(world: World) -> None:
    pin = world.run("policy", "pin", str(world.folder / "loose.toml")).stdout.strip()
    world.settings(f'policy = "{world.folder}/loose.toml"\npolicy-ref = "{pin}"\nenv = "staging"')
    code, document = world.check()
    assert (code, document["environment"], document["mode"]) == (EXIT_PASS, "staging", "warn")
    (world.folder / "own.toml").write_text(STRICT)
    strict = world.run("policy", "pin", str(world.folder / "own.toml")).stdout.strip()
    own = {"SECPIPE_ENV": "dev", "SECPIPE_POLICY": str(world.folder / "own.toml"), "SECPIPE_POLICY_REF": strict}
    code, document = world.check(**own)
    assert (code, document["environment"]) == (EXIT_DENY, "dev")
    words = ("--env", "prod", "--policy", str(world.folder / "loose.toml"), "--policy-ref", pin)
    code, document = world.check(*words, **own)
    assert (code, document["environment"]) == (EXIT_PASS, "prod")
    assert world.check(SECPIPE_CONFIG="off")[1]["environment"] == "prod"


def test_a_pin_of_the_file_holds(world: World) -> None:
    world.settings(f'policy = "{world.folder}/loose.toml"\npolicy-ref = "sha256:{"0" * 64}"')
    code, document = world.check()
    assert code == EXIT_DENY
    assert "is not the pinned one" in document["error"]


@pytest.mark.parametrize("name", NEVER)
def test_what_a_person_decides_is_read_from_neither(world: World, name: str) -> None:
    assert name not in OPTIONS
    plain = world.check()[1]
    value = {"at": "2020-01-01", "mode": "warn", "warn-until": "2035-01-01", "exclude": "main.py"}.get(name, "1")
    code, document = world.check(**{variable(name): value})
    assert (code, document["mode"], document["left_out"]) == (EXIT_DENY, plain["mode"], plain["left_out"])
    assert variable(name) in world.run("config", "show", **{variable(name): value}).stdout
    world.settings(f'{name} = "{value}"')
    assert world.run("check", str(world.app)).returncode == EXIT_USAGE


PLANTS = {
    ".env": "SECPIPE_POLICY={loose}\nSECPIPE_CONFIG=\n",
    ".envrc": "export SECPIPE_POLICY={loose}\n",
    "config.toml": 'schema = "secpipe.config/1"\npolicy = "{loose}"\n',
    "secpipe/config.toml": 'schema = "secpipe.config/1"\npolicy = "{loose}"\n',
    ".config/secpipe/config.toml": 'schema = "secpipe.config/1"\npolicy = "{loose}"\n',
    ".secpipe.toml": 'policy = "{loose}"\n',
    "secpipe.toml": 'policy = "{loose}"\n',
    "pyproject.toml": '[tool.secpipe]\npolicy = "{loose}"\nmode = "warn"\n',
    "setup.cfg": "[secpipe]\nmode = warn\n",
}


@pytest.mark.parametrize("place", PLANTS)
def test_nothing_in_the_tree_sets_an_option(world: World, place: str) -> None:
    planted = world.app / place
    planted.parent.mkdir(parents=True, exist_ok=True)
    planted.write_text(PLANTS[place].format(loose=world.folder / "loose.toml"))
    code, document = world.check(cwd=world.app)
    assert (code, document["mode"], document["policy"]["name"]) == (EXIT_DENY, "enforce", "baseline")


@skips.posix
@pytest.mark.parametrize("how", ["home is the checkout", "a link into it", "below its git work tree"])
def test_a_file_that_lies_in_what_is_judged_is_refused(world: World, how: str) -> None:
    inside = (world.folder if how == "below its git work tree" else world.app) / ".config/secpipe/config.toml"
    inside.parent.mkdir(parents=True)
    inside.write_text(f'schema = "secpipe.config/1"\npolicy = "{world.folder}/loose.toml"\n')
    if how == "below its git work tree":
        (world.folder / ".git").mkdir()
    if how == "a link into it":
        world.own.symlink_to(inside)
        done = world.run("check", str(world.app))
    else:
        done = world.run("check", str(world.app), XDG_CONFIG_HOME=str(inside.parents[1]))
    assert done.returncode == EXIT_USAGE
    assert "lies in what is judged" in done.stderr


@skips.posix
@pytest.mark.parametrize(
    ("text", "mode", "said"),
    [('policy = "loose.toml"', 0o600, "relative path"), ('polcy = "x"', 0o600, 'did you mean "policy"'),
     ("policy = true", 0o600, "is no text"), ('env = "dev"', 0o622, "written by others"),
     ('env = "dev"\nenv = "x"', 0o600, ""), ("x" * 70_000, 0o600, "")],
)  # fmt: skip
def test_a_file_that_cannot_be_meant_ends_with_2(world: World, text: str, mode: int, said: str) -> None:
    world.settings(text)
    world.own.chmod(mode)
    done = world.run("check", str(world.app))
    assert done.returncode == EXIT_USAGE
    assert said in done.stderr


def test_commands_that_change_something_take_nothing_from_it(world: World) -> None:
    (world.folder / "mine.toml").write_text(STRICT)
    before = (world.folder / "loose.toml").read_bytes()
    world.run(
        "waive", "0123456789abcdef0123", "--owner", "x", "--reason", "y", "--expires", "2035-01-01",
        SECPIPE_POLICY=str(world.folder / "loose.toml"),
    )  # fmt: skip
    assert (world.folder / "loose.toml").read_bytes() == before


def test_the_origin_of_each_is_shown(world: World) -> None:
    world.settings(f'policy = "{world.folder}/loose.toml"')
    done = world.run("config", "show", "--origin", SECPIPE_ENV="dev")
    rows = {line.split()[0]: line for line in done.stdout.splitlines()}
    assert rows["policy"].endswith(f"from {world.own}")
    assert rows["env"].endswith("dev  from SECPIPE_ENV")
    assert rows["trust"].endswith("(not set)  from default")
    assert rows["home"].endswith("from SECPIPE_HOME")
    found = json.loads(world.run("config", "show", "-f", "json", SECPIPE_ENV="dev", SECPIPE_MODE="warn").stdout)
    schema = json.loads((ROOT / "policies/schema/settings.schema.json").read_text())
    Draft202012Validator(schema).validate(found)
    assert [one["variable"] for one in found["not_read"]] == ["SECPIPE_MODE"]
    assert {one["name"]: one["origin"] for one in found["options"]}["env"] == "SECPIPE_ENV"


def test_the_step_of_ci_reads_none() -> None:
    """Whoever starts a pipeline can set its variables."""
    assert "SECPIPE_CONFIG=off" in (ROOT / "scripts/ci-judge.sh").read_text()
