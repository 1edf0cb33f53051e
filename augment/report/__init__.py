"""The report: results in, one self-contained page out."""

from augment.report.build import (
    build_lift_report,
    render_report,
    report_card,
    summarise_report,
    summarise_study,
)
from augment.report.detection import render_detection, summarise_detection, winner
from augment.report.heat_maps import overlay, png_of, write_png
from augment.report.image_section import image_section

__all__ = [
    "build_lift_report",
    "image_section",
    "overlay",
    "png_of",
    "render_detection",
    "render_report",
    "report_card",
    "summarise_detection",
    "summarise_report",
    "summarise_study",
    "winner",
    "write_png",
]
