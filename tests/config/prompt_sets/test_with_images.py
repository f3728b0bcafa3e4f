"""Sets whose prompts come with images, on small files in the published formats; published files were not at hand."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from PIL import Image

from sdeval import SdevalError, Suite, load_cases
from sdeval.cli import main
from sdeval.config.prompt_sets.catalogue import SETS
from sdeval.config.prompt_sets.reading import ImportedSet, read_set
from sdeval.config.prompt_sets.writing import case_file, write_case_file, write_images

IMAGE = pa.struct({"bytes": pa.binary(), "path": pa.string()})


def encoded(color: str, kind: str = "PNG", mode: str = "RGB") -> bytes:
    buffer = io.BytesIO()
    Image.new(mode, (32, 24), color).save(buffer, format=kind)
    return buffer.getvalue()


def mask() -> bytes:
    levels = np.zeros((24, 32), dtype=np.uint8)
    levels[4:12, 5:20] = 255
    buffer = io.BytesIO()
    Image.fromarray(levels).save(buffer, format="PNG")
    return buffer.getvalue()


def cell(content: bytes | None) -> dict[str, Any]:
    return {"bytes": content, "path": None}


COCO = [
    {
        "concept": concept,
        "coco_caption": f"a {before} bowl",
        "coco_image": cell(encoded(before, "JPEG")),
        "inpaint_caption": f"a {after} bowl",
        "inpaint_image": cell(encoded(after)),
        "mask": cell(mask()),
        "worker": "w1",
    }
    for concept, before, after in (("color", "red", "green"), ("object", "blue", "gray"), ("color", "white", "pink"))
]
GEDIT = [
    {
        "task_type": task,
        "key": key,
        "instruction": instruction,
        "instruction_language": language,
        "input_image": cell(encoded("white")),
        "input_image_raw": cell(encoded(color)),
        "Intersection_exist": True,
    }
    for task, key, instruction, language, color in (
        ("color_alter", "a1b2", "Make the kite green", "en", "red"),
        ("color_alter", "a1b2", "把风筝变成绿色", "cn", "red"),
        ("background_change", "c3d4", "Put the goose on a pier", "en", "blue"),
    )
]
PIE = {
    "000000000000": {
        "image_path": "0_random_140/000000000000.jpg",
        "original_prompt": "a [red] kite on a beach",
        "editing_prompt": "a [green] kite on a beach",
        "editing_instruction": "Make the kite green",
        "editing_type_id": "0",
        "blended_word": "kite kite",
        "mask": [0, 40],
    },
    "111000000003": {
        "image_path": "1_change_object_80/1_artificial/1_animal/111000000003.jpg",
        "original_prompt": "a goose",
        "editing_prompt": "a [duck]",
        "editing_instruction": "",
        "editing_type_id": "1",
        "blended_word": "",
        "mask": [],
    },
}
Rows = Sequence[Mapping[str, Any]]


def table(rows: Rows, *images: str) -> pa.Table:
    names = list(rows[0])
    types = dict.fromkeys(images, IMAGE)
    return pa.table({name: pa.array([row[name] for row in rows], types.get(name)) for name in names})


def inpaint_coco(folder: Path, rows: Rows = COCO) -> Path:
    pyarrow.parquet.write_table(
        table(rows, "coco_image", "inpaint_image", "mask"), folder / "test-00000-of-00003.parquet", row_group_size=2
    )
    return folder


def gedit(folder: Path, rows: Rows = GEDIT) -> Path:
    content = table(rows, "input_image", "input_image_raw")
    with (
        pa.OSFile(str(folder / "data-00000-of-00004.arrow"), "wb") as sink,
        pa.ipc.new_stream(sink, content.schema) as w,
    ):
        w.write_table(content, max_chunksize=2)
    return folder


def pie(folder: Path, entries: Mapping[str, Any] = PIE) -> Path:
    (folder / "mapping_file.json").write_text(json.dumps(entries), encoding="utf-8")
    for number, entry in enumerate(PIE.values()):
        image = folder / "annotation_images" / str(entry["image_path"])
        image.parent.mkdir(parents=True, exist_ok=True)
        image.write_bytes(encoded("red" if number else "blue", "JPEG"))
    return folder


WRITE: Mapping[str, Callable[[Path], Path]] = {"inpaint-coco": inpaint_coco, "gedit-bench": gedit, "pie-bench": pie}


def read(name: str, folder: Path) -> ImportedSet:
    return read_set(SETS[name], WRITE[name](folder))


def test_every_set_with_images_is_among_the_tests() -> None:
    assert {name for name, prompt_set in SETS.items() if prompt_set.file_reader} == set(WRITE)
    assert all(bool(one.reader) != bool(one.file_reader) for one in SETS.values())


def test_inpaint_coco_asks_for_what_is_painted(tmp_path: Path) -> None:
    first, *_ = read("inpaint-coco", tmp_path).cases
    assert first.case.id == "inpaint-test-00000-of-00003-0001"
    assert (first.case.prompt, first.case.image_prompt, first.case.tags) == ("a green bowl", "a red bowl", ("color",))
    assert first.images["image"]() == COCO[0]["coco_image"]["bytes"]
    assert first.images["mask"]() == mask()


def test_rows_of_every_group_have_their_own_images(tmp_path: Path) -> None:
    cases = read("inpaint-coco", tmp_path).cases
    assert [one.images["image"]() for one in reversed(cases)] == [row["coco_image"]["bytes"] for row in reversed(COCO)]


def test_gedit_gives_instructions_in_both_languages_and_the_raw_image(tmp_path: Path) -> None:
    english, chinese, other = read("gedit-bench", tmp_path).cases
    assert english.case.id == "gedit-data-00000-of-00004-color-alter-en-a1b2"
    assert (english.case.prompt, english.fields) == (
        "Make the kite green",
        {"task_type": "color_alter", "language": "en"},
    )
    assert chinese.case.prompt == "把风筝变成绿色"
    assert english.images["image"]() == GEDIT[0]["input_image_raw"]["bytes"]
    assert set(other.images) == {"image"}


def test_pie_gives_instructions_or_the_new_description_where_there_is_none(tmp_path: Path) -> None:
    first, second = read("pie-bench", tmp_path).cases
    assert (first.case.id, second.case.id) == ("pie-000000000000", "pie-111000000003")
    assert (first.case.prompt, first.case.image_prompt) == ("Make the kite green", "a red kite on a beach")
    assert first.case.edited_prompt == "a green kite on a beach"
    assert (second.case.prompt, second.case.image_prompt) == ("a duck", "a goose")
    assert [one.fields["type"] for one in (first, second)] == ["random", "change_object"]
    assert first.images["image"]() == encoded("blue", "JPEG")


@pytest.mark.parametrize(
    ("name", "task"), [("inpaint-coco", "inpainting"), ("gedit-bench", "edit"), ("pie-bench", "edit")]
)
def test_the_case_file_and_its_images_make_a_suite(name: str, task: Any, tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    imported = read(name, tmp_path / "set")
    path = tmp_path / "out" / "cases.yaml"
    for _ in range(2):
        images = write_images(path, imported.cases)
        write_case_file(path, case_file(imported, imported.cases, "all", images))
    cases = load_cases(path)
    assert [case.prompt for case in cases] == [one.case.prompt for one in imported.cases]
    for case, one in zip(cases, imported.cases, strict=True):
        for field, source in one.images.items():
            assert getattr(case, field).read_bytes() == source()
    assert Suite(name="a", task=task, cases=cases, settings={})
    assert len(list((tmp_path / "out" / "cases-images").iterdir())) == sum(len(one.images) for one in imported.cases)


def test_an_image_of_that_name_and_other_content_is_never_overwritten(tmp_path: Path) -> None:
    imported = read("pie-bench", tmp_path)
    other = tmp_path / "cases-images" / "pie-000000000000-image.jpg"
    other.parent.mkdir()
    other.write_bytes(b"mine")
    with pytest.raises(SdevalError, match="is there already, with other content"):
        write_images(tmp_path / "cases.yaml", imported.cases)
    assert other.read_bytes() == b"mine"


def test_the_command_writes_a_sample_with_its_images(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "set").mkdir()
    gedit(tmp_path / "set")
    assert main(["import", "gedit-bench", "set", "--limit", "2", "--stratify", "language"]) == 0
    printed = capsys.readouterr()
    assert "gedit-bench.yaml: 2 of 3 prompts of GEdit-Bench" in printed.out
    assert "knows no digest of GEdit-Bench" in printed.err
    assert len(load_cases(tmp_path / "gedit-bench.yaml")) == 2
    assert len(list((tmp_path / "gedit-bench-images").iterdir())) == 2
    assert main(["import", "gedit-bench"]) == 0
    assert "its images are written into a folder beside the case file" in capsys.readouterr().out


def without(rows: Rows, name: str) -> Rows:
    return [{key: value for key, value in row.items() if key != name} for row in rows]


def change(rows: Rows, **values: Any) -> Rows:
    return [{**rows[0], **values}, *rows[1:]]


def message(name: str, folder: Path) -> str:
    with pytest.raises(SdevalError) as error:
        read_set(SETS[name], folder)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_a_column_that_is_missing_is_named(tmp_path: Path) -> None:
    pyarrow.parquet.write_table(table(without(COCO, "mask"), "coco_image", "inpaint_image"), tmp_path / "a.parquet")
    assert "a.parquet:1: there is no column 'mask' among ['concept', 'coco_caption'" in message(
        "inpaint-coco", tmp_path
    )


def test_a_cell_that_is_no_text_is_named(tmp_path: Path) -> None:
    inpaint_coco(tmp_path, change(COCO, inpaint_caption=None))
    assert ":1: row 1: inpaint_caption: must be text, got" in message("inpaint-coco", tmp_path)


@pytest.mark.parametrize(("name", "file"), [("inpaint-coco", "a.parquet"), ("gedit-bench", "a.arrow")])
@pytest.mark.parametrize("content", [b"", b"PAR1PAR1", b"\xff\xff\xff\xff\x00", bytes(200)])
def test_a_corrupt_file_is_refused_in_one_line(name: str, file: str, content: bytes, tmp_path: Path) -> None:
    (tmp_path / file).write_bytes(content)
    assert f"{file}:1: is no " in message(name, tmp_path)


def test_a_cell_without_an_image_is_named_when_it_is_asked_for(tmp_path: Path) -> None:
    inpaint_coco(tmp_path, change(COCO, mask=cell(None)))
    imported = read_set(SETS["inpaint-coco"], tmp_path)
    with pytest.raises(SdevalError, match=r"row 1: mask: holds no image"):
        write_images(tmp_path / "a.yaml", imported.cases)


def test_what_is_no_image_is_not_written(tmp_path: Path) -> None:
    inpaint_coco(tmp_path, change(COCO, coco_image=cell(b"GIF89a..")))
    imported = read_set(SETS["inpaint-coco"], tmp_path)
    with pytest.raises(SdevalError, match=r"0001-image: is no PNG, JPEG or WebP"):
        write_images(tmp_path / "a.yaml", imported.cases)


@pytest.mark.parametrize("place", ["../secret.jpg", "/etc/passwd", "a/../../b.jpg"])
def test_an_image_outside_the_folder_is_refused(place: str, tmp_path: Path) -> None:
    pie(tmp_path, {"0": {**PIE["000000000000"], "image_path": place}})
    assert "image_path: must lie in annotation_images" in message("pie-bench", tmp_path)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("[]", "must be a JSON object"),
        ("{", "not JSON: "),
        ('{"0": 3}', "must be a JSON object, got 3"),
        ('{"0": {}}', "image_path: must be text"),
        ("{}", "no prompts in it"),
    ],
)
def test_a_list_of_another_format_is_refused(content: str, expected: str, tmp_path: Path) -> None:
    (tmp_path / "mapping_file.json").write_text(content)
    assert expected in message("pie-bench", tmp_path)


def test_an_image_that_is_missing_is_named(tmp_path: Path) -> None:
    imported = read("pie-bench", tmp_path)
    next((tmp_path / "annotation_images").rglob("000000000000.jpg")).unlink()
    with pytest.raises(SdevalError, match=r"000000000000\.jpg: no such file"):
        write_images(tmp_path / "a.yaml", imported.cases)


@pytest.mark.parametrize("name", ["mapping_file.json", "a.parquet", "a.arrow"])
def test_what_is_no_file_is_refused_at_once(name: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / name)
    of = {"mapping_file.json": "pie-bench", "a.parquet": "inpaint-coco", "a.arrow": "gedit-bench"}
    assert name in message(of[name], tmp_path)


def test_without_pyarrow_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inpaint_coco(tmp_path)
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    assert "takes pyarrow; pip install 'pytest-sdeval[sets]'" in message("inpaint-coco", tmp_path)


def test_images_of_edges_that_no_suite_takes_are_cropped(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    buffers = {name: io.BytesIO() for name in ("coco_image", "mask")}
    Image.new("RGB", (101, 77), "red").save(buffers["coco_image"], format="JPEG")
    painted = Image.new("L", (101, 77), 0)
    painted.paste(255, (10, 10, 50, 50))
    painted.save(buffers["mask"], format="PNG")
    images = {name: cell(buffer.getvalue()) for name, buffer in buffers.items()}
    row = {"concept": "color", "coco_caption": "a red bus", "inpaint_caption": "a blue bus", **images}
    pa.parquet.write_table(pa.Table.from_pylist([row]), "rows.parquet")
    assert main(["import", "inpaint-coco", "rows.parquet"]) == 0
    assert "2 images cropped to edges of multiples of 8 pixels, at the right and the bottom" in capsys.readouterr().out
    (case,) = load_cases("inpaint-coco.yaml")
    Suite(name="inpaint", task="inpainting", cases=(case,))
    assert case.image
    assert case.mask
    assert case.image.name.endswith("-image-cropped.png")
    assert Image.open(case.image).size == Image.open(case.mask).size == (96, 72)
    assert np.array_equal(np.asarray(Image.open(case.mask)), np.asarray(painted)[:72, :96])
