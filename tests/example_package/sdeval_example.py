"""A metric in another package: all it takes, beside the entry point in its metadata."""

import numpy as np

from sdeval import MetricInfo

INFO = MetricInfo(
    name="redness", title="share of red", unit="percent", higher_is_better=True, tolerance=1.0, range=(0.0, 100.0)
)


class Redness:
    info, version = INFO, "1"

    def score(self, images):
        sums = [np.asarray(image.image.convert("RGB"), dtype=float).sum(axis=(0, 1)) for image in images]
        return [100 * red / (red + green + blue) for red, green, blue in sums]


def create(options):
    return Redness()
