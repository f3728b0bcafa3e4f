"""The simulated run of the scheduler: what can be computed by hand comes out, and what goes wrong is paid for."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest

from benchmarks.cost_model import MEASURED, Constants, Layout, cost_of, measure, simulate, table

CALM = Constants(generate=2.0, start=0.0, node_encode=0.0, fetch=0.0, record=0.0, variation=0.0, spread=0.0)
CALM = replace(CALM, deaths=0.0, straggler=1.0)


def test_without_anything_in_the_way_gpus_are_busy_all_the_time() -> None:
    result = simulate(CALM, images=640, workers=8, cores=1)
    assert result.seconds == pytest.approx(640 * 2.0 / 8)
    assert result.gpu_share == pytest.approx(1.0)


def test_each_worker_starts_once() -> None:
    assert simulate(replace(CALM, start=30.0), 640, 8, 1).seconds == pytest.approx(640 * 2.0 / 8 + 30.0)


def test_too_few_cores_are_the_bottleneck() -> None:
    # Eight GPUs generate 4 images a second, and a core records 2.
    result = simulate(replace(CALM, record=0.5), 640, 8, 1)
    assert result.seconds == pytest.approx(640 * 0.5, rel=0.1)
    assert result.core_share > 0.95
    assert simulate(replace(CALM, record=0.5), 640, 8, 4).seconds == pytest.approx(640 * 2.0 / 8, rel=0.1)


def test_a_worker_waits_while_its_node_encodes() -> None:
    assert simulate(replace(CALM, node_encode=0.5), 640, 8, 1).seconds == pytest.approx(640 * 2.5 / 8)


def test_a_slow_worker_costs_its_share_and_no_more() -> None:
    slow = simulate(replace(CALM, straggler=4.0), 640, 8, 1)
    # Seven fast ones and a quarter; then a batch that the slow one has still.
    assert 640 * 2.0 / 7.25 <= slow.seconds <= 640 * 2.0 / 7.25 + 8 * 2.0 * 4


def test_the_longest_come_first() -> None:
    varied = replace(CALM, spread=1.0)
    assert simulate(varied, 400, 16, 1).seconds < simulate(varied, 400, 16, 1, longest=False).seconds


def test_what_ends_or_is_lost_is_generated_again() -> None:
    result = simulate(replace(CALM, deaths=0.05, losses=0.01), 2000, 16, 4)
    assert result.deaths > 0
    assert 0 < result.lost < 16
    assert result.images == 2000
    assert result.seconds > 2000 * 2.0 / 16


def test_the_same_seed_gives_the_same_run() -> None:
    assert simulate(Constants(), 400, 8, 4, seed=3) == simulate(Constants(), 400, 8, 4, seed=3)
    assert simulate(Constants(), 400, 8, 4, seed=3) != simulate(Constants(), 400, 8, 4, seed=4)


def test_every_constant_says_where_it_is_from() -> None:
    assert all(constant.metadata["source"] for constant in fields(Constants))


def test_shards_share_the_images_and_merge() -> None:
    constants = replace(CALM, score=1.0, merge=0.01, judge=0.0)
    alone = cost_of(constants, 640, Layout("one", 1, 8, 2), batch=8)
    shards = cost_of(constants, 640, Layout("two", 2, 8, 2), batch=8)
    assert (alone.score, alone.merge) == (320.0, 0.0)
    assert (shards.score, shards.merge) == (160.0, 6.4)
    assert alone.bottleneck == "scoring"
    assert "| 640 | two |" in table([shards], price=2.5)


@pytest.mark.slow
def test_every_constant_that_can_be_measured_here_is() -> None:
    measured = measure(size=64, images=4)
    names = {constant.name for constant in fields(Constants) if constant.metadata["source"] == MEASURED}
    assert set(measured) == names
    assert all(seconds >= 0 for seconds in measured.values())
