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
from sdeval.config.suite import Case
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
    baselines = {each["group"]: data / each["file"] for each in entries if each["role"] == "baseline"}
    return [
        Rung(each["group"], Path(each["file"]).stem, baselines[each["group"]], data / each["file"])
        for each in entries
        if each["role"] == "candidate" and each["group"] in baselines
    ]


def offline_metrics() -> dict[str, SampleMetric]:
    """Metrics of single images, ours and those of torchmetrics, that can be made without a download."""
    from torchmetrics import image

    names = [*metrics.metric_names(), *(f"torchmetrics.image.{each}" for each in image.__all__)]
    found = {}
    for name in names:
        try:
            info = metrics.info(name)
            if info.scope == "sample" and info.alone and {*info.needs} <= {"baseline"}:
                made = metrics.create(name, MetricOptions())
                found[name] = made
        except (NotAvailable, SdevalError):
            continue
    return {name: each for name, each in found.items() if isinstance(each, SampleMetric)}


def scores(metric: SampleMetric, rung: Rung) -> tuple[float, float] | None:
    """Of the baseline's image and the candidate's; None where the metric cannot score them."""
    before, now = open_rgb(rung.baseline), open_rgb(rung.candidate)
    case = Case(id="ladder", prompt="ladder")
    images = [GeneratedImage(image=each, case=case, pair=(before, each)) for each in (before, now)]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return metric.score(images[:1])[0], metric.score(images[1:])[0]
    except (ValueError, RuntimeError, OSError):
        return None


Scores = Mapping[tuple[str, str], tuple[float, float]]
"""By metric and rung: baseline and candidate."""


def main() -> int:
    """Print all tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA)
    data = parser.parse_args().data
    if not (data / "manifest.json").is_file():
        print(f"no manifest.json in {data}: name the folder of real images with --data")
        return 2
    chosen, made = rungs(data), offline_metrics()
    found = {
        (name, each.name): pair for name, metric in made.items() for each in chosen if (pair := scores(metric, each))
    }
    grouped = defaultdict(list)
    for each in chosen:
        grouped[
            "caching, one model each"
            if each.group.endswith("caching") and not each.group.startswith("flux1")
            else each.group
        ].append(each)
    for group, mine in grouped.items():
        ladder(group, mine, made, found)
    for role in ("cached1", "cached2"):
        judged(role, [each for each in chosen if each.name.endswith(role)], made, found)
    return 0


def ladder(group: str, mine: Sequence[Rung], made: Mapping[str, SampleMetric], found: Scores) -> None:
    """Every metric's gain on every rung, in tolerances."""
    print(f"\n{group}\n\n| metric | " + " | ".join(each.name for each in mine) + " |\n|---" + "|---" * len(mine) + "|")
    for name, metric in made.items():
        record = record_of(metric, None)
        cells = [_cell(found.get((name, each.name)), record) for each in mine]
        print(f"| {name}{'' if record.gating else ' (reported only)'} | " + " | ".join(cells) + " |")


def _cell(pair: tuple[float, float] | None, record: MetricRecord) -> str:
    if pair is None:
        return "–"
    tolerance = tolerance_of(record, pair[0])
    return f"{record.sign * (pair[1] - pair[0]) / tolerance:+.1f}" if tolerance else "–"


def judged(role: str, mine: Sequence[Rung], made: Mapping[str, SampleMetric], found: Scores) -> None:
    """The models as the cases of a suite with one seed."""
    judging = {
        name: each for name, each in made.items() if each.info.gating and all((name, r.name) in found for r in mine)
    }
    before, after = (_run(mine, judging, found, side) for side in (0, 1))
    evidence = [collect_evidence(after, before, name) for name in judging]
    verdicts = judge_metrics([*evidence, collect_collapsed(after, before)])
    print(f"\n{role}: {len(mine)} models as the cases of a suite\n")
    print("| metric | change | tolerance | verdict |\n|---|---|---|---|")
    for each in verdicts:
        print(f"| {each.metric} | {each.change or 0:+.3g} | {each.tolerance:.3g} | {each.verdict} |")
    print(f"\ncases: {dict(summary(judge_cases(after, before)))}")


def _run(mine: Sequence[Rung], judging: Mapping[str, SampleMetric], found: Scores, side: int) -> Run:
    samples = tuple(
        SampleResult(
            case=each.name,
            seed=0,
            prompt="",
            fingerprint=each.name,
            sha256=pixel_hash((each.baseline, each.candidate)[side]),
            image="",
            scores={name: found[name, each.name][side] for name in judging},
        )
        for each in mine
    )
    records = {name: record_of(metric, None) for name, metric in judging.items()}
    request = {"cases": len(mine), "seeds": [0], "rounds": [[0]], "settings": {}, "unscored": {}}
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
