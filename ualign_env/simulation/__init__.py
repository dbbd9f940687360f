"""Sampled games, of no framework: nature's `draws`, the rules in `batch`, and the inner `loops` of both."""
