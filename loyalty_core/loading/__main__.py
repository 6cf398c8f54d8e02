"""`python -m loyalty_core.loading`, an alias of `loyalty load`."""

import sys

from loyalty_core.loading.command import main
from loyalty_core.loading.command_line import stop_cleanly

if __name__ == "__main__":
    stop_cleanly()
    sys.exit(main())
