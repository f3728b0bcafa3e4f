"""A session compares with baselines whose full-size images lie in a store."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from sdeval.baselines.acceptance import accept
from sdeval.config.image_store import StoreOptions
from sdeval.config.options import Options
from sdeval.imaging.io import pixel_hash
from sdeval.session.items import Job
from sdeval.session.session import Session
from sdeval.stores.images import open_store
from tests.baselines.test_store import enlarged, on_disk
from tests.conftest import make_run
from tests.generated import plan


def test_a_job_gets_full_size_images_of_its_baseline_from_the_store_of_the_session(tmp_path: Path) -> None:
    request = plan()
    job = Job(request.suite, request.target)
    run = replace(enlarged(make_run(np.array([[30.0, 31.0]]))), suite=job.suite.name, target=job.target.name)
    store = StoreOptions(url=str(tmp_path / "shared"))
    images = open_store(store, tmp_path / "baselines")
    accept(on_disk(run, tmp_path / "run"), tmp_path / "baselines", images=images)
    session = Session(Options(store=store, baselines=tmp_path / "baselines"), tmp_path / "session")
    baseline = session._state(job).resolved.baseline
    assert baseline is not None
    for sample in baseline.run.samples:
        path = baseline.full_image(sample)
        assert path.is_relative_to(tmp_path / "shared")
        assert pixel_hash(path) == sample.sha256
