"""Networks: modules that know tensors and nothing else."""
