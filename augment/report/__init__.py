"""The report: results in, one self-contained page out."""
