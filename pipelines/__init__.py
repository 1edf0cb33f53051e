"""Runnable studies: each module is one short script with its settings in a YAML file beside it."""
