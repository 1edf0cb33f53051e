"""Other people's generators, each in a script that runs in an interpreter of its own.

A script imports nothing of Augment, so it can run where the rival is installed and Augment is
not. Rows go in and come back as files. `docs/how_to/add_a_rival.md` says how one is written.
"""
