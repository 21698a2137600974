"""The JSON schema of a declaration, from which editors complete and correct `use_case.yaml` while it is written.

An editor with a YAML language server takes it from a comment: `# yaml-language-server: $schema=use_case.schema.json`.
It knows each field by itself; what fields say together `relevo check` knows alone.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, Final

from relevo_contract.use_case.declaration import Declaration

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


def schema() -> dict[str, Any]:
    """The schema as JSON has it."""
    made = _told(Declaration.model_json_schema())
    return {"$schema": DIALECT, "title": "The declaration of a use case, use_case.yaml", **made}


def _told(part: Any) -> Any:
    """The part without pydantic's titles, which repeat the names, and without names that no pattern knows."""
    if isinstance(part, list):
        return [_told(one) for one in part]
    if not isinstance(part, dict):
        return part
    kept = {name: _told(one) for name, one in part.items() if name != "title" or not isinstance(one, str)}
    if "patternProperties" in kept:
        kept.setdefault("additionalProperties", False)
    return kept


def written() -> str:
    """The schema as its file has it."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(written(), encoding="utf-8")
