"""`python -m sdeval.cli`."""

import sys

from sdeval.cli import main

if __name__ == "__main__":
    sys.exit(main())
