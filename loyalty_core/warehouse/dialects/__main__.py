"""Write the table of abilities into a document: `python -m loyalty_core.warehouse.dialects docs/engines.md`."""

import sys
from pathlib import Path

from loyalty_core.warehouse.dialects import DIALECTS
from loyalty_core.warehouse.dialects.abilities import with_table

if __name__ == "__main__":
    file = Path(sys.argv[1])
    file.write_text(with_table(file.read_text("utf-8"), DIALECTS.values()), "utf-8")
