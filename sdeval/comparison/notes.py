"""Notes of a session on what its comparisons can and cannot show, in words. Who calls them decides which applies."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from sdeval import stats
from sdeval.comparison.undetectable import DetectableLoss, UndetectableLoss
from sdeval.errors import plural


def undetectable_loss(loss: UndetectableLoss) -> str:
    """A gross loss that a suite could not show, and what it takes to show it."""
    enough = [f"{loss.enough_cases} cases"] if loss.enough_cases else []
    enough += [f"{loss.enough_seeds} seeds"] if loss.enough_seeds else []
    baseline = f", and a baseline of at least {stats.FEWEST_SEEDS} seeds"
    more = "give it more cases" + (baseline if loss.baseline_seeds < stats.FEWEST_SEEDS else "")
    needs = f"that takes {' or '.join(enough)}" if enough else more
    suite = f"{plural(loss.cases, 'case')} and {plural(loss.seeds, 'seed')}"
    if math.isinf(loss.detectable):
        return f"{suite} cannot show any loss of {loss.metric}, however large; {needs}"
    alike = " even if all cases lose alike," if loss.cases > 1 else ""
    smallest = f"{suite} show a loss of {loss.metric} only from {loss.detectable:.3g} on,{alike}"
    return f"{smallest} and so not even a gross loss of {loss.gross:.3g}; {needs}"


def detectable_losses(losses: Sequence[DetectableLoss]) -> str:
    """What a suite can show once its run is the baseline, in one line; empty where nothing is known of it.

    Example:
        12 cases with 4 seeds can show a loss of clip_score from 2.31 on (tolerance 1), if all cases lose alike
    """
    if not losses:
        return ""
    shown = [
        f"{loss.metric} from {loss.loss:.3g} on (tolerance {loss.tolerance:.3g})"
        for loss in losses
        if loss.loss < math.inf
    ]
    unshown = [loss.metric for loss in losses if math.isinf(loss.loss)]
    suite = f"{plural(losses[0].cases, 'case')} with {plural(losses[0].seeds, 'seed')}"
    alike = ", if all cases lose alike" if losses[0].cases > 1 else ""
    parts = [f"can show a loss of {', '.join(shown)}{alike}"] if shown else []
    parts += [f"cannot show any loss of {', '.join(unshown)}; give more cases or seeds"] if unshown else []
    return f"{suite} {'; '.join(parts)}"


def few_seeds(suite: str, needed: int) -> str:
    """A suite with too few seeds for its single cases to be judged."""
    advice = f"set max_seeds={needed} and accept a run made with --sdeval-all-seeds"
    return f"{suite}: regressions of single cases need {needed} seeds or more; {advice}"


def missing_seeds(suite: str, target: str, wanted: int, existing: int, generated: int) -> str:
    """Seeds of a suite that are not generated, as the baseline does not have them."""
    return (
        f"{suite} on {target}: has {wanted} seeds, but the baseline holds {existing} of them, "
        f"so at most {generated} are generated; to have all: pytest suites --sdeval-all-seeds, then sdeval accept"
    )


def shared_samples(shared: int, most: int) -> str:
    """Runs that are compared on some of their samples only."""
    exist = "exists" if shared == 1 else "exist"
    return (
        f"{shared} of {plural(most, 'sample')} {exist} in all runs; "
        "set metrics are left out because they need identical samples"
    )


# Variability that was measured by `sdeval calibrate`, and no longer fits

OTHER_SDEVAL = "it was written by another version of sdeval"


def variability_left_out(file: object, causes: Sequence[str], remedy: str) -> str:
    """A file of which nothing fits."""
    return f"{file} is left out: {' and '.join(causes)}; {remedy}"


def metrics_left_out(file: object, causes: Mapping[str, str], remedy: str) -> str:
    """A file of which some metrics do not fit, each with what changed in it."""
    metrics = ", ".join(f"{metric} ({cause})" for metric, cause in causes.items())
    return f"{file}: the variability of {metrics} is left out; {remedy}"


def other_samples(changes: Sequence[str]) -> str:
    """The suite was changed since its variability was measured."""
    return f"the suite asks for other samples since ({', '.join(changes) or 'prompts, images, strength or size'})"


def other_generation(changes: Sequence[str]) -> str:
    """Variability was measured of images that were generated differently from the baseline's."""
    return f"the baseline was generated in another way ({', '.join(changes)})"


def measure_again(command: str) -> str:
    """What to do about variability that does not fit."""
    return f"measure again: {command}"
