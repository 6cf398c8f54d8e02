"""How right predictions were: kept ones beside what then happened, and the active model asked about past months."""
