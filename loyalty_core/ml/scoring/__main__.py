"""`python -m loyalty_core.ml.scoring`, an alias of `loyalty score`."""

import sys

from loyalty_core.ml.scoring.command import main

if __name__ == "__main__":
    sys.exit(main())
