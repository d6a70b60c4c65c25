"""The scan: every file that sets up an agent, read as data; each item with what it can do, and what is wrong."""

from __future__ import annotations

import posixpath
import re
from collections import defaultdict
from collections.abc import Iterable, Set
from dataclasses import replace
from typing import Any

from secpipe.core.artifact import FileEntry, LinkEntry
from secpipe.core.bounds import Bound
from secpipe.core.errors import InputError
from secpipe.core.evidence import Evidence, State
from secpipe.core.finding import Finding, sort_key
from secpipe.core.ledger import Ledger, Thing
from secpipe.core.limits import DEFAULT, Limits
from secpipe.core.protocols import Tree
from secpipe.core.version import __version__
from secpipe.formats.coding import as_utf8
from secpipe.scan.agents import bundle, code, config, lethal, owners, pages, places, scripts
from secpipe.scan.agents.documents import front_matter, parse
from secpipe.scan.agents.item import Item, ItemKind, digest_of, sorted_words
from secpipe.scan.agents.known import Form, form_of, table
from secpipe.scan.agents.lock import LOCK_NAME, changed_tools, differences, make
from secpipe.scan.agents.lock import read as read_lock
from secpipe.scan.agents.programs import program_findings
from secpipe.scan.agents.telling import name_of, told

_LOCK_BYTES = 8 << 20
_DIFFERENCES = 200  # of them all are counted as one demand that is not met
#: A variable for a folder in front of a path: `${CLAUDE_PLUGIN_ROOT}/x.sh`, `"$CLAUDE_PROJECT_DIR"/x.sh`.
_ROOT = re.compile(r"^[\"']?\$\{?\w+\}?[\"']?/")
_NOT_OURS = "no assistant reads it by itself"


def is_plain(entry: FileEntry, data: bytes) -> bool:
    """Tell whether a file with this whole content is nothing to any assistant, unless a skill brings it."""
    known = places.in_content(entry.suffix, data) or form_of(entry.path)
    return known is None and not places.is_own(entry)


def scan(tree: Tree, *, limits: Limits = DEFAULT, plain: Set[str] = frozenset()) -> Evidence:
    """Return the evidence `agents` of a tree.

    `facts` are `items` (`Item.to_dict`) and `clients` (assistant -> how many items). The account says how every file
    ended that sets up an agent, and every server. Findings are those that need no policy. `plain` are paths of files
    for which `is_plain` holds.
    """
    run = _Run(tree, limits)
    for entry in tree.files:
        if entry.path not in plain or run.is_brought(entry.path):
            run.visit(entry)
    run.ledger.none_can_hold(Thing.FILE, plain, _NOT_OURS)
    for link in tree.links:
        run.linked(link)
    return run.evidence()


class _Run:
    """One scan of one tree."""

    def __init__(self, tree: Tree, limits: Limits) -> None:
        self.tree, self.limits = tree, limits
        self.ledger = Ledger()
        self.items: list[Item] = []
        self.findings: dict[str, Finding] = {}
        self.looked: set[str] = set()
        self.skills = places.skill_folders(tree.files)
        self.bound = Bound(limits.findings, "items of agents", self._cut)
        self.brought: dict[str, list[tuple[FileEntry, set[str]]]] = defaultdict(list)

    def is_brought(self, path: str) -> bool:
        """Whether a file stands in the folder of a skill."""
        return bool(self.skills) and places.skill_of(path, self.skills) is not None

    def visit(self, entry: FileEntry) -> None:
        """Read one file if it sets up an agent, or stands in a skill or a folder of an assistant."""
        form = form_of(entry.path)
        folder = places.skill_of(entry.path, self.skills)
        self.ledger.open(Thing.FILE, entry.path)
        try:
            if form is None and folder is None and not places.is_own(entry):
                form = places.by_content(self.tree, entry, self.limits)
                if form is None:
                    self.ledger.cannot_hold(Thing.FILE, entry.path, _NOT_OURS)
                    return
            if form is not None:
                self._read(entry, form)
            if form is None or (folder is not None and entry.name.lower() != "skill.md"):
                self._brought(entry, folder)
        except InputError as error:
            self.ledger.not_read(Thing.FILE, entry.path, error.message)

    def linked(self, link: LinkEntry) -> None:
        """A link in the place of an item that leads out of the project: what it brings is decided elsewhere."""
        if not link.inside and (form_of(link.path) is not None or places.is_own_path(link.path)):
            said = f"{name_of(link.path)} is a link that leaves the project"
            self._add([told("agents/leaves-project", said, link.path, subject="link", said=str(link.target))])

    def _read(self, entry: FileEntry, form: Form) -> None:
        if form.reads == "bundle":
            self._bundle(entry)
            return
        data = as_utf8(self.tree.read(entry, self.limits.text_bytes))
        self._take(entry.path, data, form, entry.sha256)
        self.ledger.judged(Thing.FILE, entry.path, form.reads)

    def _take(self, path: str, data: bytes, form: Form, digest: str) -> None:
        """Read one file by its form."""
        if form.reads == "workflow":
            self._add(pages.workflow(path, data.decode("utf-8", "replace"), parse(data, path).values))
        elif form.reads == "code":
            self._add(code.read(path, places.text_of(data)))
        elif form.reads in {"config", "tools"} and not path.endswith((".md", ".txt")):
            self._add(config.read(path, data, form.client, self.limits))
        else:
            content = places.text_of(data)
            item, wrong, inner = pages.read(path, content, _reads(form), form.client, f"sha256:{digest}")
            self._add([item, *wrong, *inner])
            if form.client == "github-agentic-workflows":
                self._add(pages.workflow(path, content, [front_matter(content)[0]], agentic=True))
            for one in item.facts.get("imports", ()):
                self._follow(path, one)

    def _add(self, found: Iterable[Item | Finding]) -> None:
        for one in found:
            if isinstance(one, Finding):
                self.findings.setdefault(one.id, one)
            elif self.bound.allows():
                self.items.append(one)
                if one.kind is ItemKind.SERVER:
                    name = f"{one.path}: {one.name}"
                    self.ledger.open(Thing.SERVER, name)
                    self.ledger.judged(Thing.SERVER, name, one.client)

    def _cut(self, words: str) -> None:
        self.ledger.open(Thing.SERVER, "the rest of the servers")
        self.ledger.not_read(Thing.SERVER, "the rest of the servers", words)

    def _follow(self, path: str, named: str) -> None:
        """Read the page that a page of rules takes in (`@docs/style.md`); it is part of the rules."""
        if named.startswith("~"):
            return  # the reader's own machine
        place = posixpath.normpath(posixpath.join(posixpath.dirname(path), named))
        entry = self.tree.find(place)
        if entry is None or entry.path in self.looked or form_of(place) is not None:
            return
        self.looked.add(entry.path)
        self.ledger.open(Thing.FILE, entry.path)
        try:
            self._read(entry, Form("rules", "rules"))
        except InputError as error:
            self.ledger.not_read(Thing.FILE, entry.path, error.message)

    def _brought(self, entry: FileEntry, folder: str | None) -> None:
        """Judge a file that a skill or an assistant's folder brings along: a program, a page, or data."""
        found = program_findings(self.tree, entry, self.limits)
        if found is None:
            self.ledger.cannot_hold(Thing.FILE, entry.path, "no text")
            capabilities: set[str] = set()
        else:
            capabilities, wrong, reader = found
            self._add(wrong)
            self.ledger.judged(Thing.FILE, entry.path, reader)
        if folder is not None:
            self.brought[folder].append((entry, capabilities))
        self.looked.add(entry.path)

    def _bundle(self, entry: FileEntry) -> None:
        with self.tree.open(entry) as file:
            for name, data, reason in bundle.members(file, self.limits):
                member = bundle.entry(entry, name, data or b"")
                self.ledger.open(Thing.MEMBER, member.path)
                if data is None:
                    self.ledger.not_read(Thing.MEMBER, member.path, reason)
                elif (form := _in_bundle(name)) is not None:
                    self._take(member.path, data, form, entry.sha256)
                    self.ledger.judged(Thing.MEMBER, member.path, form.reads)
                elif scripts.is_program(name, data[:64]):
                    self._add(config.program(member.path, places.text_of(data), data[:64])[1])
                    self.ledger.judged(Thing.MEMBER, member.path, "program")
                else:
                    self.ledger.cannot_hold(Thing.MEMBER, member.path, "no program, no settings")
        self.ledger.judged(Thing.FILE, entry.path, "bundle")

    def _whole(self, item: Item) -> Item:
        """Return the item with what the files bring that it starts or stands among."""
        extra: set[str] = set()
        files: list[FileEntry] = []
        if item.kind is ItemKind.SKILL:
            for entry, capabilities in self.brought.get(posixpath.dirname(item.path), ()):
                extra |= capabilities
                files.append(entry)
        script = self._script(item)
        if script is not None:
            files.append(script)
            extra |= self._program(script)
        if not files:
            return item
        digests = sorted((entry.path, entry.sha256) for entry in files)
        words = sorted_words({*item.capabilities, *extra})
        return replace(
            item, capabilities=words, digest=digest_of([item.digest, digests]), files=tuple(path for path, _ in digests)
        )

    def _script(self, item: Item) -> FileEntry | None:
        named = str(item.facts.get("script") or "")
        if not named or "://" in named:
            return None
        named = _ROOT.sub("", named.replace("${/}", "/"))
        folder = posixpath.dirname(item.path)
        while True:  # beside the file that names it, or below a folder above: a plugin's root, the project's
            entry = self.tree.find(posixpath.normpath(posixpath.join(folder, named)))
            if entry is not None or not folder:
                return entry
            folder = posixpath.dirname(folder)

    def _program(self, entry: FileEntry) -> set[str]:
        try:
            found = program_findings(self.tree, entry, self.limits)
        except InputError as error:
            self.ledger.open(Thing.FILE, entry.path)
            self.ledger.not_read(Thing.FILE, entry.path, error.message)
            return set()
        if found is None:
            return set()
        capabilities, wrong, reader = found
        self._add(wrong)
        self.ledger.open(Thing.FILE, entry.path)
        self.ledger.judged(Thing.FILE, entry.path, reader)
        return capabilities

    def evidence(self) -> Evidence:
        theirs = owners.rows(self.tree)
        whole = (replace(self._whole(item), owner=owners.owner(item.path, theirs)) for item in self.items)
        items = sorted(whole, key=lambda item: (item.path, item.line, item.id))
        self._add(lethal.combinations(items, list(self.findings.values())))
        locked: list[str] = []
        self._add(self._drift(items, locked))
        account, skips = self.ledger.close()
        clients: dict[str, int] = defaultdict(int)
        for item in items:
            clients[item.client] += 1
        findings = sorted(self.findings.values(), key=sort_key)[: self.limits.findings]
        facts: dict[str, Any] = {"items": [item.to_dict() for item in items], "clients": dict(sorted(clients.items()))}
        if self.tree.find(LOCK_NAME) is not None:
            facts["lock"] = locked[:_DIFFERENCES]
        producer = f"secpipe {__version__}, formats of {table('formats')['date']}"
        return Evidence(
            "agents", State.OK, findings=tuple(findings), skips=skips, facts=facts, producer=producer, account=account
        )

    def _drift(self, items: Iterable[Item], locked: list[str]) -> Iterable[Finding]:
        """Tools whose recorded description is not the one that the lock pins; `locked` gets what else differs."""
        lock = self.tree.find(LOCK_NAME)
        if lock is None:
            return
        self.ledger.open(Thing.FILE, lock.path)
        try:
            yield from changed_tools(self.tree, lock, _LOCK_BYTES)
            before = read_lock(self.tree.read(lock, _LOCK_BYTES))
            after = make([item.to_dict() for item in items], before["tools"])
            locked += [words for _, words in differences(before, after)]
            self.ledger.judged(Thing.FILE, lock.path, "lock")
        except InputError as error:
            locked.append(f"the lock cannot be read ({error.message})")
            self.ledger.not_read(Thing.FILE, lock.path, error.message)


def _reads(form: Form) -> str:
    return form.reads if form.reads in {"skill", "command", "agent"} else "rules"


def _in_bundle(name: str) -> Form | None:
    return Form("mcp", "config") if name == "manifest.json" else form_of(name)
