"""`python -m relevo_jobs.declaring init FILE --target COLUMN`, and `check use_case.yaml`."""

from __future__ import annotations

import sys

from relevo_jobs.declaring.arguments import parser
from relevo_jobs.declaring.commands import run

if __name__ == "__main__":
    sys.exit(run(vars(parser().parse_args())))
