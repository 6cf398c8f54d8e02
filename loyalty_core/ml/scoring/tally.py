"""What a scoring run counts while it writes."""

from collections import Counter
from collections.abc import Iterator, Mapping

from loyalty_core.errors import ViewUnusable
from loyalty_core.ml.scoring.batch import NO_ID, ScoredBatch


class Tally:
    """Counts over all batches, and checks whether answers differ between customers at all."""

    def __init__(self) -> None:
        self.read = self.written = 0
        self.failed: Counter[str] = Counter()
        self.blanks: Counter[str] = Counter()
        self.versions: Counter[str] = Counter()
        self._extremes: dict[tuple[str, str], tuple[float, float]] = {}

    def add(self, scored: ScoredBatch) -> None:
        """Count a batch that was written."""
        self.add_reasons(scored.blanks, scored.failed)
        for version, customers in scored.versions.items():
            extremes = {watched: pair for watched, pair in scored.extremes.items() if watched[0] == version}
            self.add_rows(version, customers, extremes)

    def add_reasons(self, blanks: Counter[str], failed: Counter[str]) -> None:
        """Count blank values by feature, and customers without an answer by reason."""
        self.read += failed[NO_ID]
        self.failed.update(failed)
        self.blanks.update(blanks)

    def add_rows(self, version: str, customers: int, extremes: Mapping[tuple[str, str], tuple[float, float]]) -> None:
        """Count customers that one version has scored, with its lowest and highest scores."""
        self.written += customers
        self.read += customers
        self.versions[version] += customers
        for watched, (low, high) in extremes.items():
            lowest, highest = self._extremes.get(watched, (low, high))
            self._extremes[watched] = min(lowest, low), max(highest, high)

    def require_customers(self) -> None:
        """An empty view is a failed load rather than a base without customers."""
        if self.written == 0:
            raise ViewUnusable(
                "The features view has no customers.",
                "The predictions of the run before are unchanged.",
                "Load the view, then score again.",
            )

    def remarks(self) -> Iterator[str]:
        for (version, name), (low, high) in self._extremes.items():
            if low == high and self.versions[version] > 1:
                whose = "Every customer" if len(self.versions) == 1 else f"Every customer of the version {version}"
                yield f"{whose} has the same {name.replace('_', ' ')}, {low:g}: look at the model's inputs."
