"""Several responses on both sides: k of a model against l of its opponent."""
