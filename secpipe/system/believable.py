"""When results of earlier runs may be believed at all: never in a pull-request job, never from inside what is judged.

Whoever runs code in a job before the gate does can read the key that vouches for kept results. A pull request brings
such code; a push to a protected branch was let in by somebody.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from secpipe.system import places

#: GitHub events that judge what is in the repository already; any other may carry somebody else's change.
_GITHUB = frozenset({"push", "schedule", "workflow_dispatch", "release", "deployment", "create"})
_GITLAB = frozenset({"push", "web", "schedule", "api", "trigger", "pipeline"})
#: Variables that other CI systems set for a change that is not merged yet; "false" and "" say that it is none.
_CHANGE = (
    "CHANGE_ID",  # Jenkins
    "BITBUCKET_PR_ID",
    "CIRCLE_PULL_REQUEST",
    "CIRCLE_PR_NUMBER",
    "TRAVIS_PULL_REQUEST",
    "BUILDKITE_PULL_REQUEST",
    "DRONE_PULL_REQUEST",
    "APPVEYOR_PULL_REQUEST_NUMBER",
    "SYSTEM_PULLREQUEST_PULLREQUESTID",  # Azure Pipelines
    "CI_MERGE_REQUEST_IID",  # GitLab
    "CI_EXTERNAL_PULL_REQUEST_IID",
    "CI_COMMIT_PULL_REQUEST",  # Woodpecker
    "GITHUB_HEAD_REF",
)
#: Variables by which a known system says that it runs this job, and that it sets `_CHANGE` where there is a change.
_KNOWN = (
    "JENKINS_URL", "BITBUCKET_BUILD_NUMBER", "CIRCLECI", "TRAVIS", "BUILDKITE", "DRONE", "APPVEYOR", "TF_BUILD",
)  # fmt: skip
_NO = ("", "0", "false", "False")


def may_carry_a_foreign_change(environ: Mapping[str, str]) -> bool:
    """Whether this may be a job for a change that nobody has let in yet; in a CI system we do not know, it may."""
    if any(environ.get(name, "") not in _NO for name in _CHANGE):
        return True
    if environ.get("GITHUB_ACTIONS", "") not in _NO or "GITHUB_EVENT_NAME" in environ:
        return environ.get("GITHUB_EVENT_NAME") not in _GITHUB
    if environ.get("GITLAB_CI", "") not in _NO:
        return environ.get("CI_PIPELINE_SOURCE") not in _GITLAB
    return environ.get("CI", "") not in _NO and not any(environ.get(name) for name in _KNOWN)


def is_inside(folder: Path) -> bool:
    """Whether the cache, or the home with its key, lies in what is judged, or the other way round."""
    here = folder.resolve()
    return any(
        store.is_relative_to(here) or here.is_relative_to(store)
        for store in (places.home().resolve(), places.cache_folder().resolve())
    )
