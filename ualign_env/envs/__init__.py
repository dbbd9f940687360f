"""The alignment game in the field's frameworks, a folder each: games or environments, and what reads their policies.

`open_spiel` stands on its own; `pettingzoo`, `gymnasium` and `sb3` are thin adapters over the rules in `simulation`,
and share `rendering`.
"""
