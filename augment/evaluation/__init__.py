"""Evaluation: does the synthetic data help, is it faithful, did it copy anyone?"""
