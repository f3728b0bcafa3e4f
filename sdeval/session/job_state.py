"""How far a job of a session is."""

from __future__ import annotations

from dataclasses import dataclass, field

from sdeval.comparison import Verdict
from sdeval.results.run import Run, Stored
from sdeval.session.judging import Comparison
from sdeval.session.resolve import ResolvedJob


@dataclass(slots=True)
class JobState:
    """The progress of a job: its run, its comparison and its verdicts."""

    resolved: ResolvedJob
    round: int = 0
    """The last round of seeds that was generated."""
    run: Run | None = None
    rival: Stored | None = None
    """The run that was interleaved with it, if there is one."""
    failure: str = ""
    """Why there is no run."""
    comparison: Comparison | None = None
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    """Verdicts by metric."""
    is_generated: bool = False
    """Whether a shard has generated its part, which may be empty."""

    @property
    def baseline(self) -> Stored | None:
        """What the run is compared with."""
        return self.rival if self.resolved.options.interleaved else self.resolved.baseline
