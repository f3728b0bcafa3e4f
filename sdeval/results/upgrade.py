"""Files of earlier schemas, with today's names: whoever reads one of them need not know that there were others."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sdeval._utils.files import parse_json

RUN = {"asked": "request", "drawn_by": "generated_by"}
SAMPLE = {"health": "defect", "drift": "image_change"}
METRIC = {"judged": "gating"}
HISTORY_RUN = {**RUN, "figures": "metrics"}
HISTORY_METRIC = {**METRIC, "delta": "change", "noise": "variability"}
VARIABILITY = RUN
VARIABILITY_METRIC = {"figure": "value", "noise": "variability"}
VERDICTS = {"not comparable": "not_comparable", "information": "informational"}


def rename_keys(content: object, names: Mapping[str, str]) -> Any:
    """A mapping with other keys, in the same order; anything else as it is."""
    if not isinstance(content, dict):
        return content
    return {names.get(name, name): value for name, value in content.items()}


def run_header(content: Any) -> Any:
    """`run.json` of schema 1 as one of schema 2."""
    header = rename_keys(content, RUN)
    header["schema"] = 2
    header["request"] = rename_keys(header.get("request"), {"looks": "rounds"})
    header["environment"] = rename_keys(header.get("environment"), {"drawn again alone": "batch_consistency"})
    header["metrics"] = _rename_each(header.get("metrics"), METRIC)
    return header


def sample_line(text: str) -> str:
    """A line of `samples.jsonl` of schema 1 as one of schema 2."""
    sample = rename_keys(_parse(text), SAMPLE)
    if isinstance(sample, dict) and sample.get("defect") == "ok":
        sample["defect"] = ""
    return text if sample is None else json.dumps(sample)


def history_line(content: Any) -> Any:
    """A line of `history.jsonl` of schema 1 as one of schema 2."""
    line = dict(content, schema=2)
    runs = line.get("runs")
    if isinstance(runs, list):
        line["runs"] = [_history_run(run) for run in runs]
    return line


def _history_run(content: Any) -> Any:
    run = rename_keys(content, HISTORY_RUN)
    if isinstance(run, dict):
        run["metrics"] = _rename_each(run.get("metrics"), HISTORY_METRIC)
        for metric in run["metrics"].values() if isinstance(run["metrics"], dict) else ():
            if isinstance(metric, dict) and metric.get("verdict") in VERDICTS:
                metric["verdict"] = VERDICTS[metric["verdict"]]
    return run


def variability(content: Any) -> Any:
    """`TARGET.noise.json` of schema 2 as `TARGET.variability.json` of schema 3."""
    result = dict(rename_keys(content, VARIABILITY), schema=3)
    result["metrics"] = _rename_each(result.get("metrics"), VARIABILITY_METRIC)
    result["request"] = rename_keys(result.get("request"), {"looks": "rounds"})
    return result


def provenance(content: Any) -> Any:
    """`accepted.json` of schema 1 as one of schema 2."""
    entries = content.get("accepted")
    renamed_entries = [rename_keys(entry, RUN) for entry in entries] if isinstance(entries, list) else entries
    return dict(content, schema=2, accepted=renamed_entries)


def _rename_each(content: object, names: Mapping[str, str]) -> Any:
    return (
        {name: rename_keys(value, names) for name, value in content.items()} if isinstance(content, dict) else content
    )


def _parse(text: str) -> Any:
    """What a line holds; None where it is no JSON, which whoever reads it will say."""
    try:
        return parse_json(text)
    except (ValueError, RecursionError):
        return None
