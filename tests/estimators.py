"""Every generator, with settings small enough for a test suite.

A new generator needs one line in `GENERATORS`; it then inherits all conformance tests.
"""

from augment.anomaly import ReconstructionDetector
from augment.generators import Bootstrap, GaussianCopula, Jitter, Smote, TabularGAN, TabularVAE

_TINY = {"max_steps": 10, "n_members": 2, "latent_dim": 4, "hidden_dim": 8, "random_state": 0}

GENERATORS = [
    Bootstrap(random_state=0),
    Jitter(random_state=0),
    GaussianCopula(random_state=0),
    Smote(random_state=0),
    TabularVAE(**_TINY),
    TabularGAN(**_TINY),
]

DETECTORS = [
    ReconstructionDetector(TabularVAE(max_steps=2, n_members=1, latent_dim=2), random_state=0)
]

# Name of a check, and why it cannot pass; only the equivalence of sample weights may be here.
EXPECTED_FAILURES: dict[str, str] = {}
