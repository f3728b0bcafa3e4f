"""Accepting: a run, or a part of it, becomes the baseline of its suite and target. Nothing is drawn for it."""

from __future__ import annotations

from sdeval.accepting.approvals import Approval, Approvals, parts_by_name
from sdeval.accepting.approvals import read as read_approvals
from sdeval.accepting.changes import CaseChange, Change
from sdeval.accepting.mixing import refuse_part
from sdeval.accepting.part import Part, parts_by_words
from sdeval.accepting.proposal import Proposal, accept, propose, write
from sdeval.accepting.refusals import BrokenPictures

__all__ = [
    "Approval",
    "Approvals",
    "BrokenPictures",
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
    "write",
]
