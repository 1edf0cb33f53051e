"""Metrics: arrays in, numbers out; nothing is fitted to a generator here."""
