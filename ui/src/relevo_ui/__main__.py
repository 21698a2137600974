"""`relevo-ui`: the user interface as a process. Settings from the environment; `--help` lists them."""

from __future__ import annotations

import argparse
import importlib
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

from relevo_contract.settings import read, table
from relevo_ui.errors import SettingsError
from relevo_ui.row_file import MOST_MEGABYTES
from relevo_ui.settings import Settings, declared

WRONG_SETTING = 2
NEEDED = (
    "altair",
    "relevo_ui.evidence",
    "pyarrow",
    "relevo_ui.card",
    "relevo_ui.over_batches",
    "relevo_ui.predictions",
    "relevo_ui.report",
    "relevo_ui.versions",
)
"""What the pages import."""
COLOURS = {"light.textColor": "#111111", "light.primaryColor": "#b82d3d", "dark.primaryColor": "#e5636f"}
"""Streamlit's own leave captions and chosen options with a contrast below 4.5 (WCAG 1.4.3)."""


def _parser() -> argparse.ArgumentParser:
    return argparse.ArgumentParser(
        prog="relevo-ui",
        description="Relevo's user interface: predictions, and the history of decisions.",
        epilog=f"settings, from the environment:\n{table(Settings)}\n\nexit codes: 0 stopped, 2 a setting is "
        "missing or wrong, or the port is taken",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def _port_is_free(settings: Settings) -> None:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family) as trying:
        trying.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trying.bind((settings.host, settings.port))
        except OSError as error:
            raise SettingsError(
                f"RELEVO_HOST, RELEVO_PORT: expected to listen on {settings.host}:{settings.port}, got: "
                f"{error.strerror or error}; stop what listens there or name another port"
            ) from error


def command(settings: Settings) -> list[str]:
    """What Streamlit is told."""
    return [
        *("run", str(Path(__file__).parent / "app.py")),
        *("--server.address", settings.host, "--server.port", str(settings.port)),
        *("--server.headless", "true"),
        *("--server.fileWatcherType", "none"),
        *("--server.maxUploadSize", str(MOST_MEGABYTES)),  # the page's own limit is the browser's to keep
        *("--browser.gatherUsageStats", "false"),
        *("--runner.magicEnabled", "false"),  # or a string that stands alone in a page would be shown
        *("--client.toolbarMode", "viewer"),
        *(part for name, colour in COLOURS.items() for part in (f"--theme.{name}", colour)),
        *("--client.showErrorDetails", "none"),
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Be the Streamlit server until a signal ends it; returns an exit code if it cannot be."""
    _parser().parse_args(arguments)
    try:
        settings = read(Settings, SettingsError)
        declared(settings)
        _port_is_free(settings)
    except SettingsError as error:
        print(f"relevo-ui: {error}", file=sys.stderr)  # noqa: T201
        return WRONG_SETTING
    # Before anybody looks: a page's first visitor would wait two seconds for these.
    for name in NEEDED:
        importlib.import_module(name)
    from streamlit.web import cli  # noqa: PLC0415  # slow, and not needed to say that a setting is wrong

    cli.main(command(settings), prog_name="streamlit")
    return 0


if __name__ == "__main__":
    sys.exit(main())
