"""What kind of text a file is, by its path alone: code, configuration, example, test, documentation, vendored."""

from __future__ import annotations

import re
from collections.abc import Sequence

from secpipe.formats.locks.table import row_of
from secpipe.scan.shadow_ai.lexer import SUFFIXES
from secpipe.scan.shadow_ai.signal import Use

_VENDORED = re.compile(
    r"(?:^|/)(?:vendor|vendored|third_party|third-party|thirdparty|node_modules|site-packages|bower_components|Godeps|Pods|external_libs|_vendor|\.venv|venv|\.tox|\.yarn)/",
    re.I,
)
_TEST = re.compile(
    r"(?:^|/)(?:tests?|__tests__|specs?|testing|testdata|test-data|test_data|fixtures?|__fixtures__|mocks?|__mocks__|e2e|integration[-_]tests?|cypress|cassettes|snapshots|__snapshots__|testcases|unittests?)/"
    r"|(?:^|/)(?:test_[^/]*|[^/]*_test|[^/]*_spec|[^/]*\.(?:test|spec|stories)|conftest)\.\w+$"
    r"|(?:^|/)[^/]*[a-z0-9]Tests?\.(?:java|kt|groovy|scala|cs|fs|vb|swift|php|m)$"
)
# A name of code (`security.py`, `history.ts`) is code: only prose bears these names.
_DOCS = re.compile(
    r"(?:^|/)(?:docs?|documentation|wiki|website|man|changelog|changelogs|adr)/"
    r"|(?:^|/)(?:README|CHANGELOG|CHANGES|HISTORY|NEWS|CONTRIBUTING|LICENSE|LICENCE|COPYING|AUTHORS|SECURITY|NOTICE|PKG-INFO)(?:[._-][^/]*)?$",
    re.I,
)
_DOC_SUFFIX = (
    ".md",
    ".mdx",
    ".rst",
    ".adoc",
    ".asciidoc",
    ".txt",
    ".tex",
    ".html",
    ".htm",
    ".org",
    ".pod",
    ".po",
    ".pot",
    ".svg",
    ".vtt",
    ".srt",
)
_EXAMPLE = re.compile(r"(?:^|/)(?:examples?|samples?|demos?|tutorials?|cookbook)/", re.I)
_CONFIG_SUFFIX = (
    ".yaml", ".yml", ".json", ".jsonc", ".json5", ".toml", ".ini", ".cfg", ".conf", ".env", ".properties", ".xml",
    ".tf", ".tfvars", ".hcl", ".bicep", ".plist", ".config", ".tpl", ".j2", ".gotmpl", ".lock", ".gradle",
)  # fmt: skip
#: Regions that a policy does not judge unless it says so: text that does not ship.
LABELS = ("test", "docs", "vendored")
_MORE_CODE = (".py", ".pyw", ".sh", ".bash", ".zsh", ".ps1", ".ipynb", ".sql", ".tf", ".bat", ".cmd")


def region_of(path: str) -> str:
    """Return the region of a file; what is vendored or a test stays so whatever its ending."""
    if _VENDORED.search(path):
        return "vendored"
    if _TEST.search(path):
        return "test"
    name = path.rpartition("/")[2].lower()
    row = row_of(path)
    listed = row is not None and "/" not in row.pattern and name.endswith((".txt", ".in"))
    if listed or name == "cmakelists.txt":
        return "config"
    if name.endswith(_DOC_SUFFIX) or (_DOCS.search(path) and not is_code(name)):
        return "docs"
    if _EXAMPLE.search(path):
        return "example"
    if (
        name.endswith(_CONFIG_SUFFIX)
        or name.startswith(".env")
        or name in {"dockerfile", "containerfile", "procfile", "makefile"}
    ):
        return "config"
    return "code"


def is_code(path: str) -> bool:
    """Whether the ending is that of a language, whatever the folder."""
    name = path.rpartition("/")[2].lower()
    return name.endswith(_MORE_CODE) or name[name.rfind(".") :] in SUFFIXES


def left_to_labels(uses: Sequence[Use]) -> dict[str, dict[str, int]]:
    """Return how many uses stand in text with a label that a policy may not judge, and in how many files, by region."""
    found: dict[str, dict[str, int]] = {}
    for region in LABELS:
        here = [use for use in uses if use.region == region and not use.context]
        if here:
            found[region] = {"uses": len(here), "files": len({use.path for use in here})}
    return found
