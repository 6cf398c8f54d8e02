"""Published data sets in tests/data; its README names their sources and licences."""

from pathlib import Path

DATA = Path(__file__).parent / "data"

TELCO = DATA / "telco" / "Telco-Customer-Churn.csv.gz"
ONLINE_RETAIL = DATA / "online_retail" / "online_retail.parquet"
RFM_SCORES = {table: DATA / "rfm" / f"published_{table}_scores.parquet" for table in ("orders", "customer")}
