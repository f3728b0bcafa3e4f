from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdeval.shapes import oracle, world

seeds = st.integers(0, 2**32)


@given(seeds)
def test_a_caption_is_read_back(seed: int) -> None:
    scene = world.random_scene(np.random.default_rng(seed))
    assert world.parse(world.caption(scene)) == scene


@given(seeds)
def test_the_oracle_sees_what_was_rendered(seed: int) -> None:
    rng = np.random.default_rng(seed)
    scene = world.random_scene(rng)
    assert oracle.mark(scene, world.render(scene, rng)).all_right


@given(seeds)
def test_the_oracle_sees_every_kind_of_mistake(seed: int) -> None:
    from tools.train_shapes.data import wrong_scene

    rng = np.random.default_rng(seed)
    scene = world.random_scene(rng)
    wrong = wrong_scene(scene, rng)
    colours = [wrong.background, *(thing.colour for thing in wrong.things)]
    only_size = [thing.colour for thing in wrong.things] == [thing.colour for thing in scene.things] and (
        [thing.kind for thing in wrong.things] == [thing.kind for thing in scene.things]
        and (wrong.background, wrong.relation) == (scene.background, scene.relation)
    )
    if len(set(colours)) == len(colours) and not only_size and wrong != scene.mirror():
        assert not oracle.mark(scene, world.render(wrong, rng)).all_right


def test_the_same_seed_renders_the_same_image() -> None:
    scene = world.parse("a green triangle left of a yellow square on a white background")
    one, other = (world.render(scene, np.random.default_rng(5)) for _ in range(2))
    assert one.tobytes() == other.tobytes()


@given(seeds)
def test_a_relation_is_held_out_whichever_way_it_is_told(seed: int) -> None:
    scene = world.random_scene(np.random.default_rng(seed))
    assert world.is_held_out(scene) == world.is_held_out(scene.mirror())


def test_training_never_sees_held_out_scenes() -> None:
    from tools.train_shapes import data

    rng = np.random.default_rng(0)
    assert not any(world.is_held_out(data.scene(rng)) for _ in range(500))


def test_edges_are_soft() -> None:
    levels = np.unique(world.coverage("circle", 32, 32, 20))
    assert len(levels) > 10
    assert (levels.min(), levels.max()) == (0, 1)


def test_text_of_another_world_is_refused() -> None:
    with pytest.raises(ValueError, match="not a caption of the shapes world"):
        world.parse("an astronaut in a jungle")
