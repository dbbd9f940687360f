"""The benchmark: agents learn alignment games under a time budget, and what they learned is scored exactly."""
