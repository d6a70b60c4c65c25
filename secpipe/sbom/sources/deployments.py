"""Images that compose and Kubernetes files deploy, and the actions that a workflow uses, line by line.

Templates in such files are no YAML yet, so lines are read; a flow mapping holds several on one line.
"""

from __future__ import annotations

import re

from secpipe.core.artifact import FileEntry
from secpipe.core.inventory import Component, ComponentKind, content_ref, declared
from secpipe.formats.packages import purl
from secpipe.formats.words import any_of
from secpipe.sbom.collector import Collector
from secpipe.sbom.sources.dockerfile import image, named

_IMAGE = re.compile(r"""(?:^|[{,])\s*(?:-\s+)?["']?image["']?:\s*(?:"([^"]+)"|'([^']+)'|([^\s"'{},#]+|\S*\$\{\S+))""")
_MANIFEST = re.compile(r"^(?:apiVersion|kind|services):", re.MULTILINE)
_MAY_BE = any_of((b"apiVersion:", b"kind:", b"services:", b"jobs:", b"runs:"))
_VALUE = re.compile(r"\$\{(\w+)(?::?-([^{}]*))?\}")
_WORKFLOW = re.compile(r"^(?:jobs|runs):", re.MULTILINE)
_USES = re.compile(r"""(?:^|[{,])\s*(?:-\s+)?["']?uses["']?:\s*["']?([^\s"'{},#]+)""")
_RUNS_IN = re.compile(_IMAGE.pattern.replace("image", "(?:image|container)"))  # what a job runs in or beside
_ACTION = re.compile(r"([\w.-]+)/([\w.-]+)((?:/[\w.-]+)*)@([\w./-]+)")


def says_nothing(data: bytes) -> bool:
    """Tell whether a YAML file is no compose file, manifest or workflow by its whole content."""
    if not _MAY_BE(data):
        return True
    text = data.decode("utf-8", "replace")
    return not (_MANIFEST.search(text) or _WORKFLOW.search(text))


def read(found: Collector, entry: FileEntry) -> None:
    """Read one YAML file; only a compose file, a Kubernetes manifest or a workflow gives components."""
    text = found.read(entry).decode("utf-8", "replace")
    if _MANIFEST.search(text):
        for number, line in enumerate(text.splitlines(), 1):
            for match in _IMAGE.finditer(line):
                _deployed(found, entry.path, number, next(filter(None, match.groups())))
    if _WORKFLOW.search(text) and (".github/" in entry.path or entry.name.startswith("action.")):
        for number, line in enumerate(text.splitlines(), 1):
            for match in _USES.finditer(line):
                _action(found, match[1], entry.path, number)
            for match in () if _MANIFEST.search(text) else _RUNS_IN.finditer(line):
                if "${{" not in line:
                    _deployed(found, entry.path, number, next(filter(None, match.groups())))


def _deployed(found: Collector, path: str, line: int, text: str) -> None:
    filled = _VALUE.sub(lambda match: match[2] if match[2] is not None else match[0], text)
    if "$" in filled:  # whoever deploys it says which: the component says that there is one
        found.add(image(filled, path, line))
    elif "{{" not in filled and "%" not in filled:
        named(found, filled, path, line)


def _action(found: Collector, text: str, path: str, line: int) -> None:
    """Add what a step uses: it runs where the product is built, and is no part of it."""
    if text.startswith("docker://"):
        named(found, text.removeprefix("docker://"), path, line)
        return
    match = _ACTION.fullmatch(text)
    if match is None:
        if not text.startswith("./"):  # an action of the tree itself is read where it stands
            found.skip(path, f"line {line} uses an action that cannot be told")
        return
    owner, repository, folder, version = match.groups()
    package = purl.make("github", repository.lower(), version, owner.lower(), subpath=folder)
    facts = declared(f"{path}:{line}", {"group": "ci", "scope": "excluded"})
    ref = content_ref(ComponentKind.LIBRARY, "action", text.lower())
    name = f"{owner}/{repository}{folder}"
    found.add(Component(ref, ComponentKind.LIBRARY, name, version, package, path=path, line=line, facts=facts))
