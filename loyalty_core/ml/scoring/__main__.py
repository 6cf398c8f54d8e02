"""`python -m loyalty_core.ml.scoring`."""

import sys

from loyalty_core.ml.scoring.command import main

if __name__ == "__main__":
    sys.exit(main())
