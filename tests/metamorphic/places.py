"""Transformations of where something lies: folders, names, links, nested stores, and how many are beside it."""

from __future__ import annotations

from secpipe.scan.shadow_ai.regions import LABELS, region_of
from tests.metamorphic.change import Change, Made
from tests.metamorphic.seeds import PART, Files, Seed, safetensors

#: Every folder that sounds as if it did not ship.
_FOLDERS = (
    "tests", "test", "testing", "specs", "spec", "mocks", "fixtures", "vendor", "third_party", "docs", "examples",
    "snapshots", "__tests__", "benchmarks", "demo", "samples", "dist", "build", "target", "out", "tmp", "cache",
    "legacy", "archive", "scripts", "tools", "Tests", "test_data", "e2e", "node_modules",
)  # fmt: skip
_FILES = (
    "AUDIT", "CREDIT", "JobSpec", "ModelSpec", "test_client", "client_test", "conftest", "setup", "_version",
    "client_spec", "generated_pb2", "migrations", "TESTIT", "mock_client", "example",
)  # fmt: skip


def _folder(new: str) -> Change:
    """`main.py` follows where code is imported."""

    def make(seed: Seed, files: Files) -> Made:
        moved = {path.replace(f"{PART}/", f"{new}/"): data for path, data in files.items()}
        mains = {path: data.replace(PART.encode(), new.encode()) for path, data in files.items() if path[:5] == "main."}
        return {**moved, **mains}

    # What stands in a folder of installed packages is one of them, unless code that ships imports it.
    def fits(seed: Seed) -> bool:
        return seed.moves and (seed.is_code or new != "node_modules")

    return Change(f"folder {new}", make, fits, labels=region_of(f"{new}/x") in LABELS)


def _file(new: str) -> Change:
    def make(seed: Seed, files: Files) -> Made:
        moved = {path.replace("/client.py", f"/{new}.py"): data for path, data in files.items()}
        return {**moved, "main.py": files["main.py"].replace(b"client", new.encode())}

    return Change(f"file {new}", make, lambda seed: seed.is_code)


def _linked(target: str) -> Change:
    """The part is a link to a file of another name."""

    def make(seed: Seed, files: Files) -> Made:
        if seed.part not in files:
            return dict(files)
        depth = "../" * seed.part.count("/")
        return {**files, target: files[seed.part], seed.part: f"{depth}{target}"}

    return Change(f"link to {target}", make, lambda seed: seed.moves)


def _linked_folder(seed: Seed, files: Files) -> Made:
    """The whole folder lies elsewhere, and a link stands in its place."""
    moved = {path.replace(f"{PART}/", "store/real/"): data for path, data in files.items()}
    return {**moved, PART: "store/real"} if moved != files else dict(files)


def _among(place: str) -> Change:
    """The 301st of many, in the order of names, or the first."""

    def make(seed: Seed, files: Files) -> Made:
        return {**{f"{PART}/{place}{number:03}.py": b"x = 1\n" for number in range(300)}, **files}

    return Change(f"among 300 {place}", make, lambda seed: seed.moves)


def _among_models(seed: Seed, files: Files) -> Made:
    return {**{f"{PART}/a{number:02}.safetensors": safetensors() for number in range(40)}, **files}


def _nested(store: str) -> Change:
    """The folder is another project's: its own store lies in it, or a file that names one."""

    def make(seed: Seed, files: Files) -> Made:
        more = {f"{PART}/.git": b"gitdir: ../.git/modules/part\n"}
        if store == "folder":
            more = {f"{PART}/.git/HEAD": b"ref: refs/heads/main\n", f"{PART}/.git/config": b"[core]\n"}
        return {**files, **more}

    return Change(f"nested store, a {store}", make, lambda seed: seed.moves, keeps=False)


def _in_store(seed: Seed, files: Files) -> Made:
    """The part lies in git's own store, and a link leads to it."""
    depth = "../" * seed.part.count("/")
    if seed.part not in files:
        return dict(files)
    return {**files, ".git/HEAD": b"ref: x\n", ".git/kept": files[seed.part], seed.part: f"{depth}.git/kept"}


def _lines(count: int) -> Change:
    """The last of many lines, all of another package that nobody objects to."""

    def make(seed: Seed, files: Files) -> Made:
        if seed.part not in files:
            return dict(files)
        many = "".join(f"honest-{number}==1.0 --hash=sha256:{'ab' * 32}\n" for number in range(count))
        return {**files, seed.part: many.encode() + files[seed.part]}

    return Change(
        f"behind {count} requirements", make, lambda seed: seed.file == "requirements.txt", heavy=count > 1000
    )


_SIBLINGS: dict[str, bytes] = {
    "ok.py": b"from openai import OpenAI\n\nOpenAI().chat.completions.create(model='m', messages=[])\n",
    "ok.safetensors": safetensors(8),
    "ok.txt": b"openai\n",
    ".env": b"OPENAI_BASE_URL=https://api.openai.com/v1\n",
    ".gitignore": b"*\n",
    ".dockerignore": b"**\n",
    ".semgrepignore": b"*\n",
    ".secpipeignore": b"*\n",
    "README.md": b"# nothing to see\n",
    "secpipe-waivers.toml": b"[[waiver]]\nrule = '*'\n",
}


def _sibling(name: str) -> Change:
    def make(seed: Seed, files: Files) -> Made:
        return {f"{PART}/{name}": _SIBLINGS[name], **files}

    def fits(seed: Seed) -> bool:
        """Where only local AI or the gateway may be used, the sibling is none that is approved."""
        remote = seed.rule in ("shadow-ai/not-local", "shadow-ai/not-through-gateway")
        more = seed.wing == "gate" and name.endswith(".safetensors")  # one more to sign, and to list
        return seed.moves and not more and seed.file != name and not (remote and name in ("ok.py", "ok.txt", ".env"))

    return Change(f"beside {name}", make, fits)


CHANGES = (
    Change("none", lambda seed, files: dict(files)),
    *map(_folder, _FOLDERS),
    *map(_file, _FILES),
    *map(_linked, ("data/notes.txt", "data/plain", "tests/real.dat")),
    Change("linked folder", _linked_folder, lambda seed: seed.moves),
    *map(_among, ("a", "z")),
    Change("among 40 models", _among_models, lambda seed: seed.moves and seed.wing != "gate"),
    *map(_nested, ("file", "folder")),
    Change("in git's store", _in_store, lambda seed: seed.moves, keeps=False),
    *map(_lines, (300, 5000)),
    *map(_sibling, _SIBLINGS),
)
