"""Skills and plugins as artifacts: which folder each is, which files it brings, under which purpose it is signed."""

from __future__ import annotations

from collections.abc import Iterator

from secpipe.core.shape import texts
from secpipe.gate.facts import listing
from secpipe.gate.ruling import Situation
from secpipe.sign.sidecars import SIDECARS, is_sidecar

_MANIFESTS = (".claude-plugin/plugin.json", "gemini-extension.json")


def packs(situation: Situation) -> dict[str, str]:
    """Return folder -> purpose (`skill`, `plugin`) of what an agent is given as a folder; "" is the project."""
    found: dict[str, str] = {}
    for kind, path, _ in _items(situation):
        if kind == "skill":
            found.setdefault(path.rpartition("/")[0], "skill")
        elif kind == "plugin":
            named = next((name for name in _MANIFESTS if path == name or path.endswith(f"/{name}")), "")
            if named:
                found[path.removesuffix(named).rstrip("/")] = "plugin"
    return found


def pack_of(situation: Situation, path: str) -> tuple[str, str]:
    """Return (folder, purpose) of the skill or plugin that a file is to be signed with, or ("", "")."""
    cover = situation.policy.signatures.cover
    for folder, purpose in sorted(packs(situation).items(), key=lambda one: -len(one[0])):
        if f"{purpose}s" in cover and (not folder or path.startswith(f"{folder}/")):
            return folder or ".", purpose
    return "", ""


def files_of(situation: Situation, kind: str) -> set[str]:
    """Return the files of all `skills` or `plugins`; bundles that sign them are none."""
    if kind == "skills":
        brought = {path for what, own, files in _items(situation) if what == "skill" for path in (own, *files)}
        return {path for path in brought if not is_sidecar(path)}
    roots = [folder for folder, purpose in packs(situation).items() if purpose == "plugin"]
    return {
        path for path in (situation.paths if roots else ())
        if any(not root or path.startswith(f"{root}/") for root in roots) and not is_sidecar(path)
    }  # fmt: skip


def signed_by(situation: Situation, covered: dict[str, str]) -> dict[str, str]:
    """Return path -> signer of files that a signature made for such things covers, its own bundles among them.

    A key for documents or policies is nobody's publisher.
    """
    found: dict[str, str] = {}
    for fact in listing(situation.of("signatures"), "artifacts"):
        if fact.get("verified") is not True or fact.get("purpose", "file") not in {"skill", "plugin", "file", "model"}:
            continue
        who, place = str(fact.get("identity")), str(fact.get("path", ""))
        folder = fact.get("kind") == "model"
        found |= {
            path: who for path, signer in covered.items()
            if signer == who and (path == place or (folder and (not place or path.startswith(f"{place}/"))))
        }  # fmt: skip
        if folder:
            found |= {f"{place}/{name}".lstrip("/"): who for name in SIDECARS[:2]}
    return found


def _items(situation: Situation) -> Iterator[tuple[str, str, list[str]]]:
    for item in listing(situation.of("agents"), "items"):
        yield str(item.get("kind")), str(item.get("path")), list(texts(item.get("files")))
