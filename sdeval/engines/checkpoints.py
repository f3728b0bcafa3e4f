"""What can be known of a model before its weights are read: is it there, is it safe, does it fit the task."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sdeval._utils.files import parse_json, read_text
from sdeval._utils.hub import HubCheckpoint, HubFiles, MissingWeights, Source, cached_file, local_folder
from sdeval._utils.validation import preview, readable
from sdeval.config.case import Task
from sdeval.config.target import EMBEDDED, Target
from sdeval.engines import hardware
from sdeval.engines.servers.options import require_key
from sdeval.errors import SdevalError, first_line
from sdeval.shapes import pipeline_folder

LORA_FILE = "pytorch_lora_weights.safetensors"
"""What diffusers calls the file of an adaptation."""
IMAGE_ENCODER = "image_encoder"
"""Folder beside an IP-Adapter with the model that reads its images."""
_PICKLES = (".bin", ".ckpt", ".pt", ".pth", ".pkl")


def require(target: Target) -> None:
    """Refuse a target that this machine cannot generate with, in milliseconds: torch is not imported.

    Raises:
        SdevalError: its model is no diffusers checkpoint.
        NotAvailable: hardware, weights or the key of a server are missing.
    """
    hardware.require(target)
    if target.is_server:
        require_key(target)
    if target.is_pipeline:
        find_model(target)


def find_model(target: Target) -> Path:
    """The folder that holds the model: the one named, or the hub's cached copy.

    Raises:
        SdevalError: the folder is no diffusers checkpoint, or holds pickles instead of safetensors.
        NotAvailable: a hub model whose files are not on this machine.
    """
    folder = pipeline_folder() if target.model == EMBEDDED else _folder(target, "model", target.model)
    if folder is None:
        folder = _cached(target, "model", target.model, "model_index.json", target.revision)
    index = folder / "model_index.json"
    if not index.is_file():
        raise SdevalError(
            f"target {target.name}: no model_index.json in {folder}; is it a diffusers checkpoint folder?"
        )
    for part in _parts(target, folder):
        endings = {file.suffix for file in part.iterdir()}
        if endings.intersection(_PICKLES) and ".safetensors" not in endings:
            raise SdevalError(
                f"target {target.name}: {part} holds pickled weights, which can run code when they are opened; "
                "convert them to .safetensors"
            )
    return folder


def find_part(target: Target, field: str, text: str, index: str) -> Path:
    """The folder of a vae, a prior or a controlnet: the one named, or the hub's cached copy.

    Args:
        target: whose.
        field: of the target, for messages.
        text: a folder or a hub id.
        index: the file that such a folder holds.

    Raises:
        SdevalError: there is no such folder, or it holds something else.
        NotAvailable: a hub model whose files are not on this machine.
    """
    folder = _folder(target, field, text) or _cached(target, field, text, index)
    if not (folder / index).is_file():
        raise SdevalError(f"target {target.name}: {field}: no {index} in {folder}")
    return folder


def _folder(target: Target, field: str, text: str) -> Path | None:
    """The folder that a text names; None where it can only be an id of the hub.

    Raises:
        SdevalError: it is a path, and no folder lies there.
    """
    where = f"target {target.name}: {field}"
    try:
        folder = local_folder(text)
    except SdevalError as error:
        raise SdevalError(f"{where}: {error}") from None
    if folder is not None:
        return folder
    if text and Path(text).expanduser().exists():
        raise SdevalError(f"{where}: must be a folder in diffusers format, and {readable(text)} is a file")
    if looks_like_path(text):
        raise SdevalError(f"{where}: no such folder: {readable(text)}")
    return None


def _parts(target: Target, folder: Path) -> list[Path]:
    """Folders in the folder of a checkpoint, that can all be read."""
    try:
        parts = sorted(path for path in folder.iterdir() if path.is_dir())
        for part in parts:
            next(part.iterdir(), None)
    except OSError as error:
        raise SdevalError(f"target {target.name}: {error.filename} cannot be read: {error.strerror}") from None
    return parts


def find_lora(target: Target, text: str) -> Path:
    """The file of a low-rank adaptation, as `find_file` finds it."""
    return find_file(target, "loras", text)


def find_ip_adapter(target: Target, text: str) -> Path:
    """The file of an IP-Adapter, as `find_file` finds it, which lies beside the model that reads its images.

    Raises:
        SdevalError: that model is not there.
    """
    file = find_file(target, "ip_adapter", text)
    if not (file.parent / IMAGE_ENCODER / "config.json").is_file():
        if not looks_like_path(text) and not Path(text).exists():
            owner, name, *inside = text.split("/")
            _cached(target, "ip_adapter", f"{owner}/{name}", "/".join((*inside[:-1], IMAGE_ENCODER, "config.json")))
        raise SdevalError(f"target {target.name}: ip_adapter: no {IMAGE_ENCODER}/config.json in {file.parent}")
    return file


def find_file(target: Target, field: str, text: str) -> Path:
    """A file of weights: a file, a folder with one, or the hub's cached copy.

    Raises:
        SdevalError: there is no such file, or it is no safetensors file.
        NotAvailable: a hub file that is not on this machine.
    """
    where, path = f"target {target.name}: {field}", _path(target, field, text)
    if not path.exists() and not looks_like_path(text):
        owner, name, *inside = text.split("/")
        file = "/".join(inside) or LORA_FILE
        path = _cached(target, field, f"{owner}/{name}", file) / file
    if path.is_dir():
        files = sorted(path.glob("*.safetensors"))
        if len(files) != 1:
            raise SdevalError(f"{where}: {text} holds {len(files)} files of safetensors; name one of them")
        return files[0]
    if not path.is_file():
        raise SdevalError(f"{where}: no such file or folder: {readable(text)}")
    if path.suffix != ".safetensors":
        raise SdevalError(f"{where}: {text} must be a file of safetensors: others can run code when they are opened")
    return path


def _path(target: Target, field: str, text: str) -> Path:
    try:
        path = Path(text).expanduser()
        path.exists()
    except (OSError, RuntimeError, ValueError) as error:
        raise SdevalError(
            f"target {target.name}: {field}: {preview(text)} cannot be opened: {first_line(error)}"
        ) from None
    return path


def looks_like_path(text: str) -> bool:
    """Whether a text that names no folder was meant to, and not as a hub id."""
    return not text or text.startswith(("/", ".", "~")) or "\\" in text or "/" not in text


def _cached(target: Target, field: str, repository: str, file: str, revision: str | None = None) -> Path:
    """The folder of a repository in the hub's cache."""
    try:
        path = cached_file(repository, file, revision)
    except SdevalError as error:
        raise SdevalError(f"target {target.name}: {field}: {error}") from None
    if path is None:
        flag = f" --revision {revision}" if revision else ""
        raise MissingWeights(
            f"weights of {repository} are not on this machine; get them with: hf download {repository}{flag}",
            _source(target, field, repository, file),
        )
    return path.parents[file.count("/")]


def _source(target: Target, field: str, repository: str, file: str) -> Source:
    """What `sdeval fetch` gets where a part of a target is missing."""
    if field == "model":
        return HubCheckpoint(repository, target.revision, target.variant)
    if field == "prior":
        return HubCheckpoint(repository)
    if field == "loras":
        return HubFiles(repository, ((file,),))
    return HubFiles(repository, (("config.json",), ("diffusion_pytorch_model.safetensors", "*.safetensors")))


def find_prior(target: Target, folder: Path) -> Path | None:
    """The prior of a checkpoint that has none of its own: the target's, or the one that its model card names.

    Raises:
        SdevalError: none is named.
        NotAvailable: its files are not on this machine.
    """
    if not family_needs_prior(_json(target, folder / "model_index.json").get("_class_name")):
        if target.prior:
            raise SdevalError(f"target {target.name}: prior has no effect: {target.model} is generated without one")
        return None
    card = folder / "README.md"
    text = target.prior or (_prior_of_card(card) if card.is_file() else None)
    if not text:
        raise SdevalError(f"target {target.name}: {target.model} needs a prior, and no model card names one; set prior")
    return find_part(target, "prior", text, "model_index.json")


def family_needs_prior(pipeline_class: Any) -> bool:
    """Whether a checkpoint of this class turns image embeddings into images, and texts are another's work."""
    return str(pipeline_class).startswith("KandinskyV22") and "Combined" not in str(pipeline_class)


def _prior_of_card(card: Path) -> str | None:
    from huggingface_hub.repocard import metadata_load

    prior = (metadata_load(card) or {}).get("prior")
    return str(prior[0] if isinstance(prior, list) else prior) if prior else None


def check_task(target: Target, folder: Path, task: Task) -> None:
    """Refuse a checkpoint that loads for a task and then fails, or generates nonsense, when it is called.

    Raises:
        SdevalError: its denoiser takes more or fewer channels than the task gives.
    """
    index = _json(target, folder / "model_index.json")
    kind = str(index.get("_class_name"))
    channels = _config(target, folder).get("in_channels")
    where = f"target {target.name}: {target.model}"
    if index.get("requires_aesthetics_score") and task == "text2img":
        raise SdevalError(f"{where} is a refiner and cannot do {task}")
    if channels == 9 and task != "inpainting":
        raise SdevalError(f"{where} is an inpainting checkpoint and cannot do {task}")
    if kind.startswith("KandinskyV22") and channels == 4 and task == "inpainting":
        raise SdevalError(f"{where} cannot do inpainting; that takes kandinsky-2-2-decoder-inpaint, with 9 channels")
    if kind.startswith("StableDiffusion3") and channels not in (None, 16, 33) and task == "inpainting":
        raise SdevalError(f"{where} cannot do inpainting: its transformer takes {channels} channels, not 16 or 33")
    if kind.startswith("Chroma") and task == "inpainting" and "guidance_embeds" not in _config(target, folder):
        raise SdevalError(
            f"{where} cannot do inpainting: ChromaInpaintPipeline of diffusers asks for guidance_embeds, "
            "which its transformer does not have"
        )


def own_scheduler(folder: Path) -> tuple[str, dict[str, Any]]:
    """Class and configuration of the scheduler that a checkpoint comes with; no configuration where it has none."""
    index = parse_json(read_text(folder / "model_index.json"))
    file = folder / "scheduler" / "scheduler_config.json"
    config = parse_json(read_text(file)) if file.is_file() else {}
    return str((index.get("scheduler") or (None, "no scheduler"))[1]), config if isinstance(config, dict) else {}


def _config(target: Target, folder: Path) -> dict[str, Any]:
    """The configuration of the denoiser; empty where there is none."""
    files = (folder / part / "config.json" for part in ("unet", "transformer"))
    return next((_json(target, file) for file in files if file.is_file()), {})


def _json(target: Target, path: Path) -> dict[str, Any]:
    try:
        content = parse_json(read_text(path))
    except (SdevalError, ValueError, RecursionError) as error:
        raise SdevalError(f"target {target.name}: {path} cannot be read: {error}") from None
    if not isinstance(content, dict):
        raise SdevalError(f"target {target.name}: {path} is not a JSON object")
    return content
