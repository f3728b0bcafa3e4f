"""What calibrate measured: stored with the baseline, read again, and turned into tolerances."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from sdeval import Case, SdevalError, Suite
from sdeval.baselines import variability as variabilities
from sdeval.baselines.variability import MetricVariability, OtherSchema, Variability, samples_hash, tolerances


def measured(**changes: object) -> MetricVariability:
    values = {
        "version": "1",
        "reference": "",
        "value": 30.0,
        "variability": 0.25,
        "harmless": 0.1,
        "tolerance": 0.5,
        "stated": None,
        "detectable": 1.25,
        "cases": 12,
        "cases_needed": 75,
    }
    return MetricVariability(**{**values, **changes})


def variability_of(**metrics: MetricVariability) -> Variability:
    return Variability(
        suite="animals",
        target="tiny",
        seed_sets=6,
        metrics=metrics,
        request={"cases": 1, "seeds": [0, 1], "settings": {"guidance_scale": 4.0}},
        samples="0123456789abcdef",
        generated_by={"model": "tiny", "dtype": "float32"},
        overrides={},
        environment={"threads": 1},
    )


def suite(**changes: object) -> Suite:
    metrics = ("clip_score", "frechet_distance", "psnr")
    plain = Suite(name="animals", task="text2img", cases=(Case(id="a", prompt="a"),), metrics=metrics)
    return replace(plain, **changes)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    variability = variability_of(clip_score=measured(), frechet_distance=measured(stated=0.15))
    path = variabilities.write(variability, tmp_path)
    assert path == tmp_path / "animals" / "tiny.variability.json"
    assert variabilities.read(tmp_path, "animals", "tiny") == variability


def test_what_an_earlier_version_did_not_measure_is_unknown() -> None:
    earlier = measured()
    assert (earlier.detectable_anyhow, earlier.seed_deviation, earlier.seed_freedom) == (None, 0.0, 0.0)


def test_the_same_variability_is_the_same_bytes(tmp_path: Path) -> None:
    paths = [variabilities.write(variability_of(clip_score=measured()), tmp_path / name) for name in ("a", "b")]
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_nothing_measured_is_none(tmp_path: Path) -> None:
    assert variabilities.read(tmp_path, "animals", "tiny") is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "tiny.variability.json: is corrupt: "),
        ("[]", "tiny.variability.json: is corrupt: "),
        ("{}", "tiny.variability.json: is corrupt: suite: is missing"),
        ('{"schema": 3}', "tiny.variability.json: is corrupt: suite: is missing"),
        ('{"schema": 3, "metrics": {}}', "tiny.variability.json: is corrupt: suite: is missing"),
        ('{"schema": 3, "metrics": {}, "request": 3}', "tiny.variability.json: is corrupt: "),
        (
            '{"schema": 3, "metrics": {}, "request": {}, "generated_by": {}, "overrides": {}}',
            "tiny.variability.json: is corrupt: ",
        ),
        ('{"schema": 3, "metrics": {"clip_score": {"value": 1}}}', "tiny.variability.json: is corrupt: "),
        ("\xff", "tiny.variability.json: is corrupt: "),
    ],
)
def test_damage_is_named_and_says_how_to_restore_it(tmp_path: Path, text: str, message: str) -> None:
    variabilities.write(variability_of(), tmp_path)
    path = variabilities.path_of(tmp_path, "animals", "tiny")
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(SdevalError) as error:
        variabilities.read(tmp_path, "animals", "tiny")
    assert message in str(error.value)
    assert f"restore it with: git checkout -- {path}" in str(error.value)
    assert "\n" not in str(error.value)


def test_another_schema_is_measured_again(tmp_path: Path) -> None:
    path = variabilities.write(variability_of(), tmp_path)
    path.write_text(path.read_text().replace('"schema": 3', '"schema": 1'))
    with pytest.raises(OtherSchema, match="written by another version of sdeval; measure again with: sdeval calibrate"):
        variabilities.read(tmp_path, "animals", "tiny")


def test_samples_are_known_by_what_is_request_of_them_in_any_order() -> None:
    request = samples_hash(["circle", "cross"])
    assert samples_hash(["cross", "circle"]) == request
    assert len({request, samples_hash(["circle"]), samples_hash(["circle", "cross", "cross"])}) == 3


def test_the_stated_tolerance_is_the_one_that_counts() -> None:
    assert measured(tolerance=0.5, stated=0.2).effective_tolerance == 0.2
    assert measured(tolerance=0.5, stated=None).effective_tolerance == 0.5


def test_without_variability_a_suite_has_the_tolerances_it_states() -> None:
    assert tolerances(suite(tolerances={"clip_score": 0.7}), None) == {"clip_score": 0.7}


def test_what_a_suite_states_goes_before_what_its_variability_gives() -> None:
    variability = variability_of(
        clip_score=measured(tolerance=0.4), frechet_distance=measured(value=2.0, tolerance=0.5)
    )
    assert tolerances(suite(tolerances={"clip_score": 0.7}), variability) == {
        "clip_score": 0.7,
        "frechet_distance": 0.25,
    }


def test_a_relative_tolerance_is_a_share_of_the_metric_whatever_its_sign() -> None:
    variability = variability_of(
        frechet_distance=measured(value=-2.0, tolerance=0.5), clip_score=measured(tolerance=0.5)
    )
    assert tolerances(suite(), variability) == {"frechet_distance": 0.25, "clip_score": 0.5}


def test_no_share_of_zero_and_no_tolerance_of_zero() -> None:
    variability = variability_of(
        frechet_distance=measured(value=0.0, tolerance=0.5), clip_score=measured(tolerance=0.0)
    )
    assert tolerances(suite(), variability) == {}


def test_the_variability_of_a_metric_that_the_suite_no_longer_has_gives_nothing() -> None:
    variability = variability_of(sharpness=measured(tolerance=0.5), unheard_of=measured(tolerance=0.5))
    assert tolerances(suite(), variability) == {}


def test_the_tolerances_are_such_as_a_suite_takes() -> None:
    variability = variability_of(frechet_distance=measured(value=2.0, tolerance=0.5), clip_score=measured())
    assert replace(suite(), tolerances=tolerances(suite(), variability)).tolerances["frechet_distance"] == 0.25


def test_the_old_name_of_a_file_counts_only_where_there_is_no_new_one(tmp_path: Path) -> None:
    old, new = tmp_path / "animals/tiny.noise.json", tmp_path / "animals/tiny.variability.json"
    old.parent.mkdir()
    assert variabilities.path_of(tmp_path, "animals", "tiny") == new
    old.touch()
    assert variabilities.path_of(tmp_path, "animals", "tiny") == old
    new.touch()
    assert variabilities.path_of(tmp_path, "animals", "tiny") == new


def test_a_file_of_schema_2_is_read_with_todays_names(tmp_path: Path) -> None:
    variability = variability_of(clip_score=measured())
    path = variabilities.write(variability, tmp_path)
    text = path.read_text().replace('"schema": 3', '"schema": 2').replace('"generated_by"', '"drawn_by"')
    path.write_text(
        text.replace('"request"', '"asked"').replace('"value"', '"figure"').replace('"variability"', '"noise"')
    )
    assert variabilities.read(tmp_path, "animals", "tiny") == variability
