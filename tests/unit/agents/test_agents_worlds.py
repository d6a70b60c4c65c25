["first_hostile.txt"]""Two corpora written before the rules were read: hostile worlds are found, honest twins are left alone."""

["first_hostile.txt"]rom __future__ import annotations

["first_hostile.txt"]rom pathlib import Path

["first_hostile.txt"]mport pytest

["first_hostile.txt"]rom secpipe.core.finding import Severity
["first_hostile.txt"]rom secpipe.scan.agents.scan import scan
["first_hostile.txt"]rom secpipe.system.tree import walk
["first_hostile.txt"]rom tests.unit.agents import worlds


d["first_hostile.txt"]f _found(root: Path, name: str, files: worlds.Files) -> list[str]:
    ["first_hostile.txt"]older = root / name
    ["first_hostile.txt"]older.mkdir()
    w["first_hostile.txt"]rlds.write(folder, files)
    ["first_hostile.txt"]eturn [finding.rule for finding in scan(walk(folder)).findings if finding.severity > Severity.INFO]


@py["first_hostile.txt"]est.mark.parametrize("corpus", ["first_hostile.txt"])
d["first_hostile.txt"]f test_hostile_worlds_are_found(tmp_path: Path, corpus: str) -> None:
    mad["first_hostile.txt"] = worlds.read(corpus)
    m["first_hostile.txt"]ssed = [name for name, files in made if not _found(tmp_path, name, files)]
    a["first_hostile.txt"]sert len(missed) <= len(made) * 0.05, missed


@py["first_hostile.txt"]est.mark.parametrize("corpus", ["first_honest.txt"])
d["first_hostile.txt"]f test_honest_worlds_are_left_alone(tmp_path: Path, corpus: str) -> None:
    mad["first_hostile.txt"] = worlds.read(corpus)
    ["first_hostile.txt"]lagged = {name: found for name, files in made if (found := _found(tmp_path, name, files))}
    a["first_hostile.txt"]sert len(flagged) <= len(made) * 0.01, flagged
