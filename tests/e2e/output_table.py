"""The table of all writers by all kinds of target; run in a mount namespace of its own by test_output_door.py.

    python -m tests.e2e.output_table FOLDER      prints {"writer > target": problem or ""} as JSON

Nothing here may run against the real /dev: the first thing it does is to look for the mark of the private one.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from secpipe.cli.main import run
from secpipe.keystore import age
from tests.unit.keystore.conftest import quick_seal

PRIVATE = Path("/dev/private-to-this-test")
OLD = b"what stood there before, and is nobody's business"

#: name -> the arguments that make the product write to a place; relative paths count from the project.
WRITERS: dict[str, Callable[[str], list[str]]] = {
    "check -o": lambda place: ["check", ".", "-q", "-o", place],
    "check -f json=": lambda place: ["check", ".", "-q", "-f", f"json={place}"],
    "check -f sarif=": lambda place: ["check", ".", "-q", "-f", f"sarif={place}"],
    "check --emit-input": lambda place: ["check", ".", "-q", "--emit-input", place, "-f", "json=../ignored.json"],
    "report -o": lambda place: ["report", "../verdict.json", "-f", "html", "-o", place],
    "scan models -o": lambda place: ["scan", "models", ".", "-o", place],
    "scan shadow-ai -o": lambda place: ["scan", "shadow-ai", ".", "-o", place],
    "audit -o": lambda place: ["audit", ".", "-o", place],
    "audit --write-vex": lambda place: [
        "audit",
        ".",
        "--write-vex",
        place,
        "--author",
        "x",
        "-f",
        "json=../ignored.json",
    ],
    "verify -o": lambda place: ["verify", "app.py", "-o", place],
    "sbom generate -o": lambda place: ["sbom", "generate", ".", "-o", place],
    "sbom generate -f spdx=": lambda place: ["sbom", "generate", ".", "-f", f"spdx-json={place}"],
    "sbom convert -o": lambda place: ["sbom", "convert", "../bom.json", "-f", "cyclonedx-xml", "-o", place],
    "sbom merge -o": lambda place: ["sbom", "merge", "../bom.json", "../bom.json", "-o", place],
    "sbom score -o": lambda place: ["sbom", "score", "../bom.json", "-o", place],
    "keys list -o": lambda place: ["keys", "list", "-o", place],
    "keys export -o": lambda place: ["keys", "export", "builder", "-o", place],
    "keys schemes -o": lambda place: ["keys", "schemes", "-f", "json", "-o", place],
    "trust show -o": lambda place: ["trust", "show", "-o", place],
}


class Case:
    """One writer before one target, in a folder of its own beside the project."""

    def __init__(self, base: Path, argv: Callable[[str], list[str]], usual: int) -> None:
        self.base, self.argv, self.usual = base, argv, usual
        self.victim = base / "victim"
        self.victim.write_bytes(OLD)

    def code(self, place: object, stdout: int | None = None) -> int:
        """Run the command in a child and return its exit code; what it says goes nowhere that matters."""
        child = os.fork()
        if child == 0:
            quiet = os.open(self.base / "said", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            os.dup2(quiet if stdout is None else stdout, 1)
            os.dup2(quiet, 2)
            code = 99
            try:
                code = run(self.argv(str(place)))
                sys.stdout.flush()
            finally:
                os._exit(code)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

    def wants(self, place: object, code: int, stdout: int | None = None) -> str:
        got = self.code(place, stdout)
        said = (self.base / "said").read_text(errors="replace")[-300:] if (self.base / "said").exists() else ""
        return "" if got == code else f"exit {got}, not {code}: {said}"

    def refused(self, place: object) -> str:
        """The victim, whatever its links and names, is as it was, and the exit code says wrong usage."""
        problem = self.wants(place, 2)
        return problem or ("" if self.victim.read_bytes() == OLD else "the victim was written")


def _drained(case: Case, write_end: int, read_end: int, place: object, stdout: int | None = None) -> str:
    got: list[bytes] = []

    def drain() -> None:
        while part := os.read(read_end, 65536):
            got.append(part)

    reader = threading.Thread(target=drain)
    reader.start()
    problem = case.wants(place, case.usual, stdout)
    os.close(write_end)
    reader.join()
    return problem or ("" if b"".join(got) else "nothing came through")


def device(case: Case) -> str:
    place = case.base / "null"
    os.mknod(place, 0o666 | stat.S_IFCHR, os.makedev(1, 3))
    problem = case.wants(place, case.usual)
    return problem or ("" if stat.S_ISCHR(os.lstat(place).st_mode) else "the device was replaced")


def dev_null(case: Case) -> str:
    problem = case.wants("/dev/null", case.usual)
    return problem or ("" if stat.S_ISCHR(os.lstat("/dev/null").st_mode) else "/dev/null was replaced")


def full_device(case: Case) -> str:
    problem = case.wants("/dev/full", 3)
    return problem or ("" if stat.S_ISCHR(os.lstat("/dev/full").st_mode) else "/dev/full was replaced")


def fifo(case: Case) -> str:
    place = case.base / "fifo"
    os.mkfifo(place)
    read_end = os.open(place, os.O_RDONLY | os.O_NONBLOCK)
    write_end = os.open(place, os.O_WRONLY)
    os.set_blocking(read_end, True)
    problem = _drained(case, write_end, read_end, place)
    return problem or ("" if stat.S_ISFIFO(os.lstat(place).st_mode) else "the FIFO was replaced")


def descriptor(case: Case) -> str:
    read_end, write_end = os.pipe()
    os.set_inheritable(write_end, True)
    return _drained(case, write_end, read_end, f"/dev/fd/{write_end}")


def dev_stdout(case: Case) -> str:
    read_end, write_end = os.pipe()
    return _drained(case, write_end, read_end, "/dev/stdout", write_end)


def link_to_stdout(case: Case) -> str:
    (case.base / "out").symlink_to("/dev/stdout")
    read_end, write_end = os.pipe()
    return _drained(case, write_end, read_end, case.base / "out", write_end)


def stdout_in_a_file(case: Case) -> str:
    file = case.base / "redirected"
    number = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.write(number, b"first\n")
    problem = case.wants("/dev/stdout", case.usual, number)
    data = file.read_bytes()
    return problem or ("" if data.startswith(b"first\n") and len(data) > 6 else "the redirected file lost its start")


def closed_descriptor(case: Case) -> str:
    return case.wants("/dev/fd/777", 2)


def read_only_descriptor(case: Case) -> str:
    number = os.open(case.victim, os.O_RDONLY)
    os.set_inheritable(number, True)
    return case.refused(f"/dev/fd/{number}")


def gone_reader(case: Case) -> str:
    read_end, write_end = os.pipe()
    os.close(read_end)
    os.set_inheritable(write_end, True)
    return case.wants(f"/dev/fd/{write_end}", 3)


def unix_socket(case: Case) -> str:
    place, got = str(case.base / "s"), list[bytes]()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(place)
        server.listen()
        server.settimeout(20)

        def serve() -> None:
            with contextlib.suppress(TimeoutError):
                connection = server.accept()[0]
                while part := connection.recv(65536):
                    got.append(part)

        reader = threading.Thread(target=serve, daemon=True)
        reader.start()
        problem = case.wants(place, case.usual)
        if not problem:
            reader.join()
    return problem or ("" if got and stat.S_ISSOCK(os.lstat(place).st_mode) else "nothing came through")


def new_file(case: Case) -> str:
    os.umask(0o027)
    problem = case.wants(case.base / "new", case.usual)
    os.umask(0o022)
    return problem or ("" if (case.base / "new").stat().st_mode & 0o777 == 0o640 else "the umask was not kept")


def old_file(case: Case) -> str:
    os.chown(case.victim, 4242, 4343)
    os.chmod(case.victim, 0o604)
    problem = case.wants(case.victim, case.usual)
    info = case.victim.stat()
    kept = (info.st_uid, info.st_gid, info.st_mode & 0o7777) == (4242, 4343, 0o604)
    return problem or ("" if kept and case.victim.read_bytes() != OLD else "mode or owner was lost")


def link_outside(case: Case) -> str:
    link = case.base / "link"
    link.symlink_to("victim")
    problem = case.wants(link, case.usual)
    return problem or ("" if link.is_symlink() and case.victim.read_bytes() != OLD else "the link was not followed")


def link_outside_to_device(case: Case) -> str:
    (case.base / "link").symlink_to("/dev/null")
    return case.wants(case.base / "link", case.usual) or dev_null(case)


def folder_link_outside(case: Case) -> str:
    (case.base / "real").mkdir()
    (case.base / "folder").symlink_to("real")
    problem = case.wants(case.base / "folder" / "x", case.usual)
    return problem or ("" if (case.base / "real" / "x").is_file() else "the folder's link was not followed")


def dangling_link_outside(case: Case) -> str:
    (case.base / "link").symlink_to("made")
    problem = case.wants(case.base / "link", case.usual)
    return problem or ("" if (case.base / "made").is_file() else "the target was not made")


def _planted(case: Case, name: str, target: str | Path, place: str, *, folder: bool = False) -> str:
    link = Path(name)
    link.symlink_to(target, target_is_directory=folder)
    try:
        return case.refused(place)
    finally:
        link.unlink()


def link_inside(case: Case) -> str:
    return _planted(case, "report.json", case.victim, "report.json")


def link_inside_to_device(case: Case) -> str:
    return _planted(case, "report.json", "/dev/null", "report.json")


def folder_link_inside(case: Case) -> str:
    return _planted(case, "out", case.base, "out/victim", folder=True)


def folder_link_inside_by_dots(case: Case) -> str:
    (case.base / "a").mkdir()
    return _planted(case, "out", case.base / "a", "out/../victim", folder=True)


def chain_inside(case: Case) -> str:
    (case.base / "outer").symlink_to(Path.cwd() / "inner")
    return _planted(case, "inner", case.victim, str(case.base / "outer"))


def hard_link_inside(case: Case) -> str:
    os.link(case.victim, "report.json")
    try:
        problem = case.wants("report.json", case.usual)
    finally:
        os.unlink("report.json")
    return problem or ("" if case.victim.read_bytes() == OLD else "the other name of the file was written")


def folder(case: Case) -> str:
    return case.refused(case.base)


def missing_parent(case: Case) -> str:
    return case.refused(case.base / "absent" / "x")


def parent_is_a_file(case: Case) -> str:
    return case.refused(case.victim / "x")


def circle(case: Case) -> str:
    (case.base / "one").symlink_to("two")
    (case.base / "two").symlink_to("one")
    return case.refused(case.base / "one")


def endless_name(case: Case) -> str:
    return case.refused(case.base / ("x" * 5000))


TARGETS: list[Callable[[Case], str]] = [
    device, dev_null, full_device, fifo, descriptor, dev_stdout, link_to_stdout, stdout_in_a_file, closed_descriptor,
    read_only_descriptor, gone_reader, unix_socket, new_file, old_file, link_outside, link_outside_to_device,
    folder_link_outside, dangling_link_outside, link_inside, link_inside_to_device, folder_link_inside,
    folder_link_inside_by_dots, chain_inside, hard_link_inside, folder, missing_parent, parent_is_a_file, circle,
    endless_name,
]  # fmt: skip


def project(base: Path) -> None:
    """Make a project with keys and what the commands read, and stand in it."""
    age.seal = quick_seal
    home = base / "project"
    home.mkdir()
    os.chdir(home)
    subprocess.run(["git", "init", "-q"], check=True)
    (home / "requirements.txt").write_text("numpy==1.26.0\n")
    (home / "app.py").write_text("import openai\nclient = openai.OpenAI()\n")
    (base / "passphrase").write_text("correct horse\n")
    (base / "passphrase").chmod(0o600)
    os.environ |= {"SECPIPE_HOME": str(base / "home"), "SECPIPE_CACHE": str(base / "cache")}
    for argv in (
        ["keys", "init", "--passphrase-file", str(base / "passphrase")],
        ["sbom", "generate", ".", "-o", "../bom.json"],
        ["check", ".", "-q", "-f", "json=../verdict.json"],
    ):
        code = run(argv)
        if code == 2:
            raise SystemExit(f"{argv}: exit {code}")


def main(base: Path) -> None:
    """Fill the table and print it."""
    if os.getuid() or not PRIVATE.exists():
        raise SystemExit("not in a mount namespace of its own: refused")
    saved = os.dup(1)
    os.dup2(2, 1)
    project(base)
    found = {}
    for number, (name, argv) in enumerate(WRITERS.items()):
        (base / f"usual{number}").mkdir()
        usual = Case(base / f"usual{number}", argv, 0).code(base / f"usual{number}" / "result")
        if not (base / f"usual{number}" / "result").is_file():
            said = (base / f"usual{number}" / "said").read_text()[-300:]
            found[f"{name} > a file"] = f"nothing was written, exit {usual}: {said}"
            continue
        for target in TARGETS:
            place = base / f"{number}-{target.__name__}"
            place.mkdir()
            found[f"{name} > {target.__name__}"] = target(Case(place, argv, usual))
            strays = [item.name for item in place.iterdir() if item.name.endswith(".tmp")]
            found[f"{name} > {target.__name__}"] += f" left {strays}" if strays else ""
    os.write(saved, json.dumps(found).encode())


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
