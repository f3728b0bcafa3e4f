"""Short names for the settings of runs."""

from __future__ import annotations

import numpy as np
import pytest

from sdeval.comparison.names import setting_names
from sdeval.results.run import Run
from tests.conftest import make_run


def run(target: str = "tiny", environment: dict[str, object] | None = None, **generated_by: object) -> Run:
    return make_run(np.ones((1, 1)), target=target, environment=environment or {}, generated_by=generated_by)


def asked(**settings: object) -> Run:
    request = {"cases": 1, "seeds": [0], "rounds": [[0]], "settings": settings, "unscored": {}}
    return make_run(np.ones((1, 1)), request=request, generated_by={"scheduler": "DDIM"})


def test_targets_tell_runs_apart_whatever_else_differs() -> None:
    assert setting_names([run("sd15", scheduler="DDIM"), run("sdxl", scheduler="Euler")]) == ["sd15", "sdxl"]


def test_every_difference_of_the_same_target_is_named() -> None:
    runs = [run(scheduler="DDIM", dtype="float16", variant="a"), run(scheduler="Euler", dtype="float32", variant="a")]
    assert setting_names(runs) == ["tiny scheduler=DDIM dtype=float16", "tiny scheduler=Euler dtype=float32"]


def test_settings_of_the_pipeline_call_are_named() -> None:
    assert setting_names([asked(steps=20), asked(steps=50)]) == ["tiny steps=20", "tiny steps=50"]


def test_how_images_were_generated_goes_before_the_machine() -> None:
    one = run(environment={"hardware": "A"}, scheduler="DDIM")
    other = run(environment={"hardware": "B"}, scheduler="Euler")
    assert setting_names([one, other]) == ["tiny scheduler=DDIM", "tiny scheduler=Euler"]


@pytest.mark.parametrize(
    ("first", "second", "names"),
    [
        ({"hardware": "A"}, {"hardware": "B"}, ["tiny hardware=A", "tiny hardware=B"]),
        ({"packages": {"torch": "2"}}, {"packages": {"torch": "3"}}, ["tiny torch=2", "tiny torch=3"]),
    ],
)
def test_the_machine_is_named_where_nothing_else_differs(
    first: dict[str, object], second: dict[str, object], names: list[str]
) -> None:
    assert setting_names([run(environment=first), run(environment=second)]) == names


def test_digests_are_named_only_where_every_run_has_them() -> None:
    assert setting_names([run(weights="1"), run(weights="2")]) == ["tiny weights=1", "tiny weights=2"]
    assert setting_names([run(weights="1"), run()]) == ["tiny #1", "tiny #2"]
    assert setting_names([run(dtype="float16"), run()]) == ["tiny dtype=float16", "tiny"]


def test_names_that_are_the_same_are_counted() -> None:
    assert setting_names([run(), run("other"), run(), run()]) == ["tiny #1", "other", "tiny #2", "tiny #3"]
