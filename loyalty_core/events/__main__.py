"""`python -m loyalty_core.events`, an alias of `loyalty events`."""

import sys

from loyalty_core.events.command import main

if __name__ == "__main__":
    sys.exit(main())
