"""What every metric that needs no download says of real images of real models, of which it is known what was changed.

The images (`manifest.json` beside them names models, changes and licences) are of one prompt and seed each: FLUX.1 with
weights of 8 to 2 bits, Stable Diffusion in float32 and float16, 16 models with and without step caching, FLUX.1 with
caching ever more aggressive. The first tables print each metric's change from the baseline's image, in tolerances;
negative is worse. The last one takes the models with caching as the cases of a suite and judges them as a session does.

    python -m benchmarks.real_ladders --data ../shared/data/generated
"""

from __future__ import annotations

import argparse
import json
import sys
import warnings
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sdeval import metrics
from sdeval.comparison import collect_collapsed, collect_evidence, judge_cases, judge_metrics, summary
from sdeval.comparison.paired import tolerance_of
from sdeval.config.case import Case
from sdeval.errors import NotAvailable, SdevalError
from sdeval.evaluation.score import record_of
from sdeval.imaging.io import open_rgb, pixel_hash
from sdeval.metrics import GeneratedImage, MetricOptions, SampleMetric
from sdeval.results.records import MetricRecord, SampleResult
from sdeval.results.run import Run

DATA = Path(__file__).parent.parent.parent / "shared" / "data" / "generated"


@dataclass(frozen=True, slots=True)
class Rung:
    """An image and the one it is compared with."""

    group: str
    name: str
    baseline: Path
    candidate: Path


def rungs(data: Path) -> list[Rung]:
    """Candidates with their baselines, in the order of the manifest."""
    entries = json.loads((data / "manifest.json").read_text(encoding="utf-8"))
    baselines = {entry["group"]: data / entry["file"] for entry in entries if entry["role"] == "baseline"}
    return [
        Rung(entry["group"], Path(entry["file"]).stem, baselines[entry["group"]], data / entry["file"])
        for entry in entries
        if entry["role"] == "candidate" and entry["group"] in baselines
    ]


def offline_metrics() -> dict[str, SampleMetric]:
    """Metrics of single images, ours and those of torchmetrics, that can be made without a download."""
    from torchmetrics import image

    names = [*metrics.metric_names(), *(f"torchmetrics.image.{name}" for name in image.__all__)]
    created = {}
    for name in names:
        try:
            info = metrics.info(name)
            if info.scope == "sample" and info.alone and {*info.needs} <= {"baseline"} and name != "nsfw_rate":
                created[name] = metrics.create(name, MetricOptions())
        except (NotAvailable, SdevalError):
            continue
    return {name: metric for name, metric in created.items() if isinstance(metric, SampleMetric)}


def scores(metric: SampleMetric, rung: Rung) -> tuple[float, float] | None:
    """Scores of the baseline's image and the candidate's; None where the metric cannot score them."""
    baseline, candidate = open_rgb(rung.baseline), open_rgb(rung.candidate)
    case = Case(id="ladder", prompt="ladder")
    images = [GeneratedImage(image=image, case=case, pair=(baseline, image)) for image in (baseline, candidate)]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return metric.score(images[:1])[0], metric.score(images[1:])[0]
    except (ValueError, RuntimeError, OSError):
        return None


Scores = Mapping[tuple[str, str], tuple[float, float]]
"""Scores of baseline and candidate, by metric and rung."""


def main() -> int:
    """Print all tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA)
    data = parser.parse_args().data
    if not (data / "manifest.json").is_file():
        print(f"no manifest.json in {data}: name the folder of real images with --data")
        return 2
    all_rungs, created = rungs(data), offline_metrics()
    pairs = {
        (name, rung.name): pair
        for name, metric in created.items()
        for rung in all_rungs
        if (pair := scores(metric, rung))
    }
    grouped = defaultdict(list)
    for rung in all_rungs:
        grouped[
            "caching, one model each"
            if rung.group.endswith("caching") and not rung.group.startswith("flux1")
            else rung.group
        ].append(rung)
    for group, ladder_rungs in grouped.items():
        ladder(group, ladder_rungs, created, pairs)
    for role in ("cached1", "cached2"):
        judge_models(role, [rung for rung in all_rungs if rung.name.endswith(role)], created, pairs)
    return 0


def ladder(group: str, ladder_rungs: Sequence[Rung], created: Mapping[str, SampleMetric], pairs: Scores) -> None:
    """Every metric's gain on every rung, in tolerances."""
    print(
        f"\n{group}\n\n| metric | "
        + " | ".join(rung.name for rung in ladder_rungs)
        + " |\n|---"
        + "|---" * len(ladder_rungs)
        + "|"
    )
    for name, metric in created.items():
        record = record_of(metric, None)
        cells = [_cell(pairs.get((name, rung.name)), record) for rung in ladder_rungs]
        print(f"| {name}{'' if record.gating else ' (reported only)'} | " + " | ".join(cells) + " |")


def _cell(pair: tuple[float, float] | None, record: MetricRecord) -> str:
    if pair is None:
        return "–"
    tolerance = tolerance_of(record, pair[0])
    return f"{record.sign * (pair[1] - pair[0]) / tolerance:+.1f}" if tolerance else "–"


def judge_models(role: str, ladder_rungs: Sequence[Rung], created: Mapping[str, SampleMetric], pairs: Scores) -> None:
    """The models as the cases of a suite with one seed."""
    judging = {
        name: metric
        for name, metric in created.items()
        if metric.info.gating and all((name, r.name) in pairs for r in ladder_rungs)
    }
    baseline, candidate = (_run(ladder_rungs, judging, pairs, side) for side in (0, 1))
    evidence = [collect_evidence(candidate, baseline, name) for name in judging]
    verdicts = judge_metrics([*evidence, collect_collapsed(candidate, baseline)])
    print(f"\n{role}: {len(ladder_rungs)} models as the cases of a suite\n")
    print("| metric | change | tolerance | verdict |\n|---|---|---|---|")
    for verdict in verdicts:
        print(f"| {verdict.metric} | {verdict.change or 0:+.3g} | {verdict.tolerance:.3g} | {verdict.verdict} |")
    print(f"\ncases: {dict(summary(judge_cases(candidate, baseline)))}")


def _run(ladder_rungs: Sequence[Rung], judging: Mapping[str, SampleMetric], pairs: Scores, side: int) -> Run:
    samples = tuple(
        SampleResult(
            case=rung.name,
            seed=0,
            prompt="",
            fingerprint=rung.name,
            sha256=pixel_hash((rung.baseline, rung.candidate)[side]),
            image="",
            scores={name: pairs[name, rung.name][side] for name in judging},
        )
        for rung in ladder_rungs
    )
    records = {name: record_of(metric, None) for name, metric in judging.items()}
    request = {"cases": len(ladder_rungs), "seeds": [0], "rounds": [[0]], "settings": {}, "unscored": {}}
    return Run(
        suite="ladder",
        task="text2img",
        target="real",
        request=request,
        generated_by={},
        metrics=records,
        samples=samples,
        complete=True,
    )


if __name__ == "__main__":
    sys.exit(main())
