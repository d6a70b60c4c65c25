"""What CI runs ends in 1, 2 or 3 for a malicious change, whatever is missing; and the honest change passes."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from secpipe.cli.main import run
from secpipe.keystore import age
from secpipe.system.installed import Source
from tests import skips
from tests.e2e.ci_steps import ACTION, PLATFORMS, ROOT, Job, commit, git, scripts, written
from tests.e2e.test_pull_request import LAX
from tests.e2e.test_pull_request import POLICY as DATED
from tests.unit.keystore.conftest import quick_seal

pytestmark = skips.unless_possible(sys.platform != "win32" and shutil.which("bash"), "the steps are bash")
POLICY = DATED.replace("2027-06-30", "2099-12-31")  # the clock is the real one here
#: `os.system("touch /PWNED")` as a pickle, written by hand; nothing here ever loads it.
PICKLE = b"\x80\x04cos\nsystem\nV/bin/false\n\x85R."
HONEST = {"app.py": "print(1)\n", "requirements.txt": "click==8.1.8\n"}
#: What a pull request adds beside its model: rules of its own, and names that Python would import from the work folder.
MALICIOUS = {"model.pkl": PICKLE, "secpipe-policy.toml": LAX}


class World:
    """The project everybody forks, and a machine of CI that checked a change out."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.upstream = folder / "upstream"
        self.upstream.mkdir(parents=True)
        git(self.upstream, "init", "-q", "-b", "main")
        commit(self.upstream, HONEST)

    def protected(self, **files: str) -> None:
        """Let files into the protected branch."""
        commit(self.upstream, {name.replace("__", "-").replace("_toml", ".toml"): text for name, text in files.items()})

    def job(self, platform: str, change: dict[str, object], **inputs: str) -> Job:
        """Return the job of a fork's change: `origin` is the project it wants to change."""
        project = self.folder / "machine/project"
        if not project.exists():
            git(self.folder, "clone", "-q", str(self.upstream), str(project))
            git(project, "checkout", "-q", "--detach")
            git(project, "branch", "-q", "-D", "main")
            commit(project, change)
        made = Job(platform, self.folder / f"machine/{platform}", project, self.upstream, inputs)
        made.install_ours()
        return made


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def rules(text: str) -> dict[str, str]:
    return {"secpipe__policy_toml": text}


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("base", ["policy", "none"])
def test_a_malicious_change_is_denied_and_an_honest_one_passes(
    world: World, tmp_path: Path, platform: str, base: str
) -> None:
    if base == "policy":
        world.protected(**rules(POLICY))
    done = world.job(platform, MALICIOUS).judge()
    assert done.returncode == 1, done.stdout + done.stderr
    assert "BLOCKED for prod" in done.stdout.splitlines()[0]
    adopting = "by builtin:baseline, as refs/remotes/secpipe/protected has no policy yet"
    assert (adopting in " ".join(done.stdout.splitlines()[:2])) == (base == "none")
    twin = World(tmp_path / "twin")
    if base == "policy":
        twin.protected(**rules(POLICY))
    honest = twin.job(platform, {"app.py": "print(2)\n"} | ({"secpipe-policy.toml": POLICY} if base == "none" else {}))
    done = honest.judge()
    assert done.returncode == 0, done.stdout + done.stderr
    assert "PASS for prod" in done.stdout.splitlines()[0]


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("base", ["policy", "none"])
def test_no_variable_that_is_missing_turns_it(world: World, platform: str, base: str) -> None:
    if base == "policy":
        world.protected(**rules(POLICY))
    job = world.job(platform, MALICIOUS)
    names = tuple(job.variables())
    # Each run costs a second. So what no step reads goes missing together, and without rules in the base only the
    # harshest losses are tried; empty inputs of the action have a test of their own.
    script = scripts(platform)[1]
    read = [name for name in names if name in script]
    done = [job.judge(missing=names), job.judge(**dict.fromkeys(names, ""))]
    if base == "policy":
        done += [job.judge(missing=(name,)) for name in read]
        done += [job.judge(missing=tuple(set(names) - set(read)))]
        done += [job.judge(**{name: ""}) for name in read if platform != "action"]
    for each in done:
        assert each.returncode in (1, 2, 3), each.stdout + each.stderr
        assert "only warns" not in each.stdout


@pytest.mark.parametrize("platform", PLATFORMS)
def test_getting_secpipe_needs_all_that_pins_it(world: World, platform: str, tmp_path: Path) -> None:
    """The first step with each variable missing, no source, no commit, and what is none."""
    job = world.job(platform, MALICIOUS)
    source, pin = stand_in(tmp_path / "source")
    for lost in (tuple(job.variables()), *((name,) for name in job.variables())):
        done = job.run(scripts(platform, Source(source, ""))[0], missing=lost) if platform != "action" else None
        assert done is None or done.returncode == 3, lost
    if platform == "action":
        for lost in ("SOURCE", "RUNNER_TEMP"):
            assert job.run(scripts("action")[0], missing=(lost,)).returncode == 3
        return
    for bad in (Source(), Source(source, "main"), Source(source, pin[:12]), Source("", pin), Source(source, "0" * 40)):
        done = job.run(scripts(platform, bad)[0])
        assert done.returncode == 3, bad
        assert "NOT DECIDED" in done.stderr
        # What an earlier run left is gone; GitLab's step works in a folder of its own.
        assert platform == "gitlab" or not (job.work / "secpipe-venv").exists()
    done = job.run(scripts(platform, Source(source, pin))[0])
    assert (done.returncode, done.stdout) == (0, "installed pinned\n"), done.stderr


def stand_in(folder: Path) -> tuple[str, str]:
    """Return a repository whose pinned commit says so when it is installed, and whose branch has moved on."""
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    script = '#!/bin/sh\nmkdir -p "$2/bin"\necho installed {}\n'
    pin = commit(folder, {"scripts/ci-install.sh": script.format("pinned")})
    commit(folder, {"scripts/ci-install.sh": script.format("something else")})
    return str(folder), pin


@pytest.mark.parametrize("platform", PLATFORMS)
def test_a_base_that_cannot_be_read_is_never_taken_for_one_without_rules(world: World, platform: str) -> None:
    world.protected(**rules(POLICY))
    job = world.job(platform, {"app.py": "print(2)\n"})
    world.upstream.rename(world.upstream.with_name("gone"))
    done = job.judge()
    assert done.returncode == 3
    assert "could not be fetched" in done.stderr


@pytest.mark.parametrize("platform", PLATFORMS)
def test_a_broken_policy_of_the_base_is_not_replaced_by_the_default_one(world: World, platform: str) -> None:
    world.protected(**rules("schema = 1\n"))
    assert world.job(platform, {"app.py": "print(2)\n"}).judge().returncode == 2


def test_the_base_of_a_merge_request_is_the_project_not_the_fork(world: World) -> None:
    """GitLab runs a fork's pipeline in the fork, whose own main may hold any rules."""
    world.protected(**rules(POLICY))
    job = world.job("gitlab", MALICIOUS)
    fork = world.folder / "fork"
    git(world.folder, "clone", "-q", str(world.upstream), str(fork))
    commit(fork, MALICIOUS)
    git(job.project, "remote", "set-url", "origin", str(fork))
    theirs = {"CI_PROJECT_ID": "8"}
    done = job.judge(**theirs)
    assert done.returncode == 1, done.stdout + done.stderr
    for lost in ("CI_PIPELINE_SOURCE", "CI_PROJECT_ID", "CI_MERGE_REQUEST_PROJECT_ID", "CI_MERGE_REQUEST_PROJECT_URL"):
        assert job.judge(missing=(lost,), **{k: v for k, v in theirs.items() if k != lost}).returncode in (1, 3), lost


def test_a_tag_or_a_branch_of_the_change_never_stands_for_the_protected_one(world: World) -> None:
    world.protected(**rules(POLICY))
    job = world.job("github", MALICIOUS)
    for kind in ("refs/tags/main", "refs/heads/main", "refs/remotes/secpipe/protected", "refs/remotes/origin/main"):
        git(job.project, "update-ref", kind, "HEAD")
    git(world.upstream, "fetch", "-q", "--no-tags", str(job.project), "HEAD:refs/tags/main")
    assert job.judge().returncode == 1


@pytest.mark.parametrize("platform", PLATFORMS)
def test_nothing_of_the_project_runs(world: World, platform: str, tmp_path: Path) -> None:
    """Names that `python -m` would import from the work folder, in the installing and in the judging step."""
    mark = tmp_path / "PWNED"
    code = f"open({str(mark)!r}, 'w').close()\n"
    names = ("venv", "pip", "ensurepip", "sitecustomize", "secpipe", "click", "hatchling", "json", "re")
    planted: dict[str, object] = {f"{name}.py": code for name in names}
    planted |= {f"scripts/{name}": f"touch {mark}\n" for name in ("ci-judge.sh", "ci-install.sh", "venv.sh")}
    planted |= {"pip.conf": "[global]\nindex-url = http://127.0.0.1:1/\n", "setup.py": code}
    world.protected(**rules(POLICY))
    job = world.job(platform, planted | MALICIOUS)
    assert job.judge().returncode == 1
    source = Source(str(ROOT), git(ROOT, "rev-parse", "HEAD"))
    if platform == "github":  # the others share its text
        lock_without_network = {"PIP_INDEX_URL": "http://127.0.0.1:1/", "PIP_NO_INDEX": "1", "PIP_RETRIES": "0"}
        done = job.run(scripts(platform, source)[0], **lock_without_network)
        assert done.returncode == 3, done.stdout + done.stderr
    assert not mark.exists()


@pytest.mark.parametrize("platform", PLATFORMS)
def test_what_an_earlier_job_kept_is_never_read(
    world: World, platform: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A fork's job ran on this machine before and could read the key of kept results: it kept a pass for its change."""
    world.protected(**rules(POLICY))
    job = world.job(platform, MALICIOUS)
    home = job.folder / "home"
    cache = poisoned(job.project, home, monkeypatch, tmp_path)
    assert cache() == 0, "the poison must work where it is believed"
    done = job.judge(XDG_CACHE_HOME=str(home / ".cache"), XDG_DATA_HOME=str(home / ".local/share"))
    assert done.returncode == 1, done.stdout + done.stderr
    stores = {"SECPIPE_HOME": str(home / ".local/share/secpipe"), "SECPIPE_CACHE": str(home / ".cache/secpipe")}
    assert job.judge(**stores).returncode == 1


def poisoned(project: Path, home: Path, monkeypatch: pytest.MonkeyPatch, scratch: Path) -> Callable[[], int]:
    """Keep a verdict PASS for the malicious project below `home`, as the product would; return how to ask for it."""
    from datetime import UTC, datetime

    from secpipe.gate import pipeline
    from secpipe.gate.cached import cache
    from secpipe.gate.request import Request
    from secpipe.system import believable
    from secpipe.system.tree import walk

    monkeypatch.setenv("SECPIPE_HOME", str(home / ".local/share/secpipe"))
    monkeypatch.setenv("SECPIPE_CACHE", str(home / ".cache/secpipe"))
    monkeypatch.setattr(believable, "may_carry_a_foreign_change", lambda environ: False)
    monkeypatch.setattr(cache, "may_carry_a_foreign_change", lambda environ: False)
    honest = scratch / "honest"
    honest.mkdir()
    for name, text in HONEST.items():
        (honest / name).write_text(text)
    now = datetime.now(UTC).replace(microsecond=0)
    request = Request(path=project, now=now, policy="builtin:baseline", mode="enforce")
    passed = pipeline.check(Request(path=honest, now=now, policy="builtin:baseline", mode="enforce"))
    assert passed.document["exit_code"] == 0, passed.document["sentence"]
    tree = walk(project)
    cache.keep(request, tree, passed, cache.place_of(request, tree))

    def ask() -> int:
        found = cache.find(request, cache.place_of(request, walk(project)))
        return 9 if found is None else int(found["exit_code"])

    return ask


def test_a_warn_mode_without_an_end_is_refused_in_a_step(world: World) -> None:
    world.protected(**rules(POLICY))
    job = world.job("github", MALICIOUS)
    text = scripts("github")[1]
    assert "--mode enforce" in text
    for words in ("--mode warn", "--mode=warn", "--exit-zero", '--warn-until ""', "--warn-until 2020-01-31"):
        done = job.run(text.replace("--mode enforce", words))
        assert done.returncode in (1, 2, 3), (words, done.stdout)


@pytest.mark.parametrize(("base", "code"), [("policy", 0), ("none", 1)])
def test_a_dated_warn_mode_counts_until_its_day_by_the_rules_of_the_base_only(
    world: World, base: str, code: int
) -> None:
    if base == "policy":
        world.protected(**rules(POLICY))
    script = scripts("github")[1].replace("--mode enforce", "--warn-until 2099-12-31")
    job = world.job("github", MALICIOUS)
    done = job.run(script)
    assert done.returncode == code, done.stdout + done.stderr
    assert ("only warns until 2099-12-31" in done.stdout.splitlines()[0]) == (code == 0)
    assert job.run(script, PROTECTED="").returncode == 2, "without a branch there is nothing to warn by"


def test_a_warn_mode_of_the_base_policy_does_not_reach_ci(world: World) -> None:
    lenient = POLICY.replace("profile =", 'mode = "warn"\nprofile =')
    world.protected(**rules(lenient))
    assert world.job("github", MALICIOUS).judge().returncode == 1


@pytest.mark.parametrize(
    "given",
    [{name: ""} for name in ACTION["inputs"] if name != "sarif"]
    + [{"policy": "secpipe-policy.toml"}, {"policy": "secpipe-policy.toml", "policy-ref": ""}, {"trust": "keys"}]
    + [{"policy-ref": "sha256:" + "0" * 64}, {"warn-until": "2020-01-01"}, {"warn-until": "$(touch x)"}],
    ids=str,
)  # fmt: skip
def test_no_input_of_the_action_lets_it_through(world: World, given: dict[str, str]) -> None:
    world.protected(**rules(POLICY))
    done = world.job("action", MALICIOUS, **given).judge()
    assert done.returncode in (1, 2, 3), done.stdout + done.stderr
    assert "only warns" not in done.stdout


def test_an_unpinned_policy_is_no_pass_even_for_an_honest_change(world: World) -> None:
    world.protected(**rules(POLICY))
    done = world.job("action", {"app.py": "print(2)\n"}, policy="secpipe-policy.toml").judge()
    assert done.returncode == 3, done.stdout + done.stderr


@pytest.mark.parametrize("platform", ["github", "gitlab", "jenkins"])
def test_the_job_always_runs(platform: str) -> None:
    import yaml

    text = written(platform)
    if platform == "jenkins":
        assert "when" not in text.replace("where", "")
        assert text.index("post {") < text.index("ci-judge.sh")
        return
    document = yaml.safe_load(text)
    if platform == "github":
        job = document["jobs"]["check"]
        events = document[True]  # YAML 1.1 reads `on` as a truth value
        assert job["if"] == "always()"
        assert "needs" not in job
        assert not {"continue-on-error", "concurrency"} & set(job)
        assert events["pull_request"] is None, "a filter of paths or branches would skip it"
    else:
        job = document["secpipe"]
        assert (job["rules"], job["allow_failure"], job["needs"]) == ([{"when": "always"}], False, [])
        assert job["inherit"] == {"default": False, "variables": False}
        assert job["cache"] == []


def test_no_step_installs_secpipe_by_a_bare_name() -> None:
    import re

    files = [*(ROOT / "policies/starter").iterdir(), ROOT / "action.yml", *(ROOT / "scripts").glob("*.sh")]
    files += [
        *(ROOT / "examples").rglob("*.yml"),
        *(ROOT / "examples").rglob("*.yaml"),
        ROOT / ".pre-commit-hooks.yaml",
    ]
    named = re.compile(
        r"""(?:pipx?|uv tool|uv pip)[ \t]+install[ \t]+(?:-\S+[ \t]+)*["']?secpipe\b|uvx[ \t]+secpipe\b"""
    )
    found = [str(file.relative_to(ROOT)) for file in files if re.search(named, file.read_text())]
    assert found == []
    assert re.search(named, "pipx install secpipe")
    assert re.search(named, 'pip install --quiet "secpipe[full]==1"')


def test_the_trust_root_of_the_protected_branch_counts(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A signed model passes by the keys of the base; one signed by keys that the change brings along does not."""
    monkeypatch.setattr(age, "seal", quick_seal)
    phrase = tmp_path / "pass"
    phrase.write_text("correct horse\n")
    phrase.chmod(0o600)

    def sign(who: str) -> None:
        monkeypatch.setenv("SECPIPE_HOME", str(tmp_path / who))
        monkeypatch.chdir(job.project)
        for words in (["keys", "init"], ["sign", "model"]):
            assert run([*words, "--trust", "keys", "--passphrase-file", str(phrase)]) == 0

    header = b'{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'
    weights = len(header).to_bytes(8, "little") + header + b"\0" * 4
    world.protected(**rules(POLICY))
    job = world.job("github", {"model/w.safetensors": weights})
    sign("us")
    shutil.copytree(job.project / "keys", world.upstream / "keys")
    world.protected()
    commit(job.project, {})
    done = job.judge()
    assert done.returncode == 0, done.stdout + done.stderr
    shutil.rmtree(job.project / "keys")
    for sidecar in (job.project / "model").glob("*.sig"):
        sidecar.unlink()
    sign("mallory")
    commit(job.project, {})
    assert job.judge().returncode == 1


@pytest.mark.slow
@pytest.mark.parametrize("platform", ["action", "github"])
def test_the_installing_step_installs(world: World, platform: str, tmp_path: Path) -> None:
    """For real, from the package registry, beside a project that tries to be imported; then the other step judges."""
    mark = tmp_path / "PWNED"
    code = f"open({str(mark)!r}, 'w').close()\n"
    planted: dict[str, object] = {f"{name}.py": code for name in ("venv", "pip", "ensurepip", "secpipe", "hatchling")}
    job = world.job(platform, planted)
    source = tmp_path / "source"
    git(tmp_path, "clone", "-q", "--no-hardlinks", str(ROOT), str(source))
    pin = git(source, "rev-parse", "HEAD")
    shutil.rmtree(job.work)
    job.work.mkdir()
    where = {"SOURCE": str(source)} if platform == "action" else {}
    done = job.run(scripts(platform, Source(str(source), pin))[0], **where)
    assert done.returncode == 0, done.stdout + done.stderr
    assert not mark.exists()
    done = job.judge(**where)
    assert done.returncode == 0, done.stdout + done.stderr
    assert not mark.exists()
