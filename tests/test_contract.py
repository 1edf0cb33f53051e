"""The public names and signatures that other programs are written against."""

import inspect

import pytest

import augment

SAMPLE = ["n_samples", "*y", "*random_state"]
FIT = ["X", "y", "*sample_weight", "*groups"]
SHARED = [
    "latent_dim",
    "hidden_dim",
    "max_steps",
    "batch_size",
    "learning_rate",
    "validation_fraction",
    "checkpoint",
    "checkpoint_every",
    "device",
    "precision",
    "random_state",
    "verbose",
]
NETWORKS = ["TabularVAE", "TabularGAN", "ImageVAE", "ImageGAN"]
CALLS = {
    "evaluate_lift": [
        "generator",
        "X",
        "y",
        "*estimators",
        "*groups",
        "*X_test",
        "*y_test",
        "*n_splits",
        "*n_repeats",
        "*ratio",
        "*baselines",
        "*metrics",
        "*rope",
        "*n_jobs",
        "*random_state",
    ],
    "evaluate_fidelity": ["real", "synthetic", "holdout", "*generator"],
    "evaluate_privacy": [
        "train",
        "synthetic",
        "holdout",
        "*generator",
        "*n_audit_fits",
        "*random_state",
    ],
    "GeneratorOverSampler": ["generator", "*sampling_strategy", "*random_state"],
    "AugmentedClassifier": [
        "estimator",
        "generator",
        "*ratios",
        "*weights",
        "*cv",
        "*scoring",
        "*n_jobs",
        "*memory",
        "*random_state",
    ],
    "ReconstructionDetector": [
        "generator",
        "*method",
        "*false_positive_rate",
        "*trim",
        "*random_state",
    ],
}


def parameters(call: object) -> list[str]:
    """List the parameters of a call; an asterisk marks those that need their name."""
    found = inspect.signature(call).parameters.values()
    keyword = inspect.Parameter.KEYWORD_ONLY
    return ["*" * (p.kind is keyword) + p.name for p in found if p.name != "self"]


@pytest.mark.parametrize("name", CALLS)
def test_calls_take_the_agreed_parameters(name):
    found = parameters(getattr(augment, name))
    positional = [p for p in CALLS[name] if not p.startswith("*")]
    assert found[: len(positional)] == positional
    assert set(CALLS[name]) <= set(found)
    assert all(p.startswith("*") for p in found[len(positional) :])


@pytest.mark.parametrize("name", NETWORKS)
def test_networks_share_methods_and_parameters(name):
    network = getattr(augment, name)
    assert parameters(network.sample) == SAMPLE
    assert parameters(network.fit) == FIT
    assert {f"*{shared}" for shared in SHARED} <= set(parameters(network))
    assert parameters(network.reconstruct)[:2] == ["X", "y"]


@pytest.mark.parametrize("name", ["TabularVAE", "ImageVAE"])
def test_autoencoders_encode_and_decode(name):
    network = getattr(augment, name)
    assert callable(network.encode)
    assert callable(network.decode)
    assert parameters(network.reconstruction_error)[:2] == ["X", "y"]
    assert parameters(network.reconstruction_map)[:2] == ["X", "y"]


@pytest.mark.parametrize(
    "name", ["load_slices", "save_slices", "SliceSet", "load_table", "make_phantoms"]
)
def test_data_is_read_and_written(name):
    assert callable(getattr(augment.data, name))


@pytest.mark.parametrize("method", ["p_values", "explain", "score_samples", "predict"])
def test_detectors_explain(method):
    assert callable(getattr(augment.ReconstructionDetector, method))
