"""What a shard of a session says of its jobs, so that only shards of one session are merged."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection

from sdeval.baselines.snapshot import content_hash
from sdeval.results.shard_record import ShardJob
from sdeval.session.job_state import JobState
from sdeval.session.resolve import ResolvedJob


def shard_job(state: JobState, cases: Collection[str] | None) -> ShardJob:
    """What a shard generated of a job, and what the other shards must have in common with it."""
    resolved = state.resolved
    suite, target = resolved.job.key
    return ShardJob(
        suite=suite,
        target=target,
        digest=job_digest(resolved, cases),
        baseline=baseline_digest(resolved),
        samples=len(state.run.samples) if state.run else 0,
    )


def job_digest(resolved: ResolvedJob, cases: Collection[str] | None) -> str:
    """Hash of what is asked of a job, on any machine.

    Args:
        resolved: the job.
        cases: ids of those that are asked for; all where None.
    """
    suite = resolved.job.suite
    plan = resolved.plan(0, cases, whole=True)
    content = {
        "units": [plan.name_of(unit) for unit in plan.units(plan.call_size)],
        "suite": [suite.name, suite.task, list(suite.metrics), suite.inconclusive],
        "options": dict(suite.metric_options),
        "tolerances": dict(suite.tolerances),
        "seeds": [list(seeds) for seeds in suite.rounds],
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()[:16]


def baseline_digest(resolved: ResolvedJob) -> str:
    """Hash of what a job is compared with; empty where that is nothing."""
    return content_hash(resolved.baseline.run) if resolved.baseline else ""
