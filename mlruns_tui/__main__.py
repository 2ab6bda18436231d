"""``python -m mlruns_tui``."""

import sys

from mlruns_tui.cli import main

if __name__ == "__main__":
    sys.exit(main())
