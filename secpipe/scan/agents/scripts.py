"""Programs that a skill, hook or server brings, judged without running them: Python by its tree, others by patterns."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from secpipe.scan.agents import commands, python
from secpipe.scan.agents.commands import Does
from secpipe.scan.agents.known import pattern

#: Languages whose files are programs, by ending; others are by their first line.
PROGRAMS = (
    ".py", ".pyw", ".sh", ".bash", ".zsh", ".fish", ".ksh", ".js", ".mjs", ".cjs", ".ts", ".mts", ".tsx", ".jsx", ".rb",
    ".pl", ".php", ".ps1", ".psm1", ".bat", ".cmd", ".lua", ".go", ".rs", ".applescript", ".scpt",
)  # fmt: skip
_NAMES = re.compile(r"\w+")
_MOST = 20_000_000  # characters of all functions together with what they name
_LONG = 300  # lines: a program of more does several things
_SHELLS = re.compile(
    r"\bsubprocess\.|\bos\.(?:system|popen|exec\w*|spawn\w*)\(|\bchild_process\b|\bexec(?:Sync|File|FileSync)?\(|\bspawn(?:Sync)?\(|"
    r"\bDeno\.Command|\bBun\.spawn|\bKernel\.system|\bproc_open|\bshell_exec|\bpty\.|\beval\(|(?<![\w.])exec\(|\bexeca\b|"
    r"\bexec\.Command|std::process::Command|do shell script"
)
_WRITES = re.compile(
    r"open\([^)\n]{0,120}[\"'][wax]b?\+?[\"']|write_text\(|write_bytes\(|writeFile|createWriteStream|shutil\.(?:copy|move)"
)
_ENDINGS_SHELL = (".sh", ".bash", ".zsh", ".fish", ".ksh", ".ps1", ".psm1", ".bat", ".cmd")
_TRAILING_COMMENT = re.compile(r"(?m)(?:^|(?<=\s))#(?!!)[^\n]*|^[^\S\n]*(?://|\*|/\*)[^\n]*|^[^\S\n]*(?:REM |::)[^\n]*")


def is_program(path: str, head: bytes) -> bool:
    """Whether a file is a program, by its ending or its first line."""
    return path.lower().endswith(PROGRAMS) or head.startswith(b"#!")


def is_python(path: str, head: bytes) -> bool:
    """Whether a program is Python, by its ending or its first line."""
    return path.lower().endswith((".py", ".pyw")) or (head.startswith(b"#!") and b"python" in head.split(b"\n")[0])


def is_shell(path: str, head: bytes) -> bool:
    """Whether a program is one of a shell, which can run any command there is."""
    first = head.split(b"\n", 1)[0]
    return path.lower().endswith(_ENDINGS_SHELL) or (first.startswith(b"#!") and first.rstrip().endswith(b"sh"))


def judge(path: str, text: str, head: bytes = b"") -> tuple[Does, set[str]]:
    """Return what a program would do, and its capabilities."""
    if not is_python(path, head) or (read := python.read(text)) is None:
        plain = text if is_python(path, head) else _TRAILING_COMMENT.sub("", text)
        does = commands.judge(pattern("commands", "guards").sub(" ", plain))
        return does, capabilities(does, plain, any_command=is_shell(path, head))
    plain, does = read.text, commands.judge(read.text)
    if does.sends_to and text.count("\n") > _LONG and not any(map(_sends_to, scopes(text))):
        does.sends_to = ""  # the secret stands in one part of a long program, the host in another
    does.fetches = does.fetches or read.ran
    if read.sends and not does.reads:  # names of files that are looked for, in a program that sends
        does.reads = commands.judge(read.whole).reads
    if does.reads:  # what is read goes out, whatever the call is named
        does.sends = does.sends or read.sends
    return does, capabilities(does, plain, any_command=is_shell(path, head))


def scopes(text: str) -> Iterator[str]:
    """Yield each function and method of a Python program with all that it names, and what stands outside of all.

    Where that would be too much to read, or the text has no tree: the whole, so that nothing is taken apart unread.
    """
    tree = python.parsed(text)
    parts = [one for node in tree.body for one in _within(node)] if tree else []
    apart = [one for one in parts if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)]
    if not apart or len(apart) * len(text) > _MOST:
        yield text
        return
    outside = "\n".join(ast.unparse(one) for one in parts if one not in apart)
    texts: dict[str, str] = {}
    for one in apart:  # several of one name are read together
        texts[one.name] = f"{texts.get(one.name, '')}\n{ast.unparse(one)}"
    for start in ("", *texts):
        part, left = f"{outside}\n{texts.get(start, '')}", {*texts} - {start}
        while more := left & {*_NAMES.findall(part)}:
            part, left = "\n".join((part, *(texts[name] for name in sorted(more)))), left - more
        yield part


def _within(node: ast.stmt) -> list[ast.stmt]:
    """Return the statements of a class, what its head says before them; of anything else itself."""
    if not isinstance(node, ast.ClassDef):
        return [node]
    head = [ast.Expr(one) for one in (*node.bases, *(key.value for key in node.keywords), *node.decorator_list)]
    return [*head, *node.body]


def _sends_to(part: str) -> bool:
    read = python.read(part)
    return bool(commands.judge(read.text if read else part).sends_to)


def capabilities(does: Does, text: str, *, any_command: bool = False) -> set[str]:
    """Return the capability words of what a program or command would do."""
    found = {f"net:{host}" for host in does.hosts} if does.network or does.sends else set()
    if (does.network or does.sends) and not found:
        found.add("net:any")
    found |= {f"secret:{name}" for name in does.secrets}
    if does.reads:
        found.add("secret:credentials")
    if any_command or _SHELLS.search(text):
        found.add("shell")
    if _WRITES.search(text):
        found.add("files:.")
    return found
