"""The alignment game in the field's frameworks: thin adapters over `scenario.py` and `payoffs.py`."""
