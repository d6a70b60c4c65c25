"""A repository of several projects: each is judged by itself, and what belongs to none is judged, too."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from secpipe.core.errors import ConfigError
from secpipe.core.text import did_you_mean, plural, printable
from secpipe.gate.origin import Rules, gather_rules, with_tree_policy
from secpipe.gate.policies.policy import Project
from secpipe.gate.request import BUILTIN, REST, Request


class Part(NamedTuple):
    """One project: what is asked of it, and the rules if they are those of the whole repository."""

    request: Request
    rules: Rules | None


class Several(ConfigError):
    """The policy declares projects, and one verdict was asked for all of them."""

    def __init__(self, request: Request, rules: Rules, declared: Sequence[Project]) -> None:
        names = ", ".join(printable(one.name, 60) for one in declared)
        super().__init__(f"the policy declares {plural(len(declared), 'project')}, each with a verdict of its own",
                         hint=f"--project NAME, one of: {names}, {REST}")  # fmt: skip
        self.parts = tuple(_parts(request, rules, declared))


def parts_of(request: Request) -> tuple[Part, ...]:
    """Return what is to be judged: each declared project and what belongs to none, or the whole where none is."""
    rules = gather_rules(request)
    declared = rules.resolve(request).project
    return tuple(_parts(request, rules, declared)) if declared else (Part(request, rules),)


def one(request: Request, name: str) -> Part:
    """Return the declared project `name`, or with `.` what belongs to none; raises ConfigError where there is none."""
    rules = gather_rules(request)
    parts = list(_parts(request, rules, rules.resolve(request).project))
    found = next((part for part in parts if part.request.project == name), None)
    if found is None:
        known = [str(part.request.project) for part in parts]
        hint = did_you_mean(name, known) or (
            f"one of: {', '.join(known)}" if len(known) > 1 else "[[project]] declares one"
        )
        raise ConfigError(f'the policy declares no project "{printable(name, 60)}"', hint=hint)
    return found


def _parts(request: Request, rules: Rules, declared: Sequence[Project]) -> Iterator[Part]:
    """Yield each project in the order of the policy, then the rest; raises ConfigError for a path that is no folder."""
    places = [str(PurePosixPath(project.path)) for project in declared]
    for project, place in zip(declared, places, strict=True):
        folder = request.path / place
        if (
            any(step.is_symlink() for step in (folder, *folder.parents) if step.is_relative_to(request.path))
            or not folder.is_dir()
        ):
            raise ConfigError(f'project "{printable(project.name, 60)}": {printable(place, 200)} is no folder')
        asked = replace(
            _inside(request, place, places), path=folder, name=project.name, project=project.name,
            trust=request.trust or _trust(request.path), repository=request.repository or request.path,
        )  # fmt: skip
        if not project.policy:
            yield Part(asked, with_tree_policy(rules, asked))
        elif project.policy.startswith(BUILTIN):
            yield Part(replace(asked, policy=project.policy, policy_ref=""), None)
        else:
            beside = Path(rules.policy.source).parent / project.policy
            yield Part(replace(asked, policy=str(beside), policy_ref=project.policy_ref), None)
    yield Part(replace(request, exclude=(*request.exclude, *places), project=REST), rules)


def _inside(request: Request, place: str, places: Sequence[str]) -> Request:
    """Return the request with what it leaves out or could not read below `place`, named from there."""
    lead = f"{place}/"
    left = [path.removeprefix(lead) for path in (*request.exclude, *places) if path.startswith(lead)]
    unread = [
        replace(skip, path=skip.path.removeprefix(lead)) for skip in request.not_read if skip.path.startswith(lead)
    ]
    return replace(request, exclude=tuple(left), not_read=tuple(unread))


def _trust(folder: Path) -> Path | None:
    return folder / "keys" if (folder / "keys" / "root").is_dir() else None
