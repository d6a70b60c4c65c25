"""Names of built-ins mapped to `module:attribute`, imported only when used."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping
from typing import Any

from secpipe.core.errors import ConfigError
from secpipe.core.text import did_you_mean


def load(table: Mapping[str, str], name: str, what: str) -> Any:
    """Import and return what `table` names under `name`; `what` is the noun for the error ("format", "scheme").

    Raises ConfigError for a name that is not in the table.
    """
    try:
        target = table[name]
    except KeyError:
        hint = did_you_mean(name, table) or f"known: {', '.join(sorted(table))}"
        raise ConfigError(f'unknown {what} "{name}"', hint=hint) from None
    module, _, attribute = target.partition(":")
    return getattr(sys.modules.get(module) or importlib.import_module(module), attribute)
