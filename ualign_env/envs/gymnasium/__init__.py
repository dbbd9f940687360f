"""Gymnasium: `single` games, and native `vector` environments."""
