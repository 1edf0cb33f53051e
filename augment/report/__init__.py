"""The report: results in, one self-contained page out."""

from augment.report.build import (
    build_lift_report,
    render_report,
    report_card,
    summarise_report,
    summarise_study,
)
from augment.report.image_section import image_section

__all__ = [
    "build_lift_report",
    "image_section",
    "render_report",
    "report_card",
    "summarise_report",
    "summarise_study",
]
