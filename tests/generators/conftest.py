"""What the tests of generators share."""

from collections.abc import Iterator

import pytest

from augment.generators import tabular_gan


@pytest.fixture(scope="module")
def short_warm_start() -> Iterator[None]:
    """Start `TabularGAN` from a VAE of few steps, where nothing is asked of what it has learned."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tabular_gan, "MAX_STEPS", 10)
        yield
