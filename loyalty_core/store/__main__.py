"""`python -m loyalty_core.store`, an alias of `loyalty store`."""

import sys

from loyalty_core.store.command import main

sys.exit(main())
