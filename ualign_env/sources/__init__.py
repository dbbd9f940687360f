"""Where populations come from: one file for each kind of source.

A source is a function with keyword parameters that returns a `Population`. Its parameters, their types and
defaults are the ones of the scenario's spec; one that takes a generator `rng` is random and gets a `seed` as well.
"""
