"""The prompt sets that sdeval knows: where they are published, by which digests, and under which licences.

Nothing of a set is part of sdeval: a set is read from a file that the user got where it is published.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sdeval.config.prompt_sets import formats, with_images
from sdeval.config.prompt_sets.formats import Reader
from sdeval.config.prompt_sets.with_images import FileReader
from sdeval.errors import SdevalError, unknown


@dataclass(frozen=True, slots=True)
class PublishedFile:
    """A file of a set, as it is published."""

    name: str
    sha256: str
    part: str = ""
    """What the file stands for, where a set has several: a category, or a language."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptSet:
    """One prompt set, at one commit."""

    name: str
    """On the command line."""
    title: str
    prompts: int
    licence: str
    redistributable: bool
    """Whether the licence clearly lets others pass the prompts on."""
    place: str
    """The URL of the repository, data set or page."""
    commit: str = ""
    folder: str = ""
    """In the repository."""
    citation: str
    files: tuple[PublishedFile, ...] = ()
    folder_sha256: str = ""
    """Of a set of very many files: the sha256 of what `sha256sum *.txt` prints in the folder."""
    pattern: str = ""
    """Names of the files that are read where a folder is given."""
    reader: Reader | None = None
    """Of the text of a file; None where its prompts come with images."""
    file_reader: FileReader | None = None
    """Of a file whose prompts come with images."""
    prefix: str = ""
    """How ids of its cases begin."""
    part_field: str = ""
    """What the parts are called: the field that `part` of the files is the value of."""
    fields: tuple[str, ...] = ()
    """What `--stratify` can name."""

    @property
    def url(self) -> str:
        """Where the file, or the folder of the files, can be downloaded."""
        if not self.commit:
            return self.place
        path = "/".join(filter(None, (self.folder, self.files[0].name if len(self.files) == 1 else "")))
        return f"{self.place}/{'blob' if len(self.files) == 1 else 'tree'}/{self.commit}/{path}".rstrip("/")

    @property
    def has_digests(self) -> bool:
        """Whether it is known of a file if it is the published one."""
        return bool(self.files or self.folder_sha256)

    @property
    def file_names(self) -> str:
        """What to get, for messages."""
        return self.files[0].name if len(self.files) == 1 else self.pattern

    def part_of(self, path: Path, sha256: str) -> str:
        """What a file stands for: by its digest, or else by its name; a file of its own stands for its name."""
        for file in self.files:
            if file.sha256 == sha256:
                return file.part
        # "non_spatial_val" also ends like "spatial_val".
        for file in sorted(self.files, key=lambda file: -len(file.name)):
            if path.stem.endswith((Path(file.name).stem, f"_{file.part}")):
                return file.part
        if len(self.files) == 1:
            return self.files[0].part
        # There is only one file of a name.
        return path.stem if "*" in self.pattern else ""


def _github(repository: str) -> str:
    return f"https://github.com/{repository}"


def _hub(data_set: str) -> str:
    return f"https://huggingface.co/datasets/{data_set}"


_T2I_COMPBENCH = {
    "color": "1634259756dbc77d13093d907d414480080ec9790a8c97ad09efaea7b2534f2d",
    "shape": "37e1a276906c7ea9516cbd7ac8501be896006c0c17ca7344f260562834455bae",
    "texture": "fbb5363515b4a28009e360afaaaf389d2dd2289e50dbb0c6ef4ea0c7fe4f3d4f",
    "spatial": "8707a1d7e42ce3002d95363cf55f74bd043c843ae27108f5125aaaa7840ca988",
    "non_spatial": "04c56cc9ac441dc9ea6c5157652058bd1635b5308526dd31bb29a1caab9a758d",
    "complex": "1b808018b8d9916db3d47d5aa2ef18377a3549a56901a474156f799824cdf3b4",
    "numeracy": "dad8df141604b70ba7554bec724e3db0a80023680769b5c514854ea2d2527bbe",
    "3d_spatial": "c9953597315f36a5fcb41291bb19bdc6ab5f64a0fa760d691b4854a73f5d1fe9",
}

_ALL = (
    PromptSet(
        name="parti-prompts",
        title="PartiPrompts",
        prompts=1632,
        licence="Apache-2.0",
        redistributable=True,
        place=_github("google-research/parti"),
        commit="5a65797",
        citation="Yu et al., Scaling Autoregressive Models for Content-Rich Text-to-Image Generation, arXiv:2206.10789",
        files=(PublishedFile("PartiPrompts.tsv", "fab29e41bb512a169b56acab4cf2a41dcb675e285df2efcde6640c7dd3c440eb"),),
        reader=formats.read_parti,
        prefix="parti",
        fields=("category", "challenge"),
    ),
    PromptSet(
        name="geneval",
        title="GenEval",
        prompts=553,
        licence="MIT",
        redistributable=True,
        place=_github("djghosh13/geneval"),
        commit="af4902f",
        folder="prompts",
        citation="Ghosh et al., GenEval: An Object-Focused Framework for Evaluating Text-to-Image Alignment, "
        "arXiv:2310.11513",
        files=(
            PublishedFile(
                "evaluation_metadata.jsonl", "5c48e0813e812e3c373fa5c8ed07a8f0a483be30272b4427b0559c8048e67c13"
            ),
        ),
        reader=formats.read_geneval,
        prefix="geneval",
        fields=("tag",),
    ),
    PromptSet(
        name="mlperf-coco",
        title="MLPerf Inference, COCO 2014 captions",
        prompts=5000,
        licence="CC BY 4.0 (captions)",
        redistributable=True,
        place=_github("mlcommons/inference"),
        commit="b66003e1",
        folder="text_to_image/coco2014/captions",
        citation="Lin et al., Microsoft COCO: Common Objects in Context, arXiv:1405.0312; chosen by MLCommons",
        files=(
            PublishedFile("captions_source.tsv", "2eeb95637b30fe5af26dd644bafa7affe4e5472ad0bda32d0feb1bd261280d5e"),
        ),
        reader=formats.read_coco,
        prefix="coco",
    ),
    PromptSet(
        name="longtext-bench",
        title="LongText-Bench",
        prompts=320,
        licence="Apache-2.0",
        redistributable=True,
        place=_github("X-Omni-Team/X-Omni"),
        commit="2b8237b",
        folder="textbench",
        citation="Geng et al., X-Omni: Reinforcement Learning Makes Discrete Autoregressive Image Generative Models "
        "Great Again, arXiv:2507.22058",
        files=(
            PublishedFile(
                "text_prompts.jsonl", "a2130769e72bd8560470a066114cdac87f80f1eb071ba6bc0f7033225a9be0d8", "en"
            ),
            PublishedFile(
                "text_prompts_zh.jsonl", "6512cd121ac093e8113e114d76eb2c0ce967c220b18e2049e1063554ce496758", "zh"
            ),
        ),
        pattern="text_prompts*.jsonl",
        reader=formats.read_longtext,
        prefix="longtext",
        part_field="language",
        fields=("category", "length", "language"),
    ),
    PromptSet(
        name="flow-grpo-ocr",
        title="OCR prompts of Flow-GRPO (test)",
        prompts=1018,
        licence="MIT",
        redistributable=True,
        place=_github("yifan123/flow_grpo"),
        commit="ac4c86e",
        folder="dataset/ocr",
        citation="Liu et al., Flow-GRPO: Training Flow Matching Models via Online RL, arXiv:2505.05470",
        files=(PublishedFile("test.txt", "4dd8caf3ab6ade73bd376c7d14c6ca49b6eacfb1bd321e22c40714ae4a98d4dc"),),
        reader=formats.read_quoted,
        prefix="ocr",
    ),
    PromptSet(
        name="gecko",
        title="Gecko",
        prompts=1546,
        licence="CC BY 4.0",
        redistributable=True,
        place=_github("google-deepmind/gecko_benchmark_t2i"),
        commit="e5f8ac2",
        citation="Wiles et al., Revisiting Text-to-Image Evaluation with Gecko, arXiv:2404.16820",
        files=(PublishedFile("prompts.csv", "81058b468d1bef5bfe19f5be76594f7efd0ae2e19e856a705194d83bf5953c45"),),
        reader=formats.read_gecko,
        prefix="gecko",
        fields=("type", "skill", "sub_skill"),
    ),
    PromptSet(
        name="t2i-compbench",
        title="T2I-CompBench++ (validation)",
        prompts=2400,
        licence="MIT",
        redistributable=True,
        place=_github("Karine-Huang/T2I-CompBench"),
        commit="1b70949",
        folder="examples/dataset",
        citation="Huang et al., T2I-CompBench: A Comprehensive Benchmark for Open-World Compositional Text-to-Image "
        "Generation, arXiv:2307.06350",
        files=tuple(PublishedFile(f"{part}_val.txt", sha256, part) for part, sha256 in _T2I_COMPBENCH.items()),
        pattern="*_val.txt",
        reader=formats.read_lines,
        prefix="t2i",
        part_field="category",
        fields=("category",),
    ),
    PromptSet(
        name="dpg-bench",
        title="DPG-Bench",
        prompts=1065,
        licence="Apache-2.0",
        redistributable=True,
        place=_github("TencentQQGYLab/ELLA"),
        commit="3c228f1",
        folder="dpg_bench/prompts",
        citation="Hu et al., ELLA: Equip Diffusion Models with LLM for Enhanced Semantic Alignment, arXiv:2403.05135",
        folder_sha256="317085a5cddf9620595bb38cba7b9fa25ecfb081846bc91b840c98366d46f56e",
        pattern="*.txt",
        reader=formats.read_whole,
        prefix="dpg",
    ),
    PromptSet(
        name="drawbench",
        title="DrawBench",
        prompts=200,
        licence="unclear",
        redistributable=False,
        place=_github("vipshop/cache-dit"),
        commit="f86744af",
        folder="bench/cache/prompts",
        citation="Saharia et al., Photorealistic Text-to-Image Diffusion Models with Deep Language Understanding, "
        "arXiv:2205.11487",
        files=(PublishedFile("DrawBench200.txt", "3bf3fce1c56d5fedf1af832cfb855bd4e16bacd2e4a36c123d50d04d4fd0afb7"),),
        reader=formats.read_lines,
        prefix="drawbench",
    ),
    PromptSet(
        name="hpdv2",
        title="HPDv2 prompts",
        prompts=3200,
        licence="Apache-2.0 (tag of the hub)",
        redistributable=False,
        place=_hub("zhwang/HPDv2"),
        citation="Wu et al., Human Preference Score v2, arXiv:2306.09341",
        pattern="*.json",
        reader=formats.read_texts,
        prefix="hpdv2",
        part_field="style",
        fields=("style",),
    ),
    PromptSet(
        name="mjhq",
        title="MJHQ-30K",
        prompts=30000,
        licence="none given",
        redistributable=False,
        place=_hub("playgroundai/MJHQ-30K"),
        citation="Li et al., Playground v2.5, arXiv:2402.17245",
        pattern="meta_data.json",
        reader=formats.read_mjhq,
        prefix="mjhq",
        fields=("category",),
    ),
    PromptSet(
        name="inpaint-coco",
        title="InpaintCOCO",
        prompts=1260,
        licence="terms of COCO",
        redistributable=False,
        place=_hub("phiyodr/InpaintCOCO"),
        citation="Rösch et al., Enhancing Conceptual Understanding in Multimodal Contrastive Learning through Hard "
        "Negative Samples",
        pattern="*.parquet",
        file_reader=with_images.read_inpaint_coco,
        prefix="inpaint",
        fields=("concept",),
    ),
    PromptSet(
        name="gedit-bench",
        title="GEdit-Bench",
        prompts=1212,
        licence="MIT (tag of the hub)",
        redistributable=False,
        place=_hub("stepfun-ai/GEdit-Bench"),
        citation="Liu et al., Step1X-Edit: A Practical Framework for General Image Editing, arXiv:2504.17761",
        pattern="*.arrow",
        file_reader=with_images.read_gedit,
        prefix="gedit",
        fields=("task_type", "language"),
    ),
    PromptSet(
        name="pie-bench",
        title="PIE-Bench",
        prompts=700,
        licence="none given",
        redistributable=False,
        place=_github("cure-lab/PnPInversion"),
        citation="Ju et al., Direct Inversion, arXiv:2310.01506",
        pattern="mapping_file.json",
        file_reader=with_images.read_pie,
        prefix="pie",
        fields=("type",),
    ),
)
SETS: Mapping[str, PromptSet] = {prompt_set.name: prompt_set for prompt_set in _ALL}


def find(name: str) -> PromptSet:
    """The set of a name.

    Raises:
        SdevalError: there is none; says which ones are near.
    """
    if name not in SETS:
        raise SdevalError(unknown("prompt set", name, SETS))
    return SETS[name]
