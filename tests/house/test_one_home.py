"""Each thing we know has one home: a list of ideas, and proof in the code that nobody else keeps a copy."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from secpipe.formats.locks.table import TABLE

PACKAGE = Path(__file__).resolve().parents[2] / "secpipe"
_NAMES = {row.pattern.lower() for row in TABLE if not set(row.pattern) & set("*?[/")}


@dataclass(frozen=True)
class Idea:
    """`text` is searched in the text constants of the code, `code` in the names that it imports and calls."""

    what: str
    home: str
    text: str = r"(?!)"
    code: str = r"(?!)"
    also: tuple[str, ...] = ()  # who may speak of it, and why


IDEAS = (
    Idea("one spelling of a Python package (PEP 503)", "formats/packages/names.py",
         r"^\[-_\.\]\+$|^\[._-\]\+$", r"canonicalize_name"),
    Idea("package URLs", "formats/packages/purl.py", r"^pkg:"),
    Idea("words for ecosystems", "formats/packages/ecosystems.py",
         r"^(crates\.io|RubyGems|Packagist|SwiftURL|NuGet|golang|Maven|Hex|Pub)$",
         also=(
             "formats/locks/",  # a reader says which ecosystem its format is of
         )),
    Idea("the order of versions (PEP 440)", "formats/packages/semver.py", code=r"packaging\.version",
         also=(
             "sbom/query.py",  # compares what a user writes in a query
             "sign/establish.py",  # compares versions of our own program
         )),
    Idea("names of lock files and manifests", "formats/locks/",
         "^(?i:" + "|".join(map(re.escape, sorted(_NAMES))) + ")$",
         also=(
             "scan/shadow_ai/reach.py",  # what a manifest says that starts
            "scan/shadow_ai/readers.py",  # setup.py is a program as well
             "scan/shadow_ai/source.py",  # a Gemfile is Ruby
         )),
    Idea("requirements (PEP 508) as components", "formats/locks/", code=r"packaging\.requirements",
         also=(
             "sbom/sources/installed.py",  # metadata of installed distributions
         )),
    Idea("the fields of SPDX", "formats/boms/",
         r"^(spdxElementId|referenceLocator|externalRefs|relatedSpdxElement|software_packageUrl|versionInfo)$",
         also=(
             "sbom/spdx.py",  # the writer
         )),
    Idea("XML as elements", "formats/xmltree.py", code=r"xml\.parsers"),
    Idea("JSON with comments", "formats/jsonc.py", r"//\[\^\\n\]", also=(
             "scan/agents/javascript.py",  # programs: their texts go, too
         )),
    Idea("times as text (RFC 3339)", "core/times.py", r"%Y-%m-%dT|%H:%M|^\+00:00$",
         r"^call (\S+\.)?(fromisoformat|strptime|strftime|isoformat)$",
         also=(
             "gate/policy_cases/case_evidence.py",  # dates, times and days of TOML as facts
             "gate/policies/policy_identity.py",  # a value of TOML in the canonical form that pins are made from
             "gate/policies/policy_origin.py",  # a value of TOML as TOML writes it
         )),
    Idea("typed access to foreign mappings", "core/shape.py",
         code=r"^def (_?tables|_?texts|_flag|_whole|_strings_of)\(value",
         also=(
             "gate/policies/policy_reader.py",  # a policy's errors name its keys and lines
         )),
    Idea("documents of findings", "core/findings.py", r"^secpipe\.findings/1$"),
    Idea("paint for a terminal", "report/text.py", r"\x1b\[", r"^def _?paint\(",
         also=(
             "cli/progress.py",  # clears the line that it writes again
         )),
    Idea("the keys of a document's section", "core/sections.py", code=r"^def _?key\(default"),
    Idea("a private key of a library, of which nothing is shown", "keys/schemes/",
         r"^<private key>$", r"^def private_bytes\("),
    Idea("what a signer says of its public half", "keys/schemes/signer.py", code=r"^def keyid\(self",
         also=(
             "core/protocols.py",  # the Protocol
             "core/trust.py",  # the public half itself
             "keys/tufkey.py",  # ids of keys in TUF metadata
         )),
    Idea("who answers for an exception, and how long", "cli/answers.py", r"^Who answers for it\.$"),
    Idea("the marks of model formats without code", "formats/kinds.py", r"^catboost$"),
    Idea("a group of commands", "cli/lazy.py", code=r"^def get_command\("),
    Idea("lines wrapped behind a lead", "report/text.py", code=r"^def _?hanging\(|^textwrap$"),
)  # fmt: skip


@cache
def words(path: Path) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the text constants of a module without its docstrings, and the names it imports, calls and defines."""
    tree = ast.parse(path.read_text())
    prose = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    texts, code = [], []
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose:
            texts.append(node.value)
        elif isinstance(node, ast.ImportFrom):
            code += [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            code += [alias.name for alias in node.names]
        elif isinstance(node, ast.Call):
            code.append(f"call {ast.unparse(node.func)}")
        elif isinstance(node, ast.FunctionDef):
            code.append(f"def {node.name}({', '.join(one.arg for one in node.args.args)}")
    return tuple(texts), tuple(code)


def copies(idea: Idea, package: Path) -> list[str]:
    found = []
    for path in sorted(package.rglob("*.py")):
        name = path.relative_to(package).as_posix()
        if not name.startswith((idea.home, *idea.also)):
            texts, code = words(path)
            found += [f"{name}: {text!a:.60}" for text in texts if re.search(idea.text, text)]
            found += [f"{name}: {text}" for text in code if re.search(idea.code, text)]
    return found


@pytest.mark.parametrize("idea", IDEAS, ids=lambda idea: idea.what)
def test_it_has_one_home(idea: Idea) -> None:
    assert copies(idea, PACKAGE) == [], f"{idea.what} is at home in secpipe/{idea.home}"


@pytest.mark.parametrize("idea", IDEAS, ids=lambda idea: idea.what)
def test_the_home_holds_it_and_the_guests_need_it(idea: Idea) -> None:
    """A search that finds nothing at home finds nothing anywhere; a guest without need is struck off the list."""
    modules = {path.relative_to(PACKAGE).as_posix(): path for path in PACKAGE.rglob("*.py")}
    for place in (idea.home, *idea.also):
        paths = [path for name, path in modules.items() if name.startswith(place)]
        texts = [text for path in paths for text in words(path)[0] if re.search(idea.text, text)]
        assert texts or [text for path in paths for text in words(path)[1] if re.search(idea.code, text)], place


@pytest.mark.parametrize(
    "line",
    [
        'import re\nname = re.sub(r"[-_.]+", "-", name)', "from packaging.utils import canonicalize_name",
        'kind = text.removeprefix("pkg:")', 'LOCKS = {"Composer.lock"}', 'ORDER = {"RubyGems": str}',
        'url = item.get("externalRefs")', "from packaging.version import Version",
        "when = datetime.fromisoformat(text)", 'text = f"{when:%Y-%m-%dT%H:%M:%SZ}"', "text = when.isoformat()",
        "def _tables(value): return []", "def _texts(value): return []", 'made = {"schema": "secpipe.findings/1"}',
        "def key(default, doc): return default", 'def __repr__(self): return "<private key>"',
        "def keyid(self): return self.public.keyid", 'option("--owner", help="Who answers for it.")',
        "def get_command(self, ctx): return None", 'MAGIC = {b"CBM1": "catboost"}',
        'line = f"\\x1b[{code}m{text}"', "def _hanging(lead, text): return []",
    ],
)  # fmt: skip
def test_a_copy_would_be_found(line: str, tmp_path: Path) -> None:
    (tmp_path / "copy.py").write_text(line + "\n")
    assert [found for idea in IDEAS for found in copies(idea, tmp_path)]
