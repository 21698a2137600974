"""`relevo-install`: what Helm's hook runs before an installation and an upgrade. `--help` lists the settings."""

from __future__ import annotations

import argparse
import logging
import random
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import yaml
from lightkube.config.kubeconfig import KubeConfig
from lightkube.core.exceptions import ConfigError

from relevo_contract import logs
from relevo_contract.settings import read, table
from relevo_operator.errors import ClusterAway, MissingSecrets, RefusedByCluster, SettingsError
from relevo_operator.installing import definitions
from relevo_operator.installing.cluster import Cluster
from relevo_operator.installing.install import Wanted, install
from relevo_operator.installing.settings import Settings

log = logging.getLogger("relevo.install")
DONE, FAILED, WRONG_SETTING = 0, 1, 2


def _parser() -> argparse.ArgumentParser:
    return argparse.ArgumentParser(
        prog="relevo-install",
        description="Makes the Secrets that are missing: their random values are drawn here, once, and never told. "
        "What a Secret has is never changed, unless its annotation relevo.dev/rotate asks for new passwords. Safe to "
        "run again, whenever it was stopped. The cluster is the pod's own, or KUBECONFIG's.",
        epilog=f"settings, from the environment:\n{table(Settings)}\n\nexit codes: {DONE} everything is there, "
        f"{WRONG_SETTING} a setting or a file is missing or wrong (running it again does not help), {FAILED} a Secret "
        "that others make is missing, a right is missing, the API server refuses or is away (mend it, run again), or "
        "anything else",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def parse_yaml(variable: str, text: str) -> Any:
    """What YAML or JSON says. Raises SettingsError, which does not repeat the text: it may hold a password."""
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        problem, mark = getattr(error, "problem", None), getattr(error, "problem_mark", None)
        where = f" in line {mark.line + 1}" if mark else ""
        raise SettingsError(
            f"{variable}: expected YAML or JSON, got: {problem or type(error).__name__}{where}"
        ) from None


def read_yaml(variable: str, file: Path) -> Any:
    """What a file says. Raises SettingsError."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "bytes that are no UTF-8"
        raise SettingsError(f"{variable}: expected a readable file, got {reason} for {file}") from None
    return parse_yaml(variable, text)


def read_wanted(settings: Settings) -> Wanted:
    """What the settings and their files ask for. Raises SettingsError."""
    secrets = definitions.parse(read_yaml("RELEVO_SECRETS_FILE", settings.secrets_file))
    required = definitions.parse_required(parse_yaml("RELEVO_REQUIRED_SECRETS", settings.required_secrets))
    if both := sorted(secrets.keys() & required.keys()):
        raise SettingsError(
            f"RELEVO_REQUIRED_SECRETS: expected Secrets that others make, got {', '.join(both)}, which "
            "RELEVO_SECRETS_FILE says are made here: name each in one of the two"
        )
    return Wanted(secrets, required, settings.part_of)


def connect(settings: Settings) -> Cluster:
    """The cluster of the pod, or KUBECONFIG's. Raises SettingsError."""
    try:
        config = KubeConfig.from_env().get()
        assert config is not None  # it raises ConfigError instead: no default is given
        return Cluster(config, settings.namespace, settings.timeout)
    except (ConfigError, OSError) as error:
        raise SettingsError(f"expected a pod's credentials or a kubeconfig (KUBECONFIG), got: {error}") from error


def main(arguments: Sequence[str] | None = None) -> int:
    """Install; returns the exit code."""
    _parser().parse_args(arguments)
    logs.configure(quiet=("httpx2",))
    try:
        settings = read(Settings, SettingsError)
        wanted = read_wanted(settings)
        with closing(connect(settings)) as cluster:
            install(wanted, cluster, random.SystemRandom())
    except SettingsError as error:
        print(f"relevo-install: {error}", file=sys.stderr)  # noqa: T201
        return WRONG_SETTING
    except (MissingSecrets, RefusedByCluster) as error:
        print(f"relevo-install: {error}", file=sys.stderr)  # noqa: T201
        return FAILED
    except ClusterAway as error:
        print(f"relevo-install: {error}; what is done is kept: run it again", file=sys.stderr)  # noqa: T201
        return FAILED
    return DONE


if __name__ == "__main__":
    sys.exit(main())
