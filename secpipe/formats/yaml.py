"""Strict, bounded YAML: plain data only, no duplicate keys, no aliases beyond a bound. The only importer of PyYAML."""

from __future__ import annotations

from typing import Any

import yaml

from secpipe.core.documents import check_shape
from secpipe.core.errors import InputError, UnsafeInput
from secpipe.core.limits import DEFAULT, Limits

_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_MAX_ALIASES = 1000


class _Loader(_Base):  # type: ignore[misc]  # the C loader has no stub
    """SafeLoader that refuses duplicate keys."""

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        seen = set()
        for key_node, _ in node.value:
            if isinstance(key_node, yaml.ScalarNode) and key_node.tag != "tag:yaml.org,2002:merge":
                if key_node.value in seen:
                    raise InputError(f"key {key_node.value!a} stands twice at line {key_node.start_mark.line + 1}")
                seen.add(key_node.value)
        return super().construct_mapping(node, deep)


def parse_yaml(data: bytes, what: str, limits: Limits = DEFAULT) -> list[Any]:
    """Return the documents of a YAML text, usually one; `what` names it in errors.

    Tags beyond plain data are refused, never constructed. Raises InputError, or UnsafeInput over `text_bytes`,
    `json_depth` or `json_nodes` (an alias counts as often as it is used).
    """
    if len(data) > limits.text_bytes:
        raise UnsafeInput(f"{what} is larger than {limits.text_bytes:,} bytes")
    try:
        _check_events(data, limits)
        documents = list(yaml.load_all(data, Loader=_Loader))  # a SafeLoader
    except (InputError, RecursionError) as error:
        raise UnsafeInput(f"{what}: {getattr(error, 'message', 'nested too deeply')}") from None
    except yaml.MarkedYAMLError as error:
        place = f" at line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise InputError(f"{what} is not YAML: {error.problem or error.context}{place}") from None
    except (yaml.YAMLError, ValueError, TypeError, OverflowError, AttributeError) as error:
        raise InputError(f"{what} is not YAML: {type(error).__name__}") from None
    check_shape(documents, what, limits)
    return documents


def parse_tagged(data: bytes, what: str, limits: Limits = DEFAULT) -> tuple[list[Any], frozenset[str]]:
    """Return the documents as PyYAML reads them, tagged nodes as plain data, and the tags; raises as `parse_yaml`.

    Where a tagged key makes the documents unreadable as plain data, there are tags and no documents.
    """

    class Tagged(_Base):  # type: ignore[misc]
        """Of duplicate keys the last one holds; no tag constructs anything."""

    def plain(loader: Any, node: Any) -> Any:
        if isinstance(node, yaml.MappingNode):
            return loader.construct_mapping(node, deep=True)
        if isinstance(node, yaml.SequenceNode):
            return loader.construct_sequence(node, deep=True)
        return loader.construct_scalar(node)

    Tagged.add_constructor(None, plain)
    if len(data) > limits.text_bytes:
        raise UnsafeInput(f"{what} is larger than {limits.text_bytes:,} bytes")
    tags: frozenset[str] = frozenset()
    try:
        tags = _check_events(data, limits)
        return list(yaml.load_all(data, Loader=Tagged)), tags  # a SafeLoader
    except RecursionError:
        raise UnsafeInput(f"{what} is nested too deeply") from None
    except (yaml.YAMLError, ValueError, TypeError, OverflowError, AttributeError) as error:
        if any(":python/" in tag for tag in tags):
            return [], tags
        raise InputError(f"{what} is not YAML: {type(error).__name__}") from None


def _check_events(data: bytes, limits: Limits) -> frozenset[str]:
    """Bound depth, size and aliases before anything is composed: libyaml's composer recurses and can crash.

    Returns the tags that are written.
    """
    depth = aliases = 0
    tags = set()
    for nodes, event in enumerate(yaml.parse(data, Loader=_Base)):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        elif isinstance(event, yaml.AliasEvent):
            aliases += 1
        if tag := getattr(event, "tag", None):
            tags.add(str(tag))
        if depth > limits.json_depth:
            raise UnsafeInput(f"nested deeper than {limits.json_depth}")
        if aliases > _MAX_ALIASES or nodes > limits.json_nodes:
            raise UnsafeInput("too many values or aliases")
    return frozenset(tags)
