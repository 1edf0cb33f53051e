"""Generators: scikit-learn estimators with ``fit`` and ``sample``."""
