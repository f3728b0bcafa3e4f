"""Accepting: a run, or a part of it, becomes the baseline of its suite and target. Nothing is generated for it."""

from __future__ import annotations

from sdeval.baselines.acceptance.approvals import Approval, Approvals, parts_by_name
from sdeval.baselines.acceptance.approvals import read as read_approvals
from sdeval.baselines.acceptance.changes import CaseChange, Change
from sdeval.baselines.acceptance.compatibility import refuse_part
from sdeval.baselines.acceptance.full_size import upload
from sdeval.baselines.acceptance.proposal import Proposal, accept, propose, stage, write
from sdeval.baselines.acceptance.refusals import BrokenImages
from sdeval.baselines.acceptance.selection import Part, parts_by_words

__all__ = [
    "Approval",
    "Approvals",
    "BrokenImages",
    "CaseChange",
    "Change",
    "Part",
    "Proposal",
    "accept",
    "parts_by_name",
    "parts_by_words",
    "propose",
    "read_approvals",
    "refuse_part",
    "stage",
    "upload",
    "write",
]
