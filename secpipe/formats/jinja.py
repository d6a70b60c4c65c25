"""Jinja templates as syntax trees. The only importer of jinja2, which parses and never renders (docs/adr/0010)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from secpipe.core.errors import InputError, MissingDependency, UnsafeInput

#: Hugging Face's mark for what counts in training; jinja2 itself does not know it.
_GENERATION: Final = re.compile(r"\{%[-+]?\s*(?:end)?generation\s*[-+]?%\}")
_LONGEST: Final = 1 << 20
_DEEPEST: Final = 200  # brackets and blocks open at once, far below what exhausts the parser's stack


def parse(source: str) -> Any:
    """Return the `jinja2.nodes.Template` of a template as chat runtimes read it; nothing is compiled or rendered.

    Understands `break`, `continue` and Hugging Face's `generation` blocks. Raises InputError for what is no template,
    UnsafeInput over a bound, MissingDependency without jinja2.
    """
    try:
        from jinja2 import Environment, TemplateSyntaxError  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        raise MissingDependency("templates cannot be judged without jinja2", hint="pip install jinja2") from None
    if len(source) > _LONGEST:
        raise UnsafeInput("the template is longer than 1 MiB")
    if _depth(source) > _DEEPEST:
        raise UnsafeInput("the template is nested too deeply")
    try:
        return Environment(extensions=["jinja2.ext.loopcontrols"], autoescape=True).parse(_GENERATION.sub("", source))
    except TemplateSyntaxError as error:
        raise InputError(f"no template at line {error.lineno}") from None
    except RecursionError:
        raise UnsafeInput("the template is nested too deeply") from None
    except (ValueError, OverflowError, MemoryError, AssertionError, UnicodeError, IndexError) as error:
        raise InputError(f"no template: {type(error).__name__}") from None


def walk(tree: Any) -> Iterator[Any]:
    """Yield all nodes of a tree, outermost first, without recursion."""
    pending = [tree]
    while pending:
        node = pending.pop()
        yield node
        pending.extend(reversed(list(node.iter_child_nodes())))


def _depth(source: str) -> int:
    """Return a bound on how deep the parser would recurse: open brackets, blocks, chains of unary operators."""
    deepest = depth = 0
    for char in source:
        if char in "([{":
            depth += 1
            deepest = max(deepest, depth)
        elif char in ")]}":
            depth = max(depth - 1, 0)
    blocks = source.count("{%") if source.count("{%") > 5000 else 0
    unary = max((len(run) for run in _runs(source)), default=0)
    return max(deepest, blocks, unary)


def _runs(source: str) -> Iterator[str]:
    for found in re.finditer(r"(?:\b(?:not|if|else)\b|[-+~|.*/%\s]){100,}", source[:_LONGEST]):
        yield found.group(0).strip()
