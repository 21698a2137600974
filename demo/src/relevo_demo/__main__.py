"""Entry of `relevo`."""

import sys

from relevo_demo.cli import main

if __name__ == "__main__":
    sys.exit(main())
