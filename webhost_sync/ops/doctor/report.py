"""What a check found: a verdict, the evidence for it, and what to type. Pure; knows no check."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    NOT_APPLICABLE = "not applicable"


@dataclass(frozen=True, slots=True)
class Finding:
    """`remedy` is empty where there is nothing to do."""

    check: str
    verdict: Verdict
    evidence: str
    remedy: str = ""


def ok(check: str, evidence: str, remedy: str = "") -> Finding:
    """A `remedy` is what may be done here, and need not be."""
    return Finding(check, Verdict.OK, evidence, remedy)


def warning(check: str, evidence: str, remedy: str) -> Finding:
    return Finding(check, Verdict.WARNING, evidence, remedy)


def failed(check: str, evidence: str, remedy: str) -> Finding:
    return Finding(check, Verdict.FAILED, evidence, remedy)


def not_applicable(check: str, evidence: str) -> Finding:
    return Finding(check, Verdict.NOT_APPLICABLE, evidence)


def worst(findings: Sequence[Finding]) -> Verdict:
    """The gravest verdict; `OK` where none is worse."""
    verdicts = {finding.verdict for finding in findings}
    return next(
        each for each in (Verdict.FAILED, Verdict.WARNING, Verdict.OK) if each in {*verdicts, Verdict.OK}
    )
