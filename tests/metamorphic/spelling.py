"""Transformations of how code says something: other imports, other arguments, the value somewhere else."""

from __future__ import annotations

import re
from collections.abc import Callable

from tests.metamorphic.change import Change, Made
from tests.metamorphic.seeds import PART, Files, Seed

#: How each client is imported in the seeds: module, name; "" where the module is used by its name.
_FROM = re.compile(rb"^from ([\w.]+) import (\w+)\n", re.M)
_PLAIN = re.compile(rb"^import (anthropic|requests)\n", re.M)
_URL = re.compile(rb"'(https?://[^']+)'")


def _imports(name: str, spell: Callable[[str, str], str], **beside: str) -> Change:
    """`spell(module, name)` returns the lines that bind `name`."""

    def make(seed: Seed, files: Files) -> Made:
        def line(found: re.Match[bytes]) -> bytes:
            return spell(found[1].decode(), found[2].decode()).encode()

        found = _FROM.search(files[seed.part])
        if found is None:
            return dict(files)
        made = {**files, seed.part: _FROM.sub(line, files[seed.part])}
        words = {"module": found[1].decode(), "name": found[2].decode()}
        return made | {f"{PART}/{path}": text.format(**words).encode() for path, text in beside.items()}

    return Change(name, make, lambda seed: seed.is_code and bool(_FROM.search(seed.bad[seed.part])))


def _modules(name: str, spell: Callable[[str], str]) -> Change:
    """`spell(module)` returns the lines that bind the module under its own name."""

    def make(seed: Seed, files: Files) -> Made:
        data = _PLAIN.sub(lambda found: spell(found[1].decode()).encode(), files[seed.part])
        return {**files, seed.part: data}

    return Change(name, make, lambda seed: seed.is_code and bool(_PLAIN.search(seed.bad[seed.part])))


def _value(name: str, code: str, value: str = "", **beside: str) -> Change:
    """The address stands elsewhere: `code` comes before it, `value` in its place, `beside` are files with it.

    `{added}`, `{listed}` and `{beside}` are its letters, one string each; `{codes}` are their numbers.
    `{url}`, `{scheme}`, `{host}` and `{path}` are the address and its parts, `{half}` and `{rest}` its halves.
    """

    def make(seed: Seed, files: Files) -> Made:
        found = _URL.search(files[seed.part])
        if found is None:
            return dict(files)
        url = found[1].decode()
        scheme, _, tail = url.partition("://")
        host, _, path = tail.partition("/")
        words = {"url": url, "scheme": scheme, "host": host, "path": path, "half": url[:15], "rest": url[15:]}
        words |= {
            name: sign.join(map(repr, url)) for name, sign in (("added", " + "), ("listed", ", "), ("beside", " "))
        }
        words["codes"] = ", ".join(str(ord(letter)) for letter in url)
        data = files[seed.part].replace(found[0], (value or "URL").format(**words).encode(), 1)
        made: Made = {**files, seed.part: code.format(**words).encode() + data}
        return made | {path: text.format(**words).encode() for path, text in beside.items()}

    return Change(f"address {name}", make, lambda seed: seed.is_code and bool(_URL.search(seed.bad[seed.part])))


_DOTTED = {"lib.py": "from {module} import {name}\n", "__init__.py": ""}
_DEPLOYMENT = """kind: Deployment
spec:
  template:
    spec:
      containers:
      - name: a
        env:
        - name: TARGET_URL
          value: {url}
"""
_ENV = "import os\nURL = os.environ['TARGET_URL']\n"

CHANGES = (
    _imports("import as", lambda module, name: f"from {module} import {name} as Other\n{name} = Other\n"),
    _imports("import of the module", lambda module, name: f"import {module}\n{name} = {module}.{name}\n"),
    _imports("import of the module as", lambda module, name: f"import {module} as m\n{name} = m.{name}\n"),
    _imports(
        "importlib", lambda module, name: f"import importlib\n{name} = importlib.import_module('{module}').{name}\n"
    ),
    _imports("__import__", lambda module, name: f"{name} = __import__('{module}').{name}\n"),
    _imports("getattr", lambda module, name: f"import {module}\n{name} = getattr({module}, '{name}')\n"),
    _imports("in parentheses", lambda module, name: f"from {module} import (\n    {name},\n)\n"),
    _imports("over two lines", lambda module, name: f"from {module} \\\n    import {name}\n"),
    _imports(
        "tried", lambda module, name: f"try:\n    from {module} import {name}\nexcept ImportError:\n    {name} = None\n"
    ),
    _imports("re-export", lambda module, name: f"from part.lib import {name}\n", **_DOTTED),
    _imports("re-export by star", lambda module, name: "from part.lib import *\n", **_DOTTED),
    _imports("relative re-export", lambda module, name: f"from .lib import {name}\n", **_DOTTED),
    _imports(
        "re-export as",
        lambda module, name: f"from part.lib import Thing as {name}\n",
        **{"lib.py": "from {module} import {name} as Thing\n", "__init__.py": ""},
    ),
    _imports(
        "re-export twice",
        lambda module, name: f"from part.lib import {name}\n",
        **{"lib.py": "from part.deep import {name}\n", "deep.py": "from {module} import {name}\n", "__init__.py": ""},
    ),
    _imports(
        "re-export by the package",
        lambda module, name: f"from part import {name}\n",
        **{"__init__.py": "from {module} import {name}\n"},
    ),
    _imports(
        "by its module of another file", lambda module, name: f"from part import lib\n{name} = lib.{name}\n", **_DOTTED
    ),
    _modules("module as", lambda module: f"import {module} as other\n{module} = other\n"),
    _modules(
        "module by importlib", lambda module: f"import importlib\n{module} = importlib.import_module('{module}')\n"
    ),
    _modules("module by __import__", lambda module: f"{module} = __import__('{module}')\n"),
    _modules("module tried", lambda module: f"try:\n    import {module}\nexcept ImportError:\n    {module} = None\n"),
    _value("in a name", "URL = '{url}'\n"),
    _value("in two halves", "A = '{half}'\nURL = A + '{rest}'\n"),
    _value("in an f-string", "H = '{host}'\nURL = f'{scheme}://{{H}}/{path}'\n"),
    _value("by format", "URL = '{scheme}://{{}}/{path}'.format('{host}')\n"),
    _value("by percent", "URL = '{scheme}://%s/{path}' % '{host}'\n"),
    _value("by join", "URL = ''.join(['{half}', '{rest}'])\n"),
    _value("in letters", "URL = {added}\n"),
    _value("in letters side by side", "URL = ({beside})\n"),
    _value("in letters joined", "URL = ''.join([{listed}])\n"),
    _value("by replace", "URL = '{scheme}://HOST/{path}'.replace('HOST', '{host}')\n"),
    _value("in a table", "T = {{'a': '{url}'}}\n", "T['a']"),
    _value("in a table, asked", "T = {{'a': '{url}'}}\n", "T.get('a')"),
    _value("in a list", "T = ['{url}']\n", "T[0]"),
    _value("in a class", "class C:\n    url = '{url}'\n", "C.url"),
    _value("in a default", "def at(url='{url}'):\n    return url\n", "at()"),
    _value("returned", "def at():\n    return '{url}'\n", "at()"),
    _value("in a lambda", "at = lambda: '{url}'\n", "at()"),
    _value("chosen", "import sys\nURL = '{url}' if sys.argv else '{url}'\n"),
    _value("unpacked", "URL, x = '{url}', 1\n"),
    _value("by walrus", "if (URL := '{url}'):\n    pass\n"),
    _value(
        "in another file",
        "from part.settings import URL\n",
        **{f"{PART}/settings.py": "URL = '{url}'\n", f"{PART}/__init__.py": ""},
    ),
    _value(
        "in another file's class",
        "from part.settings import S\n",
        "S.url",
        **{f"{PART}/settings.py": "class S:\n    url = '{url}'\n", f"{PART}/__init__.py": ""},
    ),
    _value(
        "of two files",
        "from part.settings import HOST\nURL = '{scheme}://' + HOST + '/{path}'\n",
        **{f"{PART}/settings.py": "HOST = '{host}'\n", f"{PART}/__init__.py": ""},
    ),
    _value(
        "in halves of another file",
        "from part.settings import A, B\nURL = A + B\n",
        **{f"{PART}/settings.py": "B = '{rest}'\nA = '{half}'\n", f"{PART}/__init__.py": ""},
    ),
    _value(
        "in halves of two files, handed on",
        "from part.mid import x as A\nimport part.settings as s\nURL = f'{{A}}{{s.B}}'\n",
        **{
            f"{PART}/settings.py": "B = '{rest}'\n",
            f"{PART}/mid.py": "from part.deep import A as x\n",
            f"{PART}/deep.py": "A = '{half}'\n",
            f"{PART}/__init__.py": "",
        },
    ),
    _value("in codes", "URL = ''.join(map(chr, [{codes}]))\n"),
    _value("in bytes", "URL = bytes([{codes}]).decode()\n"),
    _value("in the environment's default", "import os\nURL = os.getenv('TARGET_URL', '{url}')\n"),
    _value("in .env", _ENV, **{".env": "TARGET_URL={url}\n"}),
    _value("in .env, quoted", _ENV, **{".env": "export TARGET_URL='{url}'\n"}),
    _value("in .env.production", _ENV, **{".env.production": "TARGET_URL={url}\n"}),
    _value("in a Dockerfile", _ENV, Dockerfile="FROM scratch\nENV TARGET_URL={url}\n"),
    _value("in a shell script", _ENV, **{"run.sh": "#!/bin/sh\nexport TARGET_URL={url}\npython main.py\n"}),
    _value(
        "in a shell variable of two",
        _ENV,
        **{"run.sh": "#!/bin/sh\nHOST={host}\nexport TARGET_URL={scheme}://$HOST/{path}\npython main.py\n"},
    ),
    _value(
        "in compose",
        _ENV,
        **{"compose.yaml": "services:\n  a:\n    image: x\n    environment:\n      TARGET_URL: {url}\n"},
    ),
    _value("in a workflow", _ENV, **{".github/workflows/a.yml": "on: push\nenv:\n  TARGET_URL: {url}\njobs: {{}}\n"}),
    _value(
        "in Kubernetes",
        _ENV,
        **{"k8s/deploy.yaml": _DEPLOYMENT},
    ),
)
