"""The one table of lock files and manifests: which file name is whose. A new format is one row and one file."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase, translate
from functools import lru_cache

from secpipe.core.errors import InputError
from secpipe.core.ledger import NOBODY
from secpipe.core.limits import DEFAULT, Limits
from secpipe.core.text import opening, printable
from secpipe.formats.locks import loose
from secpipe.formats.locks.lock import Lock

#: The manifest of an installed npm package: directly in its folder of a `node_modules`.
INSTALLED_NODE = re.compile(r"(?:^|/)node_modules/(?:@[^/]+/)?[^/@.][^/]*/package\.json$")

Names = Callable[[str], Iterator[tuple[str, int]]]


@dataclass(frozen=True, slots=True)
class Row:
    """One format: a pattern over the name of a file, or over as many of its last parts as it has; case does not count.

    `reader` is the module below `formats/locks` that reads versions and edges, "" where there is none yet. `names`
    gives (name, line) of what such a file declares beyond that: for wings that only ask what is used. `locked` files
    pin versions: one without a reader hides packages, and every wing says so. A row that is not `listed` names
    packages that need not be installed.
    """

    pattern: str
    ecosystem: str
    reader: str = ""
    names: Names | None = None
    locked: bool = False
    listed: bool = True


#: What a list of requirements is read by, whatever it is called: who includes or installs it says that it is one.
REQUIREMENTS = Row("", "PyPI", "requirements")

TABLE = (
    Row("uv.lock", "PyPI", "uv", locked=True),
    Row("*.py.lock", "PyPI", "uv", locked=True),
    Row("poetry.lock", "PyPI", "poetry", locked=True),
    Row("pyproject.lock", "PyPI", "poetry", locked=True),
    Row("pdm.lock", "PyPI", "pdm", locked=True),
    Row("pylock.toml", "PyPI", "pylock", locked=True),
    Row("pylock.*.toml", "PyPI", "pylock", locked=True),
    Row("Pipfile.lock", "PyPI", "pipfile", locked=True),
    Row("pyproject.toml", "PyPI", "pyproject", loose.toml),
    Row("Pipfile", "PyPI", names=loose.toml),
    Row("setup.py", "PyPI", "setup"),
    Row("setup.cfg", "PyPI", "setup"),
    Row("*conda-lock.y*ml", "PyPI", "condalock", locked=True),
    Row("conda-*.lock", "PyPI", "conda_explicit", locked=True),
    Row("spec-file*.txt", "PyPI", "conda_explicit", locked=True),
    Row("conda-meta/*.json", "PyPI", "conda_meta", locked=True),
    Row("pixi.lock", "PyPI", "pixi", locked=True),
    Row("environment*.y*ml", "PyPI", "conda"),
    Row("conda*.y*ml", "PyPI", "conda"),
    Row("env.y*ml", "PyPI", "conda"),
    Row("*-env.y*ml", "PyPI", "conda"),
    Row("*_env.y*ml", "PyPI", "conda"),
    Row("*requirements*.txt", "PyPI", "requirements"),
    Row("*requirements*.in", "PyPI", "requirements"),
    Row("*requirements*.lock", "PyPI", "requirements", locked=True),
    Row("*requirements*.pip", "PyPI", "requirements"),
    Row("requirement.txt", "PyPI", "requirements"),
    Row("*reqs.txt", "PyPI", "requirements"),
    Row("requirements/*.txt", "PyPI", "requirements"),
    Row("requirements/*/*.txt", "PyPI", "requirements"),
    Row("requirements/*.in", "PyPI", "requirements"),
    Row("requirements/*.lock", "PyPI", "requirements", locked=True),
    Row("constraints*.txt", "PyPI", "requirements", listed=False),
    Row("constraints*.in", "PyPI", "requirements", listed=False),
    Row("package-lock.json", "npm", "npm_lock", locked=True),
    Row("npm-shrinkwrap.json", "npm", "npm_lock", locked=True),
    Row("package.json", "npm", "npm", loose.json_tables),
    Row("pnpm-lock.yaml", "npm", "pnpm", locked=True),
    Row("yarn.lock", "npm", "yarn", locked=True),
    Row("bun.lock", "npm", "bun", locked=True),
    Row("bun.lockb", "npm", names=loose.words, locked=True),
    Row("deno.lock", "npm", names=loose.words, locked=True),
    Row("deno.json", "npm", names=loose.json_tables),
    Row("deno.jsonc", "npm", names=loose.json_tables),
    Row("bower.json", "npm", names=loose.json_tables),
    Row("go.mod", "Go", "golang"),
    Row("go.sum", "Go", "golang_sum", locked=True),
    Row("Cargo.lock", "crates.io", "rust", locked=True),
    Row("Cargo.toml", "crates.io", names=loose.toml),
    Row("Gemfile.lock", "RubyGems", "gemfile", locked=True),
    Row("gems.locked", "RubyGems", "gemfile", locked=True),
    Row("*.gemfile.lock", "RubyGems", "gemfile", locked=True),
    Row("Gemfile", "RubyGems", names=loose.pattern(r"^[ \t]*gem[ \t]*\(?[ \t]*[\"']([\w-]+)[\"']")),
    Row("*.gemspec", "RubyGems", names=loose.pattern(r"add_(?:\w+_)?dependency\s*\(?\s*[\"']([\w-]+)[\"']")),
    Row("composer.lock", "Packagist", "composer", locked=True),
    Row("vendor/composer/installed.json", "Packagist", "composer", locked=True),
    Row("composer.json", "Packagist", names=loose.json_tables),
    Row("pom.xml", "Maven", "maven"),
    Row("*gradle.lockfile", "Maven", "gradle", locked=True),
    Row("dependency-locks/*.lockfile", "Maven", "gradle", locked=True),
    Row("libs.versions.toml", "Maven", names=loose.pattern(r"(?:module\s*=\s*|=\s*)\"([\w.-]+:[\w.-]+)(?::[^\"]*)?\"")),
    Row("*.gradle", "Maven", names=loose.gradle),
    Row("*.gradle.kts", "Maven", names=loose.gradle),
    Row("build.sbt", "Maven", names=loose.pattern(r"\"([\w.-]+)\"\s+%%?%?\s+\"([\w.-]+)\"")),
    Row("packages.lock.json", "NuGet", "nuget", locked=True),
    Row("packages.config", "NuGet", "nuget_config", locked=True),
    Row("paket.lock", "NuGet", names=loose.words, locked=True),
    Row("project.assets.json", "NuGet", names=loose.words, locked=True),
    Row("*.csproj", "NuGet", names=loose.nuget),
    Row("*.fsproj", "NuGet", names=loose.nuget),
    Row("*.vbproj", "NuGet", names=loose.nuget),
    Row("*.props", "NuGet", names=loose.nuget),
    Row("mix.lock", "Hex", "mix", locked=True),
    Row("rebar.lock", "Hex", names=loose.words, locked=True),
    Row("pubspec.lock", "Pub", "pubspec", locked=True),
    Row("Package.resolved", "SwiftURL", "swift", locked=True),
    Row("mix.exs", "Hex", names=loose.pattern(r"\{[ \t]*:([a-z]\w*)[ \t]*,")),
    Row("deps.edn", "Maven", names=loose.clojure),
    Row("project.clj", "Maven", names=loose.clojure),
    Row("pubspec.yaml", "Pub", names=loose.pattern(r"^  ([a-z]\w*):[ \t]*(?:[\^\"'<>=\d].*|any)?$")),
    Row("Package.swift", "SwiftURL", names=loose.swift),
    Row("Podfile.lock", "CocoaPods", "cocoapods", locked=True),
    Row("*.deps.json", "NuGet", names=loose.words),
    Row("Cartfile.resolved", "SwiftURL", names=loose.words, locked=True),
    Row("renv.lock", "CRAN", names=loose.words, locked=True),
    Row("packrat.lock", "CRAN", names=loose.words, locked=True),
    Row("stack.yaml.lock", "Hackage", names=loose.words, locked=True),
    Row("cabal.project.freeze", "Hackage", names=loose.words, locked=True),
    Row("cpanfile.snapshot", "CPAN", names=loose.words, locked=True),
    Row("conan.lock", "ConanCenter", names=loose.words, locked=True),
    Row("opam.locked", "opam", names=loose.words, locked=True),
    Row("shard.lock", "Crystal", names=loose.words, locked=True),
    Row("nimble.lock", "Nimble", names=loose.words, locked=True),
    Row("dub.selections.json", "Dub", names=loose.words, locked=True),
    Row("lake-manifest.json", "Lake", names=loose.words, locked=True),
    Row("spago.lock", "PureScript", names=loose.words, locked=True),
    Row("buf.lock", "Buf", names=loose.words, locked=True),
    Row("Brewfile.lock.json", "Homebrew", names=loose.words, locked=True),
    Row("devbox.lock", "Nix", names=loose.words, locked=True),
    Row("Godeps.json", "Go", names=loose.words, locked=True),
    Row("Gopkg.lock", "Go", names=loose.words, locked=True),
    Row("glide.lock", "Go", names=loose.words, locked=True),
    Row("MODULE.bazel.lock", "Bazel", names=loose.words, locked=True),
    Row("flake.lock", "Nix", names=loose.words, locked=True),
    Row("Chart.lock", "Helm", names=loose.words, locked=True),
    Row(".terraform.lock.hcl", "Terraform", names=loose.words, locked=True),
)

_EXACT = {row.pattern.lower(): row for row in TABLE if not set(row.pattern) & set("*?[/")}
_GLOBS = tuple((row.pattern.lower(), row) for row in TABLE if row.pattern.lower() not in _EXACT)
#: How the names end that any of the globs takes: most files are none of them.
_ANY = re.compile("|".join(translate(glob) for glob, _ in _GLOBS))
_ENDS = tuple({glob.rpartition("*")[2] for glob, _ in _GLOBS})


@lru_cache(4096)
def row_of(path: str) -> Row | None:
    """Return the row of the file at `path`, or None."""
    name = path.rpartition("/")[2].lower()
    if name in _EXACT:
        return _EXACT[name]
    if not name.endswith(_ENDS):
        return None
    parts = path.lower().split("/")
    tails = [name, "/".join(parts[-2:]), "/".join(parts[-3:])]
    if not any(map(_ANY.match, tails)):
        return None
    return next((row for glob, row in _GLOBS if fnmatchcase(tails[glob.count("/")], glob)), None)


def read(
    row: Row, path: str, data: bytes, near: Callable[[str], bytes | None] | None = None, limits: Limits = DEFAULT
) -> Lock:
    """Return what the row's reader finds in a file. Never raises: `problem` says why the reading ended early."""
    lock = Lock(path, data, near, limits) if near else Lock(path, data, limits=limits)
    reader: Callable[[Lock], None] = importlib.import_module(f"secpipe.formats.locks.{row.reader}").read
    lock.problem = guarded(lambda: reader(lock), row.reader) or ("" if lock.asked else NOBODY)
    return lock


def guarded(action: Callable[[], None], what: str) -> str:
    """Run the reading of a hostile file; return why it ended early, or ""."""
    try:
        action()
    except InputError as error:
        return printable(error.message, 300)
    except RecursionError:
        return "nested too deeply"
    except UnicodeDecodeError as error:
        return f"is not UTF-8 at byte {error.start}"
    except KeyError as error:
        return f"an entry lacks {opening(str(error.args[0]) if error.args else '?')}"
    except (ValueError, TypeError, AttributeError, IndexError, OverflowError) as error:
        # A file of a shape that its reader does not know: said, never guessed.
        return f"unexpected content ({what}, {type(error).__name__})"
    return ""
