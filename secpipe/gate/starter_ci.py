"""The CI steps that `secpipe init` writes: each gets a pinned secpipe and judges by the protected branch's rules."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from secpipe.core.errors import SecpipeError
from secpipe.core.protocols import Tree
from secpipe.system import files, git, places
from secpipe.system.installed import Source

#: Platform -> (where its step goes, the template).
STEPS = {
    "github": (".github/workflows/secpipe.yml", "github.yml"),
    "gitlab": (".gitlab/secpipe.yml", "gitlab.yml"),
    "jenkins": (".jenkins/secpipe.Jenkinsfile", "jenkins.groovy"),
}
#: What the templates share, by the word that stands for it on a line of its own.
_PARTS = {"GET": "get.sh", "JUDGE": "judge.sh"}
_PART = re.compile(r"^( *)@([A-Z]+)@\n", re.MULTILINE)
_WORD = re.compile(r"@([A-Z]+)@")
_BRANCH = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./-]*")


def platforms(tree: Tree) -> tuple[str, ...]:
    """Return the CI platforms that the tree is set up for, by names alone; GitHub where it is for none."""
    there = {
        "github": any(True for _ in tree.below(".github")),
        "gitlab": tree.find(".gitlab-ci.yml") is not None,
        "jenkins": tree.find("Jenkinsfile") is not None,
    }
    return tuple(name for name, found in there.items() if found) or ("github",)


def branch_of(project: Path) -> str:
    """Return the remote's default branch as the clone knows it, else `main`; a person reads it in the step."""
    try:
        listing = git.git(project, "symbolic-ref", "--quiet", "refs/remotes/origin/HEAD")
    except SecpipeError:
        return "main"
    name = os.fsdecode(listing).strip().removeprefix("refs/remotes/origin/")
    return name if _BRANCH.fullmatch(name) else "main"


def steps(wanted: Collection[str], source: Source, branch: str) -> Iterator[tuple[str, str]]:
    """Yield (path, text) of the steps for the platforms `wanted`; one without a source refuses to run."""
    values = {"SOURCE": source.address, "COMMIT": source.commit, "BRANCH": branch}
    for platform in wanted:
        place, template = STEPS[platform]
        yield place, filled(template, values)


def filled(template: str, values: Mapping[str, str]) -> str:
    """Return a shipped template with its parts and `values` in it; what a value holds is not looked at again."""
    text = _PART.sub(lambda found: _indented(_PARTS[found[2]], found[1]), _read(template))
    return _WORD.sub(lambda found: values[found[1]], text)


def _read(template: str) -> str:
    return files.read_bytes(places.shipped() / "starter" / template, 1 << 20).decode()


def _indented(part: str, indent: str) -> str:
    return "".join(f"{indent}{line}" for line in _read(part).splitlines(keepends=True))
