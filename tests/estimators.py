"""Every generator, with settings small enough for a test suite.

A new generator needs one line in `GENERATORS`; it then inherits all conformance tests.
"""

from augment.generators import Bootstrap, GaussianCopula, Jitter, Smote, TabularGAN, TabularVAE

_TINY = {"max_steps": 30, "n_members": 2, "latent_dim": 4, "hidden_dim": 8, "random_state": 0}

GENERATORS = [
    Bootstrap(random_state=0),
    Jitter(random_state=0),
    GaussianCopula(random_state=0),
    Smote(random_state=0),
    TabularVAE(**_TINY),
    TabularGAN(**_TINY),
]

_WEIGHTS = "a weight scales a row's share of the loss; a repeated row is also seen twice as often"
EXPECTED_FAILURES = {
    "check_sample_weight_equivalence_on_dense_data": _WEIGHTS,
    "check_sample_weight_equivalence_on_sparse_data": _WEIGHTS,
}
