"""A team's own functions, in a file beside its declaration."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from relevo_jobs.errors import SettingsError


def function(hook: str, folder: Path) -> Callable[..., Any]:
    """The function that `FILE:NAME` names, of FILE.py in the folder. Raises SettingsError if there is none."""
    module, name = hook.split(":")
    file = folder / f"{module}.py"
    spec = importlib.util.spec_from_file_location(f"relevo_use_case_{module}", file)
    if spec is None or spec.loader is None or not file.is_file():
        raise SettingsError(
            f"expected {file}, for use_case.yaml names {hook}, found none: put it beside use_case.yaml, in an image of "
            "your own (docs/your-own.md)"
        )
    loaded = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = loaded  # a process that is given a function of it finds it by this name
    sys.path.insert(0, str(folder))
    try:
        spec.loader.exec_module(loaded)
    except Exception as error:
        raise SettingsError(
            f"expected {file} to be Python that can be imported, got {type(error).__name__}: {error}: correct it"
        ) from error
    finally:
        sys.path.remove(str(folder))
    found = getattr(loaded, name, None)
    if not callable(found):
        raise SettingsError(f"expected a function {name} in {file}, for use_case.yaml names {hook}, found none")
    return found  # type: ignore[no-any-return]  # callable it is
