"""The house rules of docs/architecture.md, held by the imports themselves."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "secpipe"

ROOMS: dict[str, set[str]] = {
    "core": set(),
    "formats": {"core"},
    "keys": {"core"},
    "report": {"core"},
    "system": {"core"},
    "keystore": {"core", "formats", "keys", "system"},
    "log": {"core", "formats", "keys", "system"},
    "lineage": {"core", "formats", "keys", "system"},
    "sbom": {"core", "formats", "keys", "system"},
    "scan": {"core", "formats", "keys", "system"},
    "sign": {"core", "formats", "keys", "system"},
    "gate": {"core", "formats", "keys", "system", "keystore", "sbom", "scan", "sign", "log", "lineage"},
    "verify": {"core", "keys", "system", "keystore", "sign"},
    "api": {
        "core",
        "formats",
        "keys",
        "report",
        "system",
        "keystore",
        "sbom",
        "scan",
        "sign",
        "log",
        "lineage",
        "gate",
    },
    "serve": {"core", "formats", "keys", "system", "keystore", "sbom", "scan", "sign", "log", "lineage", "gate"},
    "cli": {
        "api",
        "serve",
        "core",
        "formats",
        "keys",
        "report",
        "system",
        "keystore",
        "sbom",
        "scan",
        "sign",
        "log",
        "lineage",
        "gate",
        "verify",
    },
    "__main__": {"cli"},
    "__init__": {"core", "api"},  # names the API, and imports it only when one is used
}

#: Heavy or guarded package -> the one file that may import it.
SOLE_IMPORTER = {
    "huggingface_hub": "gate/images/hub.py",
    "backports": "formats/zstd.py",
    "compression": "formats/zstd.py",
    "boto3": "keystore/custody/awskms.py",
    "botocore": "keystore/custody/awskms.py",
    "cel_expr_python": "gate/conditions/cel.py",
    "cyclonedx": "sbom/cyclonedx.py",
    "oqs": "keys/schemes/liboqs.py",
    "oras": "sign/registry.py",
    "mcp": "cli/mcp/server.py",
    "pkcs11": "keystore/custody/pkcs11.py",
    "nacl": "keystore/importing.py",
    "pyrage": "keystore/age.py",
    "rfc3161_client": "sign/timestamps.py",
    "sigstore": "sign/keyless.py",
    "tuf": "keystore/trust_update.py",
    "ahocorasick_rs": "formats/words.py",
    "jinja2": "formats/jinja.py",
    "numpy": "lineage/proving/numbers.py",
    "gguf": "lineage/proving/numbers.py",
    "cvss": "scan/vulnerabilities/severity.py",
    "uvicorn": "serve/app.py",
    "yaml": "formats/yaml.py",
    "tomlkit": "gate/policies/policy_edit.py",
}
NEVER_IMPORTED = {"pip_audit", "semgrep", "requests", "pydantic", "rich", "pickle", "torch"}

#: module -> why it may be longer than 400 lines; function -> why it may be longer than 80.
LONG_MODULES: dict[str, str] = {}
LONG_FUNCTIONS: dict[str, str] = {
    "formats/pickle/machine.py:_walk": "the hot loop of every model scan: a call for each opcode would double its time",
}

MODULES = sorted(PACKAGE.rglob("*.py"))


def room(path: Path) -> str:
    parts = path.relative_to(PACKAGE).parts
    return parts[0] if len(parts) > 1 else path.stem


def imports(path: Path) -> list[tuple[str, int]]:
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found += [(alias.name, node.lineno) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found.append((node.module or "", node.lineno))
            found += [(f"{node.module}.{alias.name}", node.lineno) for alias in node.names]
    return found


#: Calls that write, make, move or remove something on disk, or speak to stdout and stderr past the one door.
WRITE_CALLS = re.compile(
    r"os\.(replace|renames?|link|symlink|mkdir|makedirs|mknod|mkfifo|unlink|remove|removedirs|truncate|ftruncate"
    r"|fdopen|p?write|chmod|chown)"
    r"|shutil\.(copy\w*|move|rmtree|make_archive)|tempfile\.(mk\w+|NamedTemporaryFile|TemporaryFile)"
    r"|click\.(echo|secho|open_file)|sys\.std(out|err)(\.buffer)?\.write|io\.open"
)
WRITE_METHODS = {
    "write_text",
    "write_bytes",
    "symlink_to",
    "hardlink_to",
    "touch",
    "mkdir",
    "unlink",
    "rename",
}
#: module -> why it may speak past the door.
SPEAKS = {
    "cli/main.py": "the root's own usage text, and the last resort where stdout is gone",
    "cli/progress.py": "a line that overwrites itself, on a terminal only",
}


def writes(node: ast.Call, called: str) -> bool:
    """Whether a call writes to disk or to a standard stream."""
    if WRITE_CALLS.fullmatch(called):
        return True
    if called == "os.open":
        return any(flag in ast.unparse(node) for flag in ("O_WRONLY", "O_RDWR", "O_CREAT", "O_APPEND", "O_TRUNC"))
    if isinstance(node.func, ast.Attribute) and node.func.attr == "open" and called != "os.open":
        return any(isinstance(arg, ast.Constant) and set(str(arg.value)) & set("wax+") for arg in node.args[:1])
    owner = called.rpartition(".")[0]
    return isinstance(node.func, ast.Attribute) and node.func.attr in WRITE_METHODS and owner != "files"


@pytest.mark.parametrize(
    "line",
    [
        "Path('x').write_text('')", "os.replace(a, b)", "os.open(p, os.O_WRONLY)", "path.open('w')", "click.echo('x')",
        "tempfile.NamedTemporaryFile()", "shutil.copy(a, b)", "target.unlink()", "folder.mkdir(parents=True)",
    ],
)  # fmt: skip
def test_the_house_sees_a_writer_outside_the_door(line: str) -> None:
    call = next(node for node in ast.walk(ast.parse(line)) if isinstance(node, ast.Call))
    assert writes(call, ast.unparse(call.func))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_module_keeps_the_house_rules(path: Path) -> None:
    name, text = path.relative_to(PACKAGE).as_posix(), path.read_text()
    tree = ast.parse(text)
    mine = room(path)
    problems = []
    for module, line in imports(path):
        top = module.split(".")[0]
        if top == "secpipe":
            theirs = module.split(".")[1] if "." in module else ""
            if theirs in ROOMS and theirs != mine and theirs not in ROOMS.get(mine, set()):
                problems.append(f"line {line}: {mine} may not import {theirs}")
            wings = [part.split("/")[0] for part in (name.removeprefix("scan/"),) if mine == "scan" and "/" in part]
            if wings and module.startswith("secpipe.scan.") and module.split(".")[2] not in {wings[0], "scanner"}:
                problems.append(f"line {line}: the wings of scan do not know each other")
        elif top in SOLE_IMPORTER and name != SOLE_IMPORTER[top]:
            problems.append(f"line {line}: only {SOLE_IMPORTER[top]} imports {top}")
        elif top in NEVER_IMPORTED:
            problems.append(f"line {line}: {top} is never imported")
        if top != "secpipe" and top != "__future__" and any(part.startswith("_") for part in module.split(".")):
            problems.append(f"line {line}: {module} is private to its owner")
        if mine != "system" and top in {"subprocess", "socket", "urllib.request"}:
            problems.append(f"line {line}: {top} belongs to system")
    if not ast.get_docstring(tree):
        problems.append("the first line does not say the file's purpose")
    if text.count("\n") > 400 and name not in LONG_MODULES:
        problems.append(f"{text.count(chr(10))} lines (cap 400)")
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > 80 and f"{name}:{node.name}" not in LONG_FUNCTIONS:
                problems.append(f"{node.name} has {length} lines (cap 80)")
        if isinstance(node, ast.Assert):
            problems.append(f"line {node.lineno}: assert vanishes under -O")
        public = (
            isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_") and node in tree.body
        )
        if public and not ast.get_docstring(node):
            problems.append(f"line {node.lineno}: {node.name} has no docstring")
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            if called in {"eval", "exec", "compile", "__import__", "os.system", "pickle.loads", "yaml.load"}:
                problems.append(f"line {node.lineno}: {called} is never called")
            if mine != "system" and name not in SPEAKS and writes(node, called):
                problems.append(
                    f"line {node.lineno}: {called} writes: only system does (outputs.write, files.write_atomic)"
                )
            if called == "open" and mine != "system":
                problems.append(f"line {node.lineno}: open belongs to system")
            if any(keyword.arg == "shell" for keyword in node.keywords):
                problems.append(f"line {node.lineno}: never a shell")
    assert not problems, f"{name}:\n  " + "\n  ".join(problems)


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; from secpipe.cli.main import run; run(['--help']);"
        "heavy = {'cyclonedx', 'sigstore', 'requests', 'pip_audit', 'oqs', 'semgrep', 'pydantic', 'rich', 'tuf',"
        " 'cryptography', 'yaml'} & set(sys.modules); sys.exit(f'imported {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr


def test_no_private_key_in_the_repository() -> None:
    marks = (b"PRIVATE " + b"KEY-----", b"age-encryption" + b".org/v1", b"AGE-SECRET" + b"-KEY")
    listed = subprocess.run(["git", "ls-files", "-z"], capture_output=True, cwd=ROOT)
    names = listed.stdout.split(b"\0") if listed.returncode == 0 else []
    bad = []
    for name in filter(None, names):
        path = ROOT / name.decode("utf-8", "surrogateescape")
        if path.is_file() and not path.is_symlink() and path.suffix != ".py":
            data = path.read_bytes()
            if any(mark in data for mark in marks) and path.suffix not in {".md"}:
                bad.append(str(path))
    assert not bad
