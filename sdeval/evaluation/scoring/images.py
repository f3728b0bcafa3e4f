"""Decodes the images of a run batch by batch, each once for all metrics; threads read one batch ahead."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import overload

from PIL import Image

from sdeval.config.case import Sample
from sdeval.errors import SdevalError
from sdeval.imaging.io import as_thumbnail, header, open_mask, open_rgb
from sdeval.metrics import GeneratedImage
from sdeval.results.records import NO_FULL_IMAGE, SampleResult
from sdeval.results.run import ImageSource, Run, Stored

BATCH = 32
"""Images that are scored together; as many are read ahead."""
BATCH_PIXELS = 2**24
"""Pixels of the images of a batch, unless a single one has more: 50 MB as RGB."""
DECODERS = 4
"""Threads that decode."""

FileImage = Future[Image.Image]
Pair = tuple[Image.Image, Image.Image]
"""An image of the baseline, and that of the same sample in the run."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is needed of the images of a run, by row."""

    images: Collection[int]
    pairs: Collection[int] = frozenset()
    """Rows for which the baseline's image is needed at full size."""
    compared: Collection[int] = frozenset()
    """Rows for which the baseline's image is needed as it is kept."""


@dataclass(frozen=True, slots=True)
class DecodedSample:
    """A sample of a run whose image is in memory."""

    row: int
    """Its place in the run."""
    generated: GeneratedImage
    compared: Pair | None = None
    """The baseline's image, or its thumbnail, and this image in the same format; None where there is none."""
    compared_in_full: Pair | None = None
    """Both at full size; None where the baseline's image is not at hand."""
    without_pair: str = ""
    """Why there is no full-size image of the baseline, where one is needed."""


@dataclass(frozen=True, slots=True)
class RunImages:
    """The images of a run on disk, read when they are needed."""

    run: Run
    samples: Sequence[Sample]
    """One for each of the run's, in its order."""
    folder: Path
    baseline: Stored | None = None

    def batches(self, wanted: Wanted) -> Iterator[list[DecodedSample]]:
        """Decode the images of some rows, in the order of the run; at most two batches are in memory.

        Raises:
            SdevalError: an image, an init image or a mask cannot be decoded.
        """
        with ThreadPoolExecutor(DECODERS) as threads:
            ahead: list[Future[DecodedSample]] = []
            for rows in (*self._groups(sorted(wanted.images)), []):
                batch, ahead = ahead, self._read(rows, wanted, threads)
                if batch:
                    yield [future.result() for future in batch]

    def _groups(self, rows: Sequence[int]) -> list[list[int]]:
        """Rows whose images are decoded together."""
        groups: list[list[int]] = []
        room = 0
        for row in rows:
            pixels = self._pixels(self.run.samples[row])
            if not groups or len(groups[-1]) == BATCH or pixels > room:
                groups.append([])
                room = BATCH_PIXELS
            groups[-1].append(row)
            room -= pixels
        return groups

    def _pixels(self, result: SampleResult) -> int:
        width, height = result.size or header(self.folder / result.image)
        return width * height

    def _read(self, rows: Sequence[int], wanted: Wanted, threads: ThreadPoolExecutor) -> list[Future[DecodedSample]]:
        """Begin to decode a batch; init images and masks are decoded once for all seeds of a case.

        Threads take them first, so that no image waits for one that is not begun.
        """
        cases = [self.samples[row].case for row in rows]
        inits = {path: threads.submit(open_rgb, path) for path in {path for case in cases for path in case.inputs[:1]}}
        masks = {path: threads.submit(open_mask, path) for path in {case.mask for case in cases} if path}
        return [
            threads.submit(
                self._decode,
                row,
                wanted,
                inits[case.inputs[0]] if case.inputs else None,
                masks[case.mask] if case.mask else None,
            )
            for row, case in zip(rows, cases, strict=True)
        ]

    def _decode(self, row: int, wanted: Wanted, init: FileImage | None, mask: FileImage | None) -> DecodedSample:
        sample, result = self.samples[row], self.run.samples[row]
        generated = GeneratedImage(
            image=open_rgb(self.folder / result.image),
            case=sample.case,
            seed=sample.seed,
            safety=result.safety,
            init=init.result() if init else None,
            mask=mask.result() if mask else None,
        )
        without_pair = ""
        if row in wanted.pairs:
            try:
                generated = replace(generated, pair=self._pair(result, generated.image))
            except SdevalError as error:
                without_pair = f"{NO_FULL_IMAGE}: {error}"
        if row not in wanted.compared:
            return DecodedSample(row, generated, without_pair=without_pair)
        in_full = generated.pair or self._pair_at_hand(result, generated.image)
        compared = in_full or self._thumbnails(result, generated.image)
        return DecodedSample(row, generated, compared, in_full, without_pair)

    def _pair(self, result: SampleResult, image: Image.Image) -> Pair:
        """The full-size image of the baseline, and this one.

        Raises:
            SdevalError: the image of the baseline cannot be had.
        """
        baseline = self.baseline
        before = baseline.run.sample(result) if baseline else None
        if baseline is None or before is None:
            raise SdevalError("the baseline does not have this sample")
        if before.sha256 == result.sha256:
            return image, image
        return open_rgb(baseline.full_image(before)), image

    def _pair_at_hand(self, result: SampleResult, image: Image.Image) -> Pair | None:
        """What `_pair` gives, where nothing must be fetched for it."""
        baseline = self.baseline
        before = baseline.run.sample(result) if baseline else None
        if baseline is None or before is None:
            return None
        if not before.is_thumbnail:
            path = baseline.image(result)
        else:
            path = _nearby(before.sha256, baseline.images) if baseline.images else None
        return (open_rgb(path), image) if path else None

    def _thumbnails(self, result: SampleResult, image: Image.Image) -> Pair | None:
        """The thumbnail that the baseline keeps, and one of this image."""
        path = self.baseline.image(result) if self.baseline else None
        return (open_rgb(path), as_thumbnail(image)) if path else None


def _nearby(sha256: str, images: ImageSource) -> Path | None:
    # The hash of a corrupt baseline is none; what needs its image says so.
    with suppress(SdevalError):
        return images.find_nearby(sha256)
    return None


@dataclass(frozen=True, slots=True)
class LazyImages(Sequence[GeneratedImage]):
    """Images for a metric that takes all of a run at once; each is decoded whenever it is looked at."""

    images: RunImages
    rows: Sequence[int]
    pairs: Collection[int] = frozenset()

    def __len__(self) -> int:
        return len(self.rows)

    @overload
    def __getitem__(self, index: int) -> GeneratedImage: ...
    @overload
    def __getitem__(self, index: slice) -> LazyImages: ...
    def __getitem__(self, index: int | slice) -> GeneratedImage | LazyImages:
        if isinstance(index, slice):
            return replace(self, rows=self.rows[index])
        row = self.rows[index]
        ((decoded,),) = self.images.batches(Wanted({row}, self.pairs))
        return decoded.generated
