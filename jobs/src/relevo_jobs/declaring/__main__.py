"""`python -m relevo_jobs.declaring init FILE --target COLUMN`, and `check use_case.yaml`: what `relevo-job` does."""

from __future__ import annotations

import sys

from relevo_jobs.cli import main

if __name__ == "__main__":
    sys.exit(main())
