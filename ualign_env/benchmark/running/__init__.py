"""How a run goes: an agent learns within its budget, in a process that knows what it may, and is scored in another."""
