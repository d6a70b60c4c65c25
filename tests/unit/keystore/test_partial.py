"""One identity that cannot rotate stops no other, is named with its reason, and is foreseen."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from secpipe.core.errors import MissingDependency, SecpipeError
from secpipe.keys.schedule import Schedule
from secpipe.keystore import age, commit
from secpipe.keystore import home as store
from secpipe.keystore.commit import rotate
from secpipe.keystore.custody import file as file_custody
from secpipe.keystore.foresight import obstacles
from secpipe.keystore.trusted import open_folder, open_trust

DAY = timedelta(days=1)
SCHEDULE = Schedule(jitter=timedelta(0))


def absent(project, record):
    (project.home / "keys" / f"{record.id}.json").unlink()


def file_gone(project, record):
    store.write_record(project.home, record.moved((f"file:{'0' * 64}.age",) * 2))


def in_a_variable(project, record):
    store.write_record(project.home, record.moved(("env:NOWHERE", record.custody[1])))


def behind_a_command(project, record):
    store.write_record(project.home, record.moved(("exec:false", record.custody[1])))


def damaged(project, record):
    (project.home / "keys" / f"{record.id}.json").write_text("{}")


def another_passphrase(project, record):
    path = project.home / "keys" / f"{'1' * 64}.age"
    path.write_bytes(age.seal(b"not a key", b"another one"))
    path.chmod(0o600)
    store.write_record(project.home, record.moved((f"file:{path.name}",) * 2))


FORESEEN = (absent, file_gone, in_a_variable, behind_a_command, damaged)


def broken(project, name, how):
    found = open_folder(project.keys, now=None)
    how(project, store.read_record(project.home, found.ring.identity(name).versions[0].id))
    file_custody.forget()
    return found


def run(project, passphrase, at):
    return rotate(project.keys, project.home, SCHEDULE, passphrase, lambda: at)


@pytest.mark.parametrize("how", [*FORESEEN, another_passphrase], ids=lambda how: how.__name__)
@pytest.mark.parametrize("name", ["builder", "verdict"])
def test_the_others_rotate_and_the_one_is_named(project, passphrase, now, how, name):
    found = broken(project, name, how)
    foreseen = obstacles(found, project.home)
    assert list(foreseen) == ([name] if how in FORESEEN else [])
    at = now + 80 * DAY
    outcome = run(project, passphrase, at)
    assert [step.identity for step in outcome.made] == [{"builder": "verdict", "verdict": "builder"}[name]]
    (blocked,) = [step for step in outcome.plan.steps if step.blocked]
    assert blocked.identity == name
    trust = open_trust(project.keys, now=at)
    assert sorted(len(one.versions) for one in trust.identities) == [1, 2]
    with pytest.raises(SecpipeError) as again:  # nothing more can be done: said every night, the ring stays as it is
        run(project, passphrase, at + DAY)
    assert again.value.exit_code == 3 or how in (in_a_variable, behind_a_command)
    assert open_trust(project.keys, now=at + DAY).ring_version == trust.ring_version


def test_a_missing_library_stops_one(project, passphrase, now, monkeypatch):
    real = commit.succeed

    def without(home, old, *rest):
        if old.name == "builder":
            raise MissingDependency("slh-dsa-sha2-128s needs a library", hint="install it")
        return real(home, old, *rest)

    monkeypatch.setattr(commit, "succeed", without)
    outcome = run(project, passphrase, now + 80 * DAY)
    assert [(step.identity, step.blocked) for step in outcome.plan.steps if step.blocked] == [
        ("builder", "slh-dsa-sha2-128s needs a library (install it)")
    ]


def test_where_all_fail_each_is_named_and_nothing_changes(project, passphrase, now):
    for name in ("builder", "verdict"):
        broken(project, name, absent)
    with pytest.raises(SecpipeError, match=r'"builder": .*; "verdict": '):
        run(project, passphrase, now + 80 * DAY)
    assert open_trust(project.keys, now=now + 80 * DAY).ring_version == 1


def test_a_machine_without_the_rotation_key_foresees_nothing(project, now, tmp_path):
    assert obstacles(open_folder(project.keys, now=now), tmp_path / "elsewhere") == {}


def test_the_commands_say_partial_and_foresee(project, tmp_path, monkeypatch, capfdbinary):
    from secpipe.cli.main import run as command
    from secpipe.system.clock import SystemClock

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SECPIPE_HOME", str(project.home))
    (tmp_path / "pw").write_text("correct horse")
    (tmp_path / "pw").chmod(0o600)
    found = broken(project, "verdict", absent)
    at = found.ring.targets.issued
    monkeypatch.setattr(SystemClock, "now", lambda clock: at)
    assert command(["keys", "due"]) == 0
    assert b"will not rotate here: verdict: " in capfdbinary.readouterr().out
    command(["doctor"])
    assert b"rotation of verdict" in capfdbinary.readouterr().out
    monkeypatch.setattr(SystemClock, "now", lambda clock: at + 80 * DAY)
    assert command(["keys", "rotate", "--if-due", "--passphrase-file", "pw", "-f", "json"]) == 3
    document = json.loads(capfdbinary.readouterr().out)
    assert document["changed"] is True
    assert {step["identity"]: bool(step["blocked"]) for step in document["due"]} == {"builder": False, "verdict": True}
    assert command(["keys", "rotate", "--if-due", "--passphrase-file", "pw"]) == 3
