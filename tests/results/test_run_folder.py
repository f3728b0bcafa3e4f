from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from sdeval import SdevalError
from sdeval.results.records import CaseRecord, Timing
from sdeval.results.run import Run, Stored
from sdeval.results.run_folder import json_lines, read, read_features, write
from tests.conftest import CLIP_SCORE, make_run, with_features


@pytest.fixture
def run(rng: np.random.Generator) -> Run:
    plain = make_run(np.array([[30.0, 31.5], [29.25, np.nan]]))
    facts = {"environment": {"python": "3.11"}, "peak_memory_bytes": 7, "notes": ("the noise is stale",)}
    timed = replace(plain, timings={("case-0", 0): Timing(call=0, seconds=0.5)}, **facts)
    return with_features(timed, rng.normal(size=(4, 3)), 1.25)


def test_what_is_written_is_read(run: Run, tmp_path: Path) -> None:
    write(run, tmp_path)
    found = read(tmp_path)
    assert np.array_equal(found.features["clip"], run.features["clip"])
    assert replace(found, features={}) == replace(run, features={})


def test_the_same_run_is_the_same_bytes(run: Run, tmp_path: Path) -> None:
    for name in ("a", "b"):
        write(run, tmp_path / name)
    files = sorted(path.relative_to(tmp_path / "a") for path in (tmp_path / "a").rglob("*") if path.is_file())
    assert files
    assert all((tmp_path / "a" / path).read_bytes() == (tmp_path / "b" / path).read_bytes() for path in files)


def test_without_notes_nothing_is_written_of_them(run: Run, tmp_path: Path) -> None:
    write(replace(run, notes=()), tmp_path)
    assert "notes" not in (tmp_path / "run.json").read_text()
    assert read(tmp_path).notes == ()


def test_a_sample_is_a_line(run: Run, tmp_path: Path) -> None:
    write(run, tmp_path)
    assert len((tmp_path / "samples.jsonl").read_text().splitlines()) == 4


def test_a_missing_score_is_null_and_never_a_number(run: Run, tmp_path: Path) -> None:
    write(run, tmp_path)
    assert '"scores": {"clip_score": null}' in (tmp_path / "samples.jsonl").read_text()


@pytest.mark.parametrize(
    ("file", "damage", "message"),
    [
        ("run.json", "{", "run.json: is corrupt"),
        ("run.json", '{"schema": 99}', "has schema 99; this version of sdeval reads 1"),
        ("run.json", '{"schema": 1}', "run.json: is corrupt: suite: is missing"),
        ("samples.jsonl", "{}\n", "samples.jsonl:1: is corrupt"),
        (
            "samples.jsonl",
            '{"case": "a", "seed": 0, "prompt": "", "fingerprint": "", "sha256": "", "image": "/etc/x"}\n',
            "no image",
        ),
        ("samples.jsonl", "[]\n", "samples.jsonl:1: is corrupt: must be a mapping, got []"),
        ("samples.jsonl", '{"case": \n', "samples.jsonl:1: is corrupt"),
        ("features/clip.npy", "x", "clip.npy: is corrupt"),
    ],
)
def test_damage_is_named(run: Run, tmp_path: Path, file: str, damage: str, message: str) -> None:
    write(run, tmp_path)
    (tmp_path / file).write_text(damage)
    with pytest.raises(SdevalError) as error:
        read(tmp_path)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_features_of_another_number_of_samples_are_damage(run: Run, tmp_path: Path) -> None:
    write(run, tmp_path)
    np.save(tmp_path / "features" / "clip.npy", np.zeros((3, 3), dtype=np.float32))
    with pytest.raises(SdevalError, match=r"\(3, 3\) float32 features for 4 samples"):
        read(tmp_path)


def test_pickled_features_are_refused(run: Run, tmp_path: Path) -> None:
    write(run, tmp_path)
    np.save(tmp_path / "features" / "clip.npy", np.array([{"a": 1}]), allow_pickle=True)
    with pytest.raises(SdevalError, match="is corrupt"):
        read(tmp_path)


def test_a_folder_without_a_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(SdevalError, match="no run in it"):
        read(tmp_path)


def test_a_run_is_a_table_with_a_row_for_each_sample(run: Run) -> None:
    table = run.table()
    assert table["case"].tolist() == ["case-0", "case-0", "case-1", "case-1"]
    assert table["clip_score"].isna().tolist() == [False, False, False, True]
    assert table.loc[0, "seconds"] == 0.5


def test_a_run_that_leads_out_of_its_folder_is_refused(run: Run, tmp_path: Path) -> None:
    write(replace(run, suite="../.."), tmp_path)
    with pytest.raises(SdevalError, match=r"'\.\./\.\.' is no name"):
        read(tmp_path)


def test_an_image_that_leads_out_of_the_folder_is_refused(run: Run, tmp_path: Path) -> None:
    write(replace(run, samples=(replace(run.samples[0], image="../../x.png"), *run.samples[1:])), tmp_path)
    with pytest.raises(SdevalError, match=r"samples\.jsonl:1: is corrupt: .* is no image of a run"):
        read(tmp_path)


def test_prompts_may_hold_what_unicode_counts_as_a_line_break(run: Run, tmp_path: Path) -> None:
    odd = replace(run.samples[0], prompt="a\u2028b\u0085c\r\nd")
    write(replace(run, samples=(odd, *run.samples[1:])), tmp_path)
    assert read(tmp_path).samples[0].prompt == odd.prompt


def test_a_seed_belongs_to_the_look_at_which_it_was_first_generated(run: Run) -> None:
    grown = replace(run, request={**run.request, "rounds": [[3], [3, 4], [3, 4, 5, 6]]})
    assert [grown.round_of(seed) for seed in (3, 4, 5, 6)] == [0, 1, 2, 2]
    # Runs of before looks were kept have one.
    assert replace(run, request={}).round_of(4) == 0


def test_a_stored_image_is_found_where_the_same_was_request(run: Run, tmp_path: Path) -> None:
    stored, sample = Stored(run, tmp_path), run.samples[0]
    assert stored.image(sample) is None
    path = tmp_path / sample.image
    path.parent.mkdir()
    path.touch()
    assert stored.image(sample) == path
    assert stored.image(replace(sample, image="images/elsewhere.png")) == path
    assert stored.image(replace(sample, fingerprint="other")) is None
    assert stored.image(replace(sample, seed=9)) is None


def test_a_file_of_objects_is_read_line_by_line(tmp_path: Path) -> None:
    (tmp_path / "lines.jsonl").write_text('{"a": 1}\n{"b": 2}\n')
    assert json_lines(tmp_path / "lines.jsonl") == [{"a": 1}, {"b": 2}]


@pytest.mark.parametrize(("line", "message"), [("{", "Expecting property name"), ("[]", "not an object")])
def test_a_line_that_holds_no_object_is_named(tmp_path: Path, line: str, message: str) -> None:
    (tmp_path / "lines.jsonl").write_text(f'{{"a": 1}}\n{line}\n')
    with pytest.raises(SdevalError, match=rf"lines\.jsonl:2: is corrupt: {message}"):
        json_lines(tmp_path / "lines.jsonl")


def test_a_run_that_lacks_samples_of_its_suite_is_corrupt_unless_it_is_a_part(run: Run, tmp_path: Path) -> None:
    run = replace(run, request={**run.request, "cases": 3})
    write(run, tmp_path)
    with pytest.raises(SdevalError, match=r"has 4 samples, but run\.json says 3 cases with 2 seeds"):
        read(tmp_path)
    write(replace(run, complete=False), tmp_path)
    assert not read(tmp_path).complete


def test_a_sample_that_is_there_twice_is_corrupt(run: Run, tmp_path: Path) -> None:
    write(replace(run, samples=(*run.samples[:3], run.samples[0])), tmp_path)
    with pytest.raises(SdevalError, match="a sample is in it twice"):
        read(tmp_path)


def test_a_set_metric_without_its_value_is_corrupt(run: Run, tmp_path: Path) -> None:
    write(replace(run, set_scores={}), tmp_path)
    with pytest.raises(SdevalError, match="set_scores: frechet_distance: is missing"):
        read(tmp_path)


def test_a_set_metric_without_its_features_is_corrupt(run: Run, tmp_path: Path) -> None:
    write(replace(run, features={}), tmp_path)
    with pytest.raises(SdevalError, match=r"clip\.npy: is missing; frechet_distance was measured with it"):
        read(tmp_path)


def header(run: Run, folder: Path) -> dict[str, object]:
    """What `run.json` holds of a run."""
    write(run, folder)
    content = json.loads((folder / "run.json").read_text())
    assert isinstance(content, dict)
    return content


PLAIN = make_run(np.array([[30.0, 31.5]]))
FACTS = {"peak_reserved_bytes": 9, "load_seconds": 1.234567, "notes": ("a note",)}


def test_the_whole_header_of_a_run(tmp_path: Path) -> None:
    assert header(replace(PLAIN, peak_memory_bytes=7, environment={"python": "3.11"}, **FACTS), tmp_path) == {
        "schema": 2,
        "suite": "animals",
        "task": "text2img",
        "target": "tiny",
        "request": {"cases": 1, "seeds": [0, 1], "rounds": [[0, 1]], "settings": {}, "unscored": {}},
        "generated_by": {"model": "tiny"},
        "metrics": {"clip_score": asdict(CLIP_SCORE)},
        "set_scores": {},
        "environment": {"python": "3.11"},
        "complete": True,
        "peak_memory_bytes": 7,
        "peak_reserved_bytes": 9,
        "load_seconds": 1.235,
        "notes": ["a note"],
    }


def test_the_header_of_a_baseline_has_nothing_that_was_not_measured(tmp_path: Path) -> None:
    assert not header(PLAIN, tmp_path).keys() & FACTS.keys()
    assert not (tmp_path / "timings.jsonl").exists()
    assert not (tmp_path / "cases.jsonl").exists()


def test_a_line_of_a_sample_has_optional_fields_only_where_they_say_something(tmp_path: Path) -> None:
    told = {"width": 64, "height": 32, "scored_on": {"psnr": "1"}, "measures": {"flat": 0.5}}
    first, second = PLAIN.samples
    write(replace(PLAIN, samples=(first, replace(second, **told))), tmp_path)
    plain, full = (json.loads(line) for line in (tmp_path / "samples.jsonl").read_text().splitlines())
    assert full == {**plain, "seed": 1, **told} | {
        name: full[name] for name in ("fingerprint", "sha256", "image", "scores")
    }
    needed = {"case", "seed", "prompt", "fingerprint", "sha256", "image"}
    assert plain.keys() == needed | {"defect", "detail", "scores", "reasons", "image_change"}


def test_times_are_kept_to_a_microsecond_and_read_again(tmp_path: Path) -> None:
    timing = Timing(call=3, seconds=0.12345678, encode=0.00000049, steps=20, warming=True)
    write(replace(PLAIN, timings={("case-0", 1): timing}), tmp_path)
    assert read(tmp_path).timings == {("case-0", 1): replace(timing, seconds=0.123457, encode=0.0)}


def test_a_failed_sample_has_no_image_and_any_other_one_in_the_folder(tmp_path: Path) -> None:
    first, second = PLAIN.samples
    failed = replace(first, failure="the disk is full", image="", sha256="")
    write(replace(PLAIN, samples=(failed, second)), tmp_path)
    assert read(tmp_path).samples == (failed, second)
    for wrong in (replace(failed, image="images/a.png"), replace(first, image=""), replace(first, image="../a.png")):
        write(replace(PLAIN, samples=(wrong, second)), tmp_path)
        with pytest.raises(SdevalError, match=r"samples\.jsonl:1: is corrupt: .* is no image of a run"):
            read(tmp_path)


@pytest.mark.parametrize("image", ["../a.png", "inputs/a.jpg", "inputs/cat.png", "a.png"])
@pytest.mark.parametrize("field", ["image", "mask"])
def test_inputs_of_a_case_lie_in_the_folder(tmp_path: Path, field: str, image: str) -> None:
    fine = CaseRecord(case="case-0", image="inputs/0a.png", mask="inputs/1b.png")
    write(replace(PLAIN, cases={"case-0": fine}), tmp_path)
    assert read(tmp_path).cases == {"case-0": fine}
    write(replace(PLAIN, cases={"case-0": replace(fine, **{field: image})}), tmp_path)
    with pytest.raises(SdevalError, match=r"cases\.jsonl:1: is corrupt: .* is no image of a run"):
        read(tmp_path)


@pytest.mark.parametrize(
    ("name", "is_right"), [("a-b.c9", True), ("-a", False), ("a-", False), ("A", False), ("", False)]
)
@pytest.mark.parametrize("field", ["suite", "target"])
def test_names_of_suites_and_targets_are_plain(tmp_path: Path, field: str, name: str, is_right: bool) -> None:
    write(replace(PLAIN, **{field: name}), tmp_path)
    if is_right:
        assert getattr(read(tmp_path), field) == name
    else:
        with pytest.raises(SdevalError, match="is no name"):
            read(tmp_path)


@pytest.mark.parametrize("changes", [{"seeds": []}, {"rounds": []}, {"rounds": [[0], []]}])
def test_seeds_and_rounds_are_not_empty(tmp_path: Path, changes: dict[str, object]) -> None:
    write(replace(PLAIN, request={**PLAIN.request, **changes}), tmp_path)
    with pytest.raises(SdevalError, match="seeds and rounds must not be empty"):
        read(tmp_path)


def test_only_a_complete_run_must_have_all_its_samples(tmp_path: Path) -> None:
    part = replace(PLAIN, samples=PLAIN.samples[:1])
    write(replace(part, complete=False), tmp_path)
    assert len(read(tmp_path).samples) == 1
    write(part, tmp_path)
    with pytest.raises(SdevalError, match=r"has 1 samples, but run\.json says 1 cases with 2 seeds"):
        read(tmp_path)


def test_a_sample_that_is_in_it_twice_is_damage(tmp_path: Path) -> None:
    write(replace(PLAIN, samples=(PLAIN.samples[0],) * 2), tmp_path)
    with pytest.raises(SdevalError, match="a sample is in it twice"):
        read(tmp_path)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("version", [(1, 0), (2, 0)])
def test_features_of_any_precision_are_read(tmp_path: Path, dtype: type, version: tuple[int, int]) -> None:
    values = np.array([[0.5, 1.5], [2.5, -3.5], [0.0, 1.0]], dtype=dtype)
    with (tmp_path / "clip.npy").open("wb") as file:
        np.lib.format.write_array(file, values, version)
    features = read_features(tmp_path / "clip.npy", 3)
    assert features.dtype == np.float32
    assert features.tolist() == values.tolist()


@pytest.mark.parametrize(
    "values",
    [np.ones((2, 2), np.float32), np.ones(3, np.float32), np.ones((3, 2, 1), np.float32), np.ones((3, 2), np.int32)],
)
def test_features_of_another_shape_or_kind_are_damage(tmp_path: Path, values: np.ndarray) -> None:
    np.save(tmp_path / "clip.npy", values)
    with pytest.raises(SdevalError, match=r"clip\.npy: is corrupt: .* features for 3 samples"):
        read_features(tmp_path / "clip.npy", 3)


def test_features_that_are_longer_or_shorter_than_they_say_are_damage(tmp_path: Path) -> None:
    np.save(tmp_path / "clip.npy", np.ones((3, 2), np.float32))
    content = (tmp_path / "clip.npy").read_bytes()
    for damaged in (content + b"0", content[:-1]):
        (tmp_path / "clip.npy").write_bytes(damaged)
        with pytest.raises(SdevalError, match="is corrupt"):
            read_features(tmp_path / "clip.npy", 3)
