"""Settings as every part reads them: once, from the environment; a wrong one is refused by the variable's name.

Each may be in a file instead, which NAME_FILE names: a password in a pod's environment is in whatever the kubelet
expands $(NAME) in, and in every process that the pod starts.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final, TypeVar

from pydantic import ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

PREFIX = "RELEVO_"
IN_FILE: Final = "_FILE"
"""After a variable's name: the path of a file that holds its value."""
LONGEST: Final = 65_536
"""Bytes of such a file."""
MLFLOW_LOGIN: Final = ("MLFLOW_TRACKING_TOKEN", "MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD")
"""MLflow's own variables, which its clients read whenever they connect."""
MLFLOW_TLS: Final = (
    "MLFLOW_TRACKING_INSECURE_TLS", "MLFLOW_TRACKING_SERVER_CERT_PATH", "MLFLOW_TRACKING_CLIENT_CERT_PATH"
)  # fmt: skip
"""Likewise: `true` believes any server; certificates to believe; this client's own certificate and key."""
S3_KEYS: Final = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
"""boto3's own, likewise."""
_UNTOLD: Final = ("_URL", "_URI", "_SECRET", "_TOKEN", "_PASSWORD", "_KEY", "_KEY_ID", "_KEYS")
"""Variables that are a password, or may hold one."""


class Settings(BaseSettings):
    """What a part's settings derive from; each field has a description, which `--help` shows."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore", populate_by_name=True, frozen=True)


AnySettings = TypeVar("AnySettings", bound=Settings)


def variable(cls: type[Settings], field: str) -> str:
    """The environment variable that a field is read from."""
    return cls.model_fields[field].alias or f"{PREFIX}{field.upper()}"


def value(name: str) -> str | None:
    """A variable's value, from the environment or the file that NAME_FILE names; None if neither is set.

    Raises ValueError, with a message that names both.
    """
    path, here = os.environ.get(name + IN_FILE), os.environ.get(name)
    if not path:
        return here
    if here:
        raise ValueError(f"{name}, {name}{IN_FILE}: expected one of them, both are set: leave one out")
    try:
        with Path(path).open("rb") as file:
            found = file.read(LONGEST + 1)
        # The last line's end is the editor's, or echo's; within a value it is nobody's.
        text = found.decode("utf-8-sig").rstrip("\r\n")
    except OSError as error:
        came = f"{error.strerror} for {path}"
    except UnicodeDecodeError:
        came = f"bytes that are no UTF-8 in {path}"
    else:
        if len(found) > LONGEST:
            came = f"more than {LONGEST:,} bytes in {path}"
        elif not text:
            came = f"nothing in {path}"
        elif not text.isprintable():
            came = f"line ends or control characters in {path}"
        else:
            return text
    raise ValueError(f"{name}{IN_FILE}: expected a readable file with one line, the value of {name}, got {came}")


def read(cls: type[AnySettings], refused: type[Exception], **given: Any) -> AnySettings:
    """Read the settings from the environment and the files it names; what is given goes before both.

    Raises `refused` with a message that names each variable that is missing or wrong, and what it should be.
    """
    lines: list[str] = []
    in_files: dict[str, Any] = {}
    ours = {variable(cls, name): name for name in cls.model_fields.keys() - given.keys()}
    for shown in (*ours, *MLFLOW_LOGIN, *S3_KEYS):
        if os.environ.get(shown + IN_FILE):
            try:
                found = value(shown)
                if shown in ours:
                    in_files[ours[shown]] = found
            except ValueError as error:
                lines.append(str(error))
    for path_name in MLFLOW_TLS[1:]:
        if (path := os.environ.get(path_name)) and not os.access(path, os.R_OK):
            lines.append(f"{path_name}: expected a readable file of certificates in PEM, found none at {path}")
    if lines:
        raise refused("set these variables and start again:\n  " + "\n  ".join(lines))
    try:
        return cls(**in_files, **given)
    except ValidationError as error:
        by_variable = {variable(cls, name): field.description for name, field in cls.model_fields.items()}
        for problem in error.errors():
            name = str(problem["loc"][0]) if problem["loc"] else ""
            shown = name if name in by_variable or not name else variable(cls, name)
            came = f"not set, and {shown}{IN_FILE} names no file" if problem["type"] == "missing" else problem["msg"]
            # An address may hold a password, and a file is there to hide what is in it.
            hidden = not name or shown.endswith(_UNTOLD) or name in in_files or ours.get(shown) in in_files
            if not hidden and problem["type"] != "missing":
                came += f", got {problem['input']!r}"
            lines.append(f"{shown}: {came}; expected: {by_variable.get(shown, '')}" if name else came)
        raise refused("set these variables and start again:\n  " + "\n  ".join(lines)) from None


def table(cls: type[Settings]) -> str:
    """The settings as `--help` shows them: variable, default, meaning."""
    rows = []
    for name, field in cls.model_fields.items():
        default = "required" if field.is_required() else f"default {field.default}"
        rows.append(f"  {variable(cls, name):26} {field.description} ({default})")
    rows.append(f"Each may be in a file instead, which the same name with {IN_FILE} names.")
    return "\n".join(rows)
