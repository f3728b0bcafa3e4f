"""Everything in sdeval that reads files of others: a valid file for each, and what reads it."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from PIL import Image

from sdeval.baselines import drafts, provenance, speed, store, variability
from sdeval.baselines.acceptance import approvals
from sdeval.baselines.transaction import Transaction
from sdeval.config import project
from sdeval.config.case import Case
from sdeval.config.case_files import load_cases
from sdeval.config.image_store import StoreOptions
from sdeval.config.options import Config, read_table
from sdeval.config.prompt_sets.catalogue import SETS
from sdeval.config.prompt_sets.reading import read_set
from sdeval.config.suite import Suite
from sdeval.config.target import Target
from sdeval.config.target_registry import of_project
from sdeval.engines.checkpoints import check_task, find_prior
from sdeval.engines.servers.checks import check as check_server
from sdeval.history import store as history
from sdeval.imaging.io import pixel_hash, png_bytes, png_text
from sdeval.results import selected, verdicts_file
from sdeval.results.journal import Journal
from sdeval.results.run import Stored
from sdeval.results.session_names import SELECTED
from sdeval.stores.images import ImageStore, name_of, open_store

ROOT = Path(__file__).parents[2]
BASELINE = ROOT / "baselines" / "shapes-img2img" / "shapes"
SUITE, TARGET = "shapes-img2img", "shapes"
CASES = {
    "yaml": "- id: cat\n  prompt: &p a cat\n  strength: 0.5\n  tags: [pet, furry]\n- id: dog\n  prompt: *p\n",
    "csv": 'id,prompt,strength,tags\ncat,"a cat, two",0.5,"pet,furry"\ndog,a dog,,\n',
    "tsv": 'id\tprompt\tstrength\ncat\t"a cat"\t0.5\ndog\ta dog\t\n',
    "jsonl": '{"id": "cat", "prompt": "a cat", "strength": 0.5, "tags": ["pet"]}\n{"id": "dog", "prompt": "a dog"}\n',
}
PROMPT_SETS = {
    "parti-prompts": 'Prompt\tCategory\tChallenge\tNote\na "cat"\tAnimals\tBasic\t\na dog\tAnimals\tBasic\tn\n',
    "gecko": ',dataset_id,prompt,prompt_type,prompt_id\n0,att/color:stroop,"a cat, two",Gecko(S),0\n',
    "geneval": '{"tag": "counting", "include": [{"class": "cat", "count": 2}], "prompt": "two cats"}\n',
    "flow-grpo-ocr": 'a sign that says "cat"\na dog\n',
    "pie-bench": (
        '{"1": {"image_path": "0_random_1/1.jpg", "original_prompt": "a [cat]", "editing_prompt": "a [dog]",'
        ' "editing_instruction": "make it a dog"}}'
    ),
}
TARGETS = '[fast]\nextends = "shapes"\nscheduler = "DDIMScheduler"\n[fast.settings]\nguidance_scale = 2.0\n'
TABLE = '[tool.sdeval]\ntarget = ["shapes"]\nstrict = true\n[tool.sdeval.set]\nguidance_scale = 1\n'
APPROVALS = {
    "schema": 1,
    "session": "20261121-141503-9f2c",
    "reason": "better",
    "approvals": [{"suite": SUITE, "target": TARGET, "cases": ["cat"], "metrics": "all"}],
}
DRAFT = "20261121-141503-9f2c"
SECONDS = {"median": 1.0, "p90": 1.5, "deviation": 0.1, "n": 4}
SPEED = {"schema": 1, "machines": {"cpu": {"seconds": SECONDS, "memory": 10.0, "batch_size": 8, "environment": {}}}}
WORKFLOW = {
    "1": {
        "class_type": "CLIPTextEncode",
        "inputs": {"text": "a cat", "clip": ["9", 1]},
        "_meta": {"title": "Positive"},
    },
    "2": {"class_type": "KSampler", "inputs": {"model": ["9", 0], "seed": 1, "steps": 4, "positive": ["1", 0]}},
    "3": {"class_type": "SaveImage", "inputs": {"images": ["2", 0]}},
    "9": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "a"}},
}
MODEL = {"_class_name": "StableDiffusionPipeline", "scheduler": ["diffusers", "DDIMScheduler"]}


GRADIENT = Image.linear_gradient("L").resize((48, 48)).convert("RGB")
IMAGE = pixel_hash(GRADIENT)


@dataclass(frozen=True)
class Reader:
    """One file, and what reads it; all readers share a folder in which every other file is valid."""

    name: str
    file: str
    read: Callable[[Path], object]


def _case_reader(ending: str) -> Reader:
    return Reader(f"cases {ending}", f"cases.{ending}", lambda root: load_cases(root / f"cases.{ending}"))


def _set_reader(name: str) -> Reader:
    return Reader(f"prompt set {name}", f"sets/{name}", lambda root: read_set(SETS[name], root / "sets" / name))


def _baseline(root: Path) -> object:
    return store.find(root / "baselines", SUITE, TARGET)


def _images(root: Path) -> None:
    run = _baseline(root)
    store.check_readable(Stored(run, root / "baselines" / SUITE / TARGET))  # type: ignore[arg-type]


def _speeds(root: Path) -> object:
    return speed.read(speed.path_of(root / "baselines", SUITE, TARGET))


def _inpainting(root: Path) -> object:
    case = Case(id="cat", prompt="a cat", image=root / "image.jpg", mask=root / "mask.png")
    return Suite(name="animals", task="inpainting", cases=(case,))


def _project(root: Path) -> object:
    return Config.merge({}, read_table(root), root, ci=False)


def _model(root: Path) -> object:
    target = Target(name="own", model=str(root / "model"))
    check_task(target, root / "model", "img2img")
    return find_prior(target, root / "model")


def _journal(root: Path) -> object:
    return Journal(root, {}).recall({("cat", 0): "asked"})


def _store(root: Path) -> ImageStore:
    return open_store(StoreOptions(url=str(root / "store")), root / "baselines")


def _draft(root: Path) -> object:
    with TemporaryDirectory() as folder:
        return drafts.fetch(DRAFT, _store(root), Path(folder))


def _old_drafts(root: Path) -> object:
    return drafts.old_drafts(_store(root), timedelta(days=14))


def _stored_image(root: Path) -> object:
    return _store(root).read(IMAGE)


def _workflow(root: Path) -> None:
    server = {"workflow": str(root / "workflow.json"), "bindings": {"prompt": "title:Positive.text"}}
    check_server(Target(name="own", model="comfyui:http://host", server=server), "text2img", {"num_inference_steps": 4})


_BASELINE_FOLDER = f"baselines/{SUITE}/{TARGET}"
READERS = (
    *map(_case_reader, CASES),
    *map(_set_reader, PROMPT_SETS),
    Reader("targets.toml", "suites/targets.toml", lambda root: of_project(root, {})),
    Reader("pyproject.toml", "pyproject.toml", _project),
    Reader("run.json", f"{_BASELINE_FOLDER}/run.json", _baseline),
    Reader("samples.jsonl", f"{_BASELINE_FOLDER}/samples.jsonl", _baseline),
    Reader("cases.jsonl", f"{_BASELINE_FOLDER}/cases.jsonl", _baseline),
    Reader("features .npy", f"{_BASELINE_FOLDER}/features/clip.npy", _baseline),
    Reader("accepted.json", f"{_BASELINE_FOLDER}/accepted.json", lambda root: provenance.read(root / _BASELINE_FOLDER)),
    Reader("baseline images", f"{_BASELINE_FOLDER}/images/first.png", _images),
    Reader("speed.json", f"{_BASELINE_FOLDER}.speed.json", _speeds),
    Reader(
        "variability.json",
        f"{_BASELINE_FOLDER}.variability.json",
        lambda root: variability.read(root / "baselines", SUITE, TARGET),
    ),
    Reader("approvals.json", "approvals.json", lambda root: approvals.read(root / "approvals.json")),
    Reader("verdicts.json", "verdicts.json", lambda root: verdicts_file.read(root / "verdicts.json")),
    Reader("selected.json", SELECTED, selected.read),
    Reader("project.json", project.RECORD, project.recorded),
    Reader("history.jsonl", "history.jsonl", lambda root: history.read(root / "history.jsonl")),
    Reader("journal", "generated.jsonl", _journal),
    Reader("init images", "image.jpg", _inpainting),
    Reader("masks", "mask.png", _inpainting),
    Reader("texts of an image", "texts.png", lambda root: png_text(root / "texts.png", "sdeval")),
    Reader("model_index.json", "model/model_index.json", _model),
    Reader("draft", f"store/drafts/{DRAFT}/draft.json", _draft),
    Reader("samples of a draft", f"store/drafts/{DRAFT}/files/{SUITE}/{TARGET}/samples.jsonl", _old_drafts),
    Reader("images of a store", f"store/{name_of(IMAGE)}", _stored_image),
    Reader("workflow of ComfyUI", "workflow.json", _workflow),
    Reader("config of a denoiser", "model/unet/config.json", _model),
)


def prepare(root: Path) -> None:
    """Write every file that the readers read, valid and small."""
    folder = root / _BASELINE_FOLDER
    shutil.copytree(BASELINE, folder)
    _name_first_image(folder)
    shutil.copy(BASELINE.with_name(f"{TARGET}.variability.json"), folder.parent)
    texts: dict[str, Any] = {f"cases.{ending}": text for ending, text in CASES.items()}
    texts |= {f"sets/{name}": text for name, text in PROMPT_SETS.items()}
    texts |= {"suites/targets.toml": TARGETS, "pyproject.toml": TABLE}
    texts |= {"approvals.json": APPROVALS, f"{_BASELINE_FOLDER}.speed.json": SPEED}
    texts["verdicts.json"] = (ROOT / "tests" / "frozen" / "golden" / "verdicts.json").read_text()
    texts |= {"workflow.json": WORKFLOW, "model/model_index.json": MODEL, "model/unet/config.json": {"in_channels": 4}}
    run = {"suite": "s", "target": "t", "complete": True, "request": "a", "images": "b", "metrics": {}}
    lines = [{"schema": 2, "session": name, "runs": [run]} for name in ("one", "two")]
    items = [{"suite": SUITE, "target": TARGET, "kind": "case", "name": "cat", "nodeid": "test_a.py::test_a"}]
    texts |= {SELECTED: {"items": items}, project.RECORD: {"schema": 1, "root": ".", "baselines": "baselines"}}
    texts["history.jsonl"] = "".join(json.dumps(line) + "\n" for line in lines)
    texts["generated.jsonl"] = json.dumps({"facts": "x"}) + "\n" + json.dumps({"self_check": "identical"}) + "\n"
    for name, text in texts.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text if isinstance(text, str) else json.dumps(text, indent=2))
    (root / "image.jpg").write_bytes(_photo())
    (root / "texts.png").write_bytes(
        png_bytes(GRADIENT, {"sdeval": json.dumps({"target": MODEL}), "Description": "猫"})
    )
    mask = Image.new("L", (64, 64))
    mask.paste(255, (8, 8, 40, 40))
    mask.save(root / "mask.png")
    _add_store(root)


def _copy_baseline(folder: Path) -> None:
    shutil.copytree(BASELINE, folder)


def _add_store(root: Path) -> None:
    """A store with an image, and a draft of the baseline."""
    store = _store(root)
    store.put(IMAGE, png_bytes(GRADIENT))
    change = Transaction(root / "nowhere", root / "staged")
    change.put(Path(SUITE, TARGET), _copy_baseline)
    drafts.save(DRAFT, change, store)


def _name_first_image(folder: Path) -> None:
    """Copy the first image under a name of its own, which its sample then has."""
    first = json.loads((folder / "samples.jsonl").read_text().splitlines()[0])
    (folder / "images" / "first.png").write_bytes((folder / first["image"]).read_bytes())
    lines = (folder / "samples.jsonl").read_text().splitlines(keepends=True)
    first["image"] = "images/first.png"
    (folder / "samples.jsonl").write_text("".join([json.dumps(first) + "\n", *lines[1:]]))


def _photo() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 3
    buffer = io.BytesIO()
    Image.effect_noise((64, 64), 60).convert("RGB").save(buffer, "JPEG", exif=exif, icc_profile=b"profile" * 20)
    return buffer.getvalue()
