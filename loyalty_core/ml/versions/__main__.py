"""`python -m loyalty_core.ml.versions`, an alias of `loyalty versions`."""

import sys

from loyalty_core.ml.versions.command import main

if __name__ == "__main__":
    sys.exit(main())
