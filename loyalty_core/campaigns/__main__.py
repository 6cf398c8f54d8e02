"""`python -m loyalty_core.campaigns`, an alias of `loyalty send`."""

import sys

from loyalty_core.campaigns.sending.command import main

if __name__ == "__main__":
    sys.exit(main())
