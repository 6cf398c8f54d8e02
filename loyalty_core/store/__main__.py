"""python -m loyalty_core.store: back up, restore and check the state store."""

import sys

from loyalty_core.store.command import main

sys.exit(main())
