"""Programs that a skill, hook or server brings, judged without running them: Python by its tree, others by patterns."""

from __future__ import annotations

import ast
import base64
import binascii
import re
import warnings

from secpipe.scan.agents import commands
from secpipe.scan.agents.commands import Does

#: Languages whose files are programs, by ending; others are by their first line.
PROGRAMS = (
    ".py", ".pyw", ".sh", ".bash", ".zsh", ".fish", ".ksh", ".js", ".mjs", ".cjs", ".ts", ".mts", ".tsx", ".jsx", ".rb",
    ".pl", ".php", ".ps1", ".psm1", ".bat", ".cmd", ".lua", ".go", ".rs", ".applescript", ".scpt",
)  # fmt: skip
_SHELLS = re.compile(
    r"\bsubprocess\.|\bos\.(?:system|popen|exec\w*|spawn\w*)\(|\bchild_process\b|\bexec(?:Sync|File|FileSync)?\(|\bspawn(?:Sync)?\(|"
    r"\bDeno\.Command|\bBun\.spawn|\bKernel\.system|\bproc_open|\bshell_exec|\bpty\.|\beval\(|(?<![\w.])exec\(|\bexeca\b|"
    r"\bexec\.Command|std::process::Command|do shell script"
)
_WRITES = re.compile(
    r"open\([^)\n]{0,120}[\"'][wax]b?\+?[\"']|write_text\(|write_bytes\(|writeFile|createWriteStream|shutil\.(?:copy|move)"
)
_ENDINGS_SHELL = (".sh", ".bash", ".zsh", ".fish", ".ksh", ".ps1", ".psm1", ".bat", ".cmd")
_PIECES = 4000
_TRAILING_COMMENT = re.compile(r"(?m)(?:^|(?<=\s))#(?!!)[^\n]*|^\s*(?://|\*|/\*)[^\n]*|^\s*(?:REM |::)[^\n]*")


def is_program(path: str, head: bytes) -> bool:
    """Whether a file is a program, by its ending or its first line."""
    return path.lower().endswith(PROGRAMS) or head.startswith(b"#!")


def is_shell(path: str, head: bytes) -> bool:
    """Whether a program is one of a shell, which can run any command there is."""
    first = head.split(b"\n", 1)[0]
    return path.lower().endswith(_ENDINGS_SHELL) or (first.startswith(b"#!") and first.rstrip().endswith(b"sh"))


def judge(path: str, text: str, head: bytes = b"") -> tuple[Does, set[str]]:
    """Return what a program would do, and its capabilities."""
    python = path.lower().endswith((".py", ".pyw")) or (head.startswith(b"#!") and b"python" in head.split(b"\n")[0])
    plain = _folded(text) if python else _TRAILING_COMMENT.sub("", text)
    does = commands.judge(plain)
    return does, capabilities(does, plain, any_command=is_shell(path, head))


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


def _folded(text: str) -> str:
    """Return Python without comments and prose, with constants put together; text that is no Python stays as it is."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return text
    try:
        for node in ast.walk(tree):
            body = getattr(node, "body", None)
            if isinstance(body, list) and body and _is_prose(body[0]):
                body[0] = ast.Pass()
        told = [ast.unparse(tree)]
        constants = {
            target.id: value
            for node in ast.walk(tree)
            if isinstance(node, ast.Assign) and (value := _constant(node.value, {})) is not None
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.BinOp | ast.JoinedStr | ast.Call) and (value := _constant(node, constants)):
                told.append(value)
                if len(told) > _PIECES:
                    break
        aliases = [
            f"{alias.name}."
            for node in ast.walk(tree)
            if isinstance(node, ast.Import)
            for alias in node.names
            if alias.asname
        ]
        return "\n".join([*told, *aliases])
    except (RecursionError, MemoryError, ValueError):
        return text


def _is_prose(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _constant(node: ast.AST, names: dict[str, str]) -> str | None:
    """Return the text that an expression of constants is, or None."""
    if isinstance(node, ast.Constant):
        value = node.value
        return value if isinstance(value, str) else value.decode("latin-1") if isinstance(value, bytes) else None
    if isinstance(node, ast.Name):
        return names.get(node.id)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Div):
        left, right = _constant(node.left, names), _constant(node.right, names)
        joint = "/" if isinstance(node.op, ast.Div) else ""
        return f"{left or ''}{joint}{right or ''}" if left is not None or right is not None else None
    if isinstance(node, ast.JoinedStr):
        parts = [_constant(part.value if isinstance(part, ast.FormattedValue) else part, names) for part in node.values]
        return "".join(part or "" for part in parts)
    if isinstance(node, ast.Call):
        return _called(node, names)
    return None


def _called(node: ast.Call, names: dict[str, str]) -> str | None:
    """Fold the calls that put text together: join, decode, path joining, base64, hex, reversed codes."""
    name = (
        node.func.attr
        if isinstance(node.func, ast.Attribute)
        else node.func.id
        if isinstance(node.func, ast.Name)
        else ""
    )
    values = [_constant(one, names) for one in node.args]
    if name in {"b64decode", "urlsafe_b64decode", "fromhex", "unhexlify", "a85decode"} and values and values[0]:
        try:
            raw = bytes.fromhex(values[0]) if name in {"fromhex", "unhexlify"} else base64.b64decode(values[0] + "==")
            return raw.decode("utf-8", "replace")
        except (binascii.Error, ValueError):
            return None
    if name == "decode" and isinstance(node.func, ast.Attribute):
        return _constant(node.func.value, names)
    if name == "join" and isinstance(node.func, ast.Attribute):
        if len(node.args) == 1 and isinstance(node.args[0], ast.List | ast.Tuple):
            joint = _constant(node.func.value, names) or ""
            if all(isinstance(one, ast.Call | ast.Constant) for one in node.args[0].elts):
                return joint.join(_constant(one, names) or "" for one in node.args[0].elts)
        return "/".join(value or "" for value in values)
    if name == "chr" and node.args and isinstance(node.args[0], ast.Constant) and isinstance(node.args[0].value, int):
        return chr(node.args[0].value) if 0 <= node.args[0].value < 0x110000 else None
    if name in {"Path", "expanduser", "joinpath", "home"}:
        return "/".join(value or "" for value in values) or ("~" if name == "home" else None)
    return None
