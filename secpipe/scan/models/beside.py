"""Programs and scripts in the folder of a published model: what fetches what it runs, what its card says to run."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from secpipe.core.artifact import FileEntry
from secpipe.core.errors import InputError
from secpipe.core.limits import Limits
from secpipe.core.protocols import Tree
from secpipe.core.text import printable
from secpipe.formats import kinds
from secpipe.scan.models.around import judge_base
from secpipe.scan.models.context import Context
from secpipe.scan.models.data import formats_data

#: A card as model hubs show one; what begins with it is a published model, not a project that keeps weights.
_CARD: Final = frozenset({"readme.md", "readme", "readme.txt", "model_card.md"})
#: Weights as model hubs name them: beside a config.json they are a published model without its card, too.
_HUB: Final = re.compile(
    r"(?:^|/)(?:model|pytorch_model|adapter_model|tf_model|flax_model|diffusion_pytorch_model)[\w.-]*"
    r"\.(?:safetensors|bin|h5|msgpack|gguf)$"
)
_FRONT: Final = re.compile(
    rb"^---\r?\n[\s\S]{0,9000}?^(?:license|library_name|pipeline_tag|base_model|tags|language|datasets|model_name)\s*:",
    re.MULTILINE,
)
#: A model that a card names, as a value or an item of a list.
_BASE: Final = re.compile(
    r"^(?:base_model:|[ ]{0,8}-)[ ]{1,9}[\"']?([\w.-]{1,99}/[\w.-]{1,99})[\"']?[ \r]*$", re.MULTILINE
)
_PYTHON: Final = frozenset({".py", ".pyw", ".ipynb"})
_SCRIPTS: Final = frozenset({
    ".sh", ".bash", ".zsh", ".bat", ".cmd", ".ps1", ".psm1", ".vbs", ".vbe", ".wsf", ".jse", ".hta", ".command",
    ".scpt", ".desktop", ".lnk", ".reg", ".url",
})  # fmt: skip
_PROGRAMS: Final = frozenset({
        ".exe", ".dll", ".scr", ".msi", ".com", ".jar", ".app", ".dmg", ".pif", ".cpl", ".apk", ".xll", ".lnk", ".hta",
        ".vbs", ".vbe", ".wsf", ".jse", ".pyc",
})  # fmt: skip
_HEADS: Final = (b"MZ", b"\x7fELF", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe")
_FETCH: Final = (
    r"(?:\bcurl\b|\bwget\b|invoke-webrequest|invoke-restmethod|\biwr\b|\birm\b|downloadstring|downloadfile|bitsadmin|start-bitstransfer|"
    r"certutil[^\n]{0,80}-urlcache|urlretrieve|urlopen|requests\.get|httpx\.get|xmlhttp)"
)
_RUN: Final = (
    r"(?:\|\s*(?:sudo\s+)?(?:ba|z|da)?sh\b|\biex\b|invoke-expression|start-process|os\.system|subprocess\.|\bpopen\b|(?<![\w.])exec\s*\(|(?<![\w.])eval\s*\(|"
    r"chmod\s+\+x|rundll32|regsvr32|os\.startfile|wscript\.shell|\bstart\s+[\"\w%])"
)
#: What fetches and runs close by, and what hides or opens the machine to somebody.
_DROPS: Final = re.compile(
    rf"{_FETCH}[\s\S]{{0,400}}?{_RUN}|{_RUN}[^\n]{{0,200}}{_FETCH}|"
    r"powershell[^\n]{0,200}\s-e(?:nc(?:odedcommand)?)?\s|-w(?:indowstyle)?\s+hidden|frombase64string|\bmshta\b|/dev/tcp/|"
    r"base64\s+(?:-d|--decode)[^\n]{0,80}\|\s*(?:ba|z)?sh|\bbash\s+-i\b|\bnc\s+-e\b|ctypes\.windll|virtualalloc|"
    r"(?:exec|eval)\s*\(\s*(?:\w+\.)*(?:compile\s*\()?[\s\S]{0,80}?(?:b64decode|b85decode|decompress|fromhex|unhexlify|loads|\.decode)\s*\(|"
    r"__import__\s*\(\s*[\"'](?:os|subprocess|socket)[\"']\s*\)|\bos\.dup2\b|"
    # names that are put together, code that is no text, files of a person's keys that are sent
    r"(?:__import__|import_module)\s*\([^\n]{0,80}(?:\+|\.join\s*\(|\bdecode\s*\(|\bchr\s*\(|\[::-1\])|"
    r"__builtins__\s*(?:\[|\)\s*\[|\.__dict__)|\bpty\.spawn\b|\bos\.(?:posix_)?spawn[lvpe]{0,3}\s*\(|"
    r"(?:os\.system|subprocess\.\w{1,20}|\bexec)\s*\([^\n]{0,80}\brecv\s*\(|getattr\s*\(\s*(?:__builtins__|builtins)\b|\bmarshal\.loads\b|\bos\.exec[lv]p?e?\s*\(|"
    r"(?:pickle|dill)\.loads\s*\([^\n]{0,80}(?:b64decode|b85decode|decompress|fromhex|unhexlify)|"
    r"(?:CDLL|LoadLibrary)\s*\(\s*[\"'](?:\./|[^\"'/\\\n]{0,80}\.dll)|"
    r"(?:requests\.post|urlopen|httpx\.post|sendall)\s*\([^\n]{0,200}(?:\.ssh|id_rsa|\.aws|\.netrc|\.git-credentials|os\.environ\s*\))|"
    r"[\"']pip[\"'][^\n]{0,80}[\"']install[\"'][^\n]{0,80}[\"'](?:git\+)?https?://",
    re.IGNORECASE,
)
#: In a card: what is fetched is run at once.
_URL: Final = r"[^\n|]{0,200}?https?://([^\s/\"'|)]{1,200}+)"
_GET: Final = r"\b(?:curl|wget|iwr|irm|invoke-webrequest|invoke-restmethod)\b"
_PIPED: Final = re.compile(
    rf"{_GET}{_URL}[^\n|]{{0,200}}+\|\s*(?:sudo\s+)?(?:(?:ba|z|da)?sh\b|python3?\b(?!\s+-)|perl\b|node\b|iex\b|invoke-expression)"
    rf"|\b(?:(?:ba|z|da)?sh|python3?)\s+(?:-c\s+)?[\"']?(?:\$\(|<\()\s*{_GET}{_URL}"
    rf"|\b(?:iex|invoke-expression)\b[^\n]{{0,80}}?{_GET}{_URL}",
    re.IGNORECASE,
)
#: Before the name of a script, in a card: a word or a shell that runs it, or a line of its own.
_SAYS: Final = (
    r"(?:\b(?:run|execute|double-?click|launch|start|open|call|use)\b[^.\n]{0,60}|"
    r"\./|\b(?:ba|z)?sh |cmd /c |powershell [^\n]{0,40}|(?:^|\n)[ \t>$]{0,9})"
)


def judge_beside(
    tree: Tree, facts: Mapping[str, Any], context: Callable[[FileEntry], Context], limits: Limits
) -> Iterator[tuple[FileEntry, Context]]:
    """Yield what is found of each program and script in a folder of a published model.

    `facts` are those of the model scan by path; `context` gives a place to record in.
    """
    weights = {_folder(path) for path, fact in facts.items() if fact["format"] not in {"config", "chat-template"}}
    hub = {_folder(path) for path in facts if _HUB.search(path)}
    cards = {
        folder: "" for folder in hub if facts.get(f"{folder}/config.json".lstrip("/"), {}).get("format") == "config"
    }
    for entry in tree.files if weights else ():
        if entry.name.lower() in _CARD and _folder(entry.path) in weights and entry.head.startswith(b"---"):
            place = context(entry)
            data = _read(place, tree, entry, limits)
            for found in _BASE.finditer(data[: 1 << 16].decode("utf-8", "replace").partition("\n---")[0]):
                judge_base(place, "base_model", found[1], {})
            _judge_card(place, data)
            yield entry, place
            if _FRONT.search(data[: 1 << 16]):
                cards[_folder(entry.path)] = data.decode("utf-8", "replace")
    for entry in tree.files if cards else ():
        folder = next((above for above in _above(entry.path) if above in cards), None)
        if folder is not None and (entry.suffix in _SCRIPTS | _PYTHON | _PROGRAMS or entry.head.startswith(_HEADS)):
            place = context(entry)
            _judge(place, tree, entry, cards[folder], limits)
            yield entry, place


def _judge(place: Context, tree: Tree, entry: FileEntry, card: str, limits: Limits) -> None:
    suffix, name = entry.suffix, entry.path
    if (suffix in _PROGRAMS and "__pycache__/" not in name) or (
        entry.head.startswith(_HEADS) and suffix not in kinds.ENDINGS
    ):
        place.add("carried-code", "a program lies in the folder of a model", subject=name, allow=name)
    if suffix not in _SCRIPTS | _PYTHON:
        return
    text = _read(place, tree, entry, limits).decode("utf-8", "replace").replace("\0", "")
    if found := _DROPS.search(text):
        shown = printable(" ".join(found.group(0).split()), 100)
        message = f"a script in the folder of a model fetches, hides or unpacks what it runs: {shown}"
        place.add("carried-code", message, subject=name, allow=name)
    elif suffix in _SCRIPTS and re.search(_SAYS + re.escape(entry.name), card, re.IGNORECASE):
        place.add("carried-code", "the card of the model says to run this script", subject=name, allow=name)


def _judge_card(place: Context, data: bytes) -> None:
    """A card that has its reader run what it fetches, from none of the hosts that installers come from."""
    known = formats_data().of("huggingface", "installers")
    for found in _PIPED.finditer(data[: 1 << 20].decode("utf-8", "replace")):
        host = (found[1] or found[2] or found[3]).lower().rpartition("@")[2]
        if host.removeprefix("www.") not in known and not host.startswith(("localhost", "127.")):
            message = f"the card of the model says to run what it fetches from {printable(host, 80)}"
            place.add("carried-code", message, subject=host, allow=host)


def _read(place: Context, tree: Tree, entry: FileEntry, limits: Limits) -> bytes:
    try:
        with tree.open(entry) as file:
            data = file.read(limits.text_bytes)
    except InputError as error:
        place.unread("unreadable", f"the file cannot be read: {error.message}")
        return b""
    if entry.size > limits.text_bytes:
        place.unread("resource-limit", f"only the first {limits.text_bytes:,} bytes were looked at")
    return data


def _folder(path: str) -> str:
    return path.rpartition("/")[0]


def _above(path: str) -> Iterator[str]:
    """Yield the folder of a path and all above it, the nearest first."""
    while path:
        path = _folder(path)
        yield path
