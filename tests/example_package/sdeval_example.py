"""A metric in another package: all it takes, beside the entry point in its metadata."""

from sdeval.imaging.io import to_pixels
from sdeval.metrics import MetricInfo

INFO = MetricInfo(
    name="redness", title="share of red", unit="percent", higher_is_better=True, tolerance=1.0, range=(0.0, 100.0)
)


class Redness:
    info, version = INFO, "1"

    def score(self, pictures):
        sums = [to_pixels(each.image).sum(axis=(0, 1), dtype=float) for each in pictures]
        return [100 * red / (red + green + blue) for red, green, blue in sums]


def create(options):
    return Redness()
