"""Prompts and chat templates: text that steers a model is part of the release, hashed like its weights."""

from __future__ import annotations

import dataclasses
import hashlib
import re
from collections.abc import Callable

from secpipe.core.artifact import Digest, FileEntry
from secpipe.core.errors import InputError
from secpipe.core.inventory import Component, ComponentKind, Fact, content_ref, declared, verified
from secpipe.core.paths import is_installed
from secpipe.formats import codeowners
from secpipe.formats import prompts as formats
from secpipe.sbom.attestations import is_attestation
from secpipe.sbom.collector import Collector
from secpipe.sbom.sources.weights import is_pointer

FOLDERS = {"prompts", "prompt", "prompt_templates", "prompt-templates", "system_prompts", "system-prompts"}
ENDINGS = {".prompt", ".prompty", ".jinja", ".jinja2", ".j2", ".mustache", ".hbs"}
_TEXT = {".txt", ".md", ".yaml", ".yml", ".json", ".toml", ".xml", ".tmpl", ""}
_NAME = re.compile(
    r"(?:^|[._-])(?:system[._-]?prompts?|prompts?|prompt[._-]?templates?|chat_template)(?:[._-]|$)", re.I
)
#: Folders of pages for people: there a page is a prompt only where its whole name says so.
_PROSE = {"docs", "doc", "documentation", "blog", "website", "wiki"}
_WHOLE = re.compile(r"(?:^|[._-])prompts?(?:[._-]v?\d+)?\.md$", re.I)
_NOT = ("README", "CHANGELOG", "LICENSE", "LICENCE", "NOTICE", "CONTRIBUTING")
ALWAYS = {".prompt", ".prompty"}


def is_prompt(entry: FileEntry) -> bool:
    """Tell whether a file holds a prompt: by its ending, its folder, or its name."""
    if entry.suffix in ALWAYS or entry.name.startswith("chat_template."):
        return entry.suffix != ".json"
    if entry.suffix not in ENDINGS | _TEXT or entry.name.startswith(_NOT):
        return False
    folders = {part.lower() for part in entry.path.split("/")[:-1]}
    if folders & FOLDERS:
        return True
    if entry.suffix == ".md" and folders & _PROSE and not _WHOLE.search(entry.name):
        return False  # a page about prompts
    return bool(_NAME.search(entry.name)) and entry.suffix not in {".toml", ".xml", ""}


def takes(entry: FileEntry) -> bool:
    """Tell whether this source answers for a file."""
    return is_prompt(entry) and not (is_pointer(entry) or is_installed(entry.path) or is_attestation(entry))


def read_all(found: Collector) -> None:
    """Add a component for every prompt file of the tree: what it says of itself, and who owns it by CODEOWNERS."""
    owners = _owners(found)
    for entry in found.files:
        if takes(entry):
            said = _said(found, entry)
            facts = declared(entry.path, {"prompt-id": said.id, "owner": said.owner})
            found.add(
                Component(
                    content_ref(ComponentKind.PROMPT, entry.path, entry.sha256),
                    ComponentKind.PROMPT,
                    entry.name,
                    version=said.version,
                    path=entry.path,
                    digests=(Digest("sha256", entry.sha256),),
                    facts=owners(entry.path) | facts | verified(entry.path, {"size": str(entry.size)}),
                )
            )


def _said(found: Collector, entry: FileEntry) -> formats.Told:
    try:
        return formats.told(entry.name, found.read(entry)) if entry.size <= formats.MOST else formats.Told()
    except InputError:  # it is hashed, and says nothing of itself
        return formats.Told()


def notebook(found: Collector, entry: FileEntry, document: object) -> None:
    """Add the cells of a notebook that are tagged as prompts; the digest is over the text of the cell alone."""
    cells = formats.cells(document)
    owners = _owners(found) if cells else None
    for cell in cells:
        made = template(cell.id, cell.text, entry.path)
        facts = verified(entry.path, {"prompt-id": cell.id, "size": str(len(cell.text))})
        facts |= owners(entry.path) if owners else {}
        found.add(dataclasses.replace(made, name=f"{entry.name}#{cell.id}", direct=True, facts=facts))


def _owners(found: Collector) -> Callable[[str], dict[str, Fact]]:
    """Return who owns a file by the CODEOWNERS of the tree, as its fact `owner`."""
    entry = next(filter(None, map(found.tree.find, codeowners.PLACES)), None)
    if entry is None or entry.size > codeowners.MAX_BYTES:
        return lambda path: {}
    rules = codeowners.parse(found.tree.read(entry, codeowners.MAX_BYTES).decode("utf-8", "replace"))
    return lambda path: declared(entry.path, {"owner": ", ".join(rules.of(path))})


def template(name: str, text: str, path: str) -> Component:
    """Return a chat template found inside another file; its digest is over the UTF-8 text alone."""
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    return Component(
        content_ref(ComponentKind.PROMPT, path, name, digest),
        ComponentKind.PROMPT,
        f"chat template ({name})" if name != "default" else "chat template",
        path=path,
        digests=(Digest("sha256", digest),),
        direct=False,
        facts=verified(path, {"chat-template-sha256": digest, "size": str(len(text)), "role": "chat-template"}),
    )
