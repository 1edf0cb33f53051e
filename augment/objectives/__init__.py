"""Objectives: one file a method, with its networks, phases and loss."""
