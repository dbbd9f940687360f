"""PettingZoo: players act at once or in turn."""
