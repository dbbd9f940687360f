"""Equilibria of the alignment game: one algorithm a file."""
