"""What the embedded suites catch, compared with the truth: an oracle that reads images by their pixels.

Every fault is planted as `sdeval sensitivity` does it. For each, the share of images that show what was asked is
counted before and after; a fault that spoils one image in ten is one that must be caught. Controls are repeated with
other seeds and must not be flagged. The tables compare sdeval with the rules that teams write by hand, on the same
scores.

    python benchmarks/sensitivity.py --suite shapes-text2img --repeats 20
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image

from sdeval._utils.progress import Silent
from sdeval.config.discovery import find_suites
from sdeval.config.target_registry import shipped_targets
from sdeval.diagnostics.naive_rules import BY_HAND
from sdeval.diagnostics.sensitivity import Finding, Trial, measure, select_faults
from sdeval.imaging.io import open_rgb
from sdeval.results import run_folder
from sdeval.shapes import oracle, world

ROOT = Path(__file__).parent.parent
SPOILT = 0.1
"""Share of images that a fault must spoil to count as one that has to be caught."""


@dataclass(frozen=True, slots=True)
class Row:
    """One fault: the finding on it, and the share of right images without and with it."""

    finding: Finding
    before: float
    after: float

    @property
    def spoils(self) -> bool:
        """Whether it has to be caught: wrong images, or ones that are no images at all."""
        return self.before - self.after >= SPOILT


def share_right(folder: Path) -> float:
    """Share of a run's images that show what was asked, 0 to 1."""
    run = run_folder.read(folder)
    return sum(shows(sample.prompt, open_rgb(folder / sample.image)) for sample in run.samples) / len(run.samples)


def shows(prompt: str, image: Image.Image) -> bool:
    """Whether an image shows what was asked; one of another size was not asked for at all."""
    return image.size == (world.SIZE, world.SIZE) and oracle.mark(world.parse(prompt), image).all_right


def rows_of(name: str, names: Sequence[str], repeats: int) -> list[Row]:
    """Plant faults into the embedded target, and print every finding at once."""
    (suite,) = find_suites(name, ROOT)
    rows: list[Row] = []
    with TemporaryDirectory() as text:
        folder = Path(text)

        def report(finding: Finding) -> None:
            (faulty_folder,) = folder.glob(f"{finding.repeat}/*/{finding.fault}/{suite.name}/shapes")
            sound_folder = faulty_folder.parents[2] / "sound" / suite.name / "shapes"
            rows.append(Row(finding, share_right(sound_folder), share_right(faulty_folder)))
            print(line(rows[-1]), flush=True)

        trial = Trial(
            suite=suite,
            target=shipped_targets()["shapes"],
            faults=select_faults(names, suite),
            baselines=ROOT / "baselines",
            repeats=repeats,
        )
        measure(trial, folder, Silent(), report)
    return rows


def line(row: Row) -> str:
    """A row of a Markdown table."""
    finding = row.finding
    name = f"{finding.fault} #{finding.repeat}" if finding.repeat else finding.fault
    kind = "control" if finding.control else "must be caught" if row.spoils else "faint"
    shares = f"{100 * row.before:.0f}% → {100 * row.after:.0f}%"
    is_mistake = finding.caught if finding.control else row.spoils and not finding.caught
    outcome = f"{finding.verdict} ({', '.join(finding.metrics)})" if finding.caught else finding.verdict
    return f"| {name} | {finding.says} | {shares} | {kind} | {'**is_mistake** ' if is_mistake else ''}{outcome} |"


def score(rows: Sequence[Row]) -> None:
    """Print what each rule caught of what it should, and flagged of what it should not."""
    spoilt = [row.finding for row in rows if row.spoils and not row.finding.control]
    controls = [row.finding for row in rows if row.finding.control]
    print("\n| rule | caught, of those that must be | controls flagged |\n|---|---|---|")
    for rule in ("sdeval", *BY_HAND):
        caught, flagged = (sum(alarms(finding, rule) for finding in group) for group in (spoilt, controls))
        print(f"| {rule} | {caught} of {len(spoilt)} | {flagged} of {len(controls)} |")


def alarms(finding: Finding, rule: str) -> bool:
    """Whether a rule would have failed the session."""
    return finding.caught if rule == "sdeval" else finding.by_hand[rule]


def main() -> int:
    """Print the tables; exit with 1 where sdeval missed what spoils images, or flagged a control."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--suite", action="append", default=[], help="default: all three of the embedded model")
    parser.add_argument("--fault", action="append", default=[], help="only these")
    parser.add_argument("--repeats", type=int, default=1, help="of the controls")
    args = parser.parse_args()
    mistakes = 0
    for name in args.suite or ["shapes-text2img", "shapes-img2img", "shapes-inpainting"]:
        print(f"\n{name}\n\n| fault | | images right | | sdeval |\n|---|---|---|---|---|", flush=True)
        rows = rows_of(name, args.fault, args.repeats)
        score(rows)
        mistakes += sum(r.finding.caught if r.finding.control else r.spoils and not r.finding.caught for r in rows)
    return int(mistakes > 0)


if __name__ == "__main__":
    sys.exit(main())
