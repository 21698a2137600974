"""charts/argocd's Lua and its fixtures, and a Lua that runs them as Argo CD's does: version 5.1, with few libraries."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

import yaml
from lupa.lua51 import LuaError, LuaRuntime, lua_type

FOLDER: Final = Path(__file__).parents[2] / "charts" / "argocd" / "files" / "relevo.dev_ModelDeployment"
ACTIONS: Final = ("refresh", "retry", "retrain", "include")

# What Argo CD gives a script (util/lua of its source): base, table, package, and what tells the time of `os`, which
# require("os") alone brings.
_SANDBOX: Final = """
local time, date = os.time, os.date
package.preload.os = function() return {time = time, date = date} end
package.loaded.os = nil
getmetatable("").__index = nil
for _, name in ipairs({"os", "io", "string", "math", "debug", "coroutine", "python"}) do _G[name] = nil end
"""


def health_tests() -> list[dict[str, Any]]:
    """What health_test.yaml expects."""
    tests: list[dict[str, Any]] = read("health_test.yaml")["tests"]
    return tests


def action_tests(kind: str) -> list[dict[str, Any]]:
    """What actions/action_test.yaml expects: `discoveryTests` or `actionTests`."""
    tests: list[dict[str, Any]] = read("actions/action_test.yaml")[kind]
    return tests


def read(path: str) -> Any:
    """A YAML file of the folder."""
    return yaml.safe_load((FOLDER / path).read_text())


def untimed(thing: Any) -> Any:
    """The same with the time of asking as the fixtures have it."""
    text = re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "0001-01-01T00:00:00Z", yaml.safe_dump(thing))
    return yaml.safe_load(text)


def run(script: str, obj: dict[str, Any]) -> Any:
    """What a script of the folder returns for an object. Raises LuaError with the script's own words."""
    lua = LuaRuntime(register_builtins=False, register_eval=False)
    lua.execute(_SANDBOX)
    lua.globals().obj = _to_lua(lua, obj)
    return _from_lua(lua.execute((FOLDER / script).read_text()))


def act(name: str, obj: dict[str, Any]) -> Any:
    """The object as an action leaves it."""
    return _mend(run(f"actions/{name}.lua", obj), obj)


def _to_lua(lua: LuaRuntime, value: Any) -> Any:
    if isinstance(value, dict):
        return lua.table_from({key: _to_lua(lua, one) for key, one in value.items()})
    if isinstance(value, list):
        return lua.table_from([_to_lua(lua, one) for one in value])
    return value


def _from_lua(value: Any) -> Any:
    if lua_type(value) != "table":
        return value
    pairs = {key: _from_lua(one) for key, one in value.items()}
    return list(pairs.values()) if all(isinstance(key, int) for key in pairs) else pairs


def _mend(new: Any, old: Any) -> Any:
    """Lua cannot tell an empty map from an empty list; Argo CD takes the map where there was one."""
    if isinstance(new, dict) and isinstance(old, dict):
        return {key: _mend(one, old.get(key)) for key, one in new.items()}
    return {} if new == [] and isinstance(old, dict) else new


__all__ = ["ACTIONS", "FOLDER", "LuaError", "act", "action_tests", "health_tests", "read", "run", "untimed"]
