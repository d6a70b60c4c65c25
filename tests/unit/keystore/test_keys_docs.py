"""Every command of docs/keys-and-rotation.md is run, in order; the schedulers' files are what their schedulers read."""

from __future__ import annotations

import configparser
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from secpipe.cli.keys import quorum as keys_quorum
from secpipe.cli.main import run
from secpipe.keystore.custody import file as file_custody
from secpipe.system import secrets
from tests import skips

ROOT = Path(__file__).resolve().parents[3]
PAGE = ROOT / "docs/keys-and-rotation.md"
FILES = ROOT / "examples/schedulers"
COMMAND = ["secpipe", "keys", "rotate", "--if-due"]


def commands():
    for block in re.findall(r"```console\n(.*?)```", PAGE.read_text(), re.DOTALL):
        for line in block.splitlines():
            assert line.startswith("$ "), line
            yield line[2:]


def test_every_command_of_the_page_works(tmp_path, monkeypatch, capfdbinary):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(secrets, "prompt", lambda question, confirm=False: b"correct horse")
    monkeypatch.setattr("getpass.getuser", lambda: "alice")
    monkeypatch.setattr(keys_quorum, "confirmed", lambda word="": True)
    pin, count = "", 0
    for line in commands():
        if "$(secpipe trust pin partner)" in line:
            run(["trust", "pin", "partner"])
            line = line.replace("$(secpipe trust pin partner)", capfdbinary.readouterr().out.decode().strip())
        words = shlex.split(line.replace("$(secpipe trust pin)", pin))
        home = words.pop(0).partition("=")[2] if words[0].startswith("SECPIPE_HOME=") else "home"
        may_fail = words[-2:] == ["||", "true"]
        monkeypatch.setenv("SECPIPE_HOME", str(tmp_path / home))
        file_custody.forget()
        code = run(words[1 : -2 if may_fail else None])
        out, err = capfdbinary.readouterr()
        assert code == 0 or (may_fail and code == 1), f"{line}: {err.decode()}"
        if words[1:3] == ["trust", "pin"]:
            pin = out.decode().strip()
        count += 1
    assert count > 25


def test_the_schedule_of_the_page_is_valid(tmp_path):
    from secpipe.keys.schedule import parse_schedule

    (block,) = re.findall(r"```toml\n(.*?)```", PAGE.read_text(), re.DOTALL)
    schedule = parse_schedule(b'schema = "secpipe.rotation/1"\n' + block.encode(), "the page")
    assert [stage.name for stage in schedule.stages] == ["ecdsa-p256+ml-dsa-65", "ml-dsa-65"]


def test_cron():
    (line,) = [line for line in (FILES / "cron").read_text().splitlines() if re.match(r"[0-9*]", line)]
    minute, hour, day, month, weekday, user, command = line.split(maxsplit=6)
    assert minute.isdigit()
    assert minute != "0"  # off the hour, when everybody else runs
    assert all(0 <= int(part) < 24 for part in hour.split(","))
    assert (day, month, weekday, user) == ("*", "*", "*", "secpipe")
    assert shlex.split(command)[3:7] == COMMAND
    assert "%" not in command  # cron would end the command there


def unit(name):
    parser = configparser.RawConfigParser(strict=False)
    parser.optionxform = str
    parser.read_string((FILES / name).read_text())
    return parser


def test_systemd():
    service, timer = unit("secpipe-rotate.service"), unit("secpipe-rotate.timer")
    assert timer["Timer"]["Persistent"] == "true"  # a machine that was off rotates when it comes back
    assert timer["Install"]["WantedBy"] == "timers.target"
    assert service["Service"]["Type"] == "oneshot"
    assert service["Service"]["ExecStart"].split()[1:4] == COMMAND[1:]
    if analyze := shutil.which("systemd-analyze"):
        argv = [analyze, "calendar", timer["Timer"]["OnCalendar"]]
        assert subprocess.run(argv, capture_output=True).returncode == 0


def steps(job):
    return "\n".join(step.get("run", "") for step in job["steps"])


def test_github_actions():
    document = yaml.safe_load((FILES / "github-actions.yml").read_text())
    triggers = document[True]  # YAML 1.1 reads `on` as a boolean
    assert triggers["schedule"][0]["cron"].split()[0] != "0"
    assert document["permissions"] == {}
    assert document["concurrency"]["cancel-in-progress"] is False
    due, rotate = document["jobs"]["due"], document["jobs"]["rotate"]
    for job in (due, rotate):
        for step in job["steps"]:
            assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", step.get("uses", "a/b@" + "0" * 40))
            assert "${{" not in step.get("run", "")  # no expression reaches a shell
    assert "contents" not in {name for name, value in due["permissions"].items() if value == "write"}
    assert "secpipe keys due" in steps(due)
    assert "gh issue create" in steps(due)
    script = steps(rotate)
    assert "self-hosted" in rotate["runs-on"]
    assert "secpipe keys rotate --if-due" in script
    assert "gh pr create" in script
    assert re.findall(r"git push (.*)", script) == ["origin secpipe/rotate-keys"]


def test_kubernetes():
    document = yaml.safe_load((FILES / "kubernetes-cronjob.yaml").read_text())
    spec = document["spec"]
    assert (document["apiVersion"], document["kind"], spec["concurrencyPolicy"]) == ("batch/v1", "CronJob", "Forbid")
    pod = spec["jobTemplate"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert container["command"][:4] == COMMAND
    assert pod["restartPolicy"] == "Never"
    assert "@sha256:" in container["image"]
    mounted = {mount["name"] for mount in container["volumeMounts"]}
    assert mounted == {volume["name"] for volume in pod["volumes"]}


@skips.unless_installed(shutil.which("git"), "no git here")
def test_two_open_rotations_cannot_both_be_merged(project, passphrase, now, tmp_path):
    """Two branches, two rotations: git stops the second merge, and a ring with both halves of it is refused."""
    from datetime import timedelta

    from secpipe.core.errors import SecpipeError
    from secpipe.keys.schedule import Schedule
    from secpipe.keystore.commit import rotate
    from secpipe.keystore.trusted import open_trust

    def git(*argv):
        identity = ("-c", "user.name=x", "-c", "user.email=x@example.com", "-c", "commit.gpgsign=false")
        return subprocess.run(["git", *identity, *argv], cwd=project.keys, capture_output=True).returncode

    git("init", "-q", "-b", "main")
    git("add", "-A")
    git("commit", "-qm", "keys")
    for name, days in (("one", 76), ("two", 77)):
        git("switch", "-qc", name, "main")
        home = tmp_path / name
        shutil.copytree(project.home, home)
        file_custody.forget()
        at = now + timedelta(days=days)
        rotate(project.keys, home, Schedule(jitter=timedelta(0)), passphrase, lambda at=at: at)
        git("add", "-A")
        git("commit", "-qm", name)
    git("switch", "-q", "main")
    assert git("merge", "-q", "one") == 0
    assert git("merge", "-q", "two") != 0
    with pytest.raises(SecpipeError):
        open_trust(project.keys, now=now + timedelta(days=78))
    assert git("merge", "--abort") == 0
    assert open_trust(project.keys, now=now + timedelta(days=78)).ring_version == 2
