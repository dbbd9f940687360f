"""The alignment game in the field's frameworks.

`open_spiel_games`, `open_spiel_versus` and `open_spiel_observer` stand on their own. The rules for learners who sample
games are in `batch`, on the draws of `draws`; `pettingzoo_envs` and `gymnasium_envs` are thin adapters over them, which
share `rendering`, and `sb3_envs` is one more. The `*_policies` modules teach `tabulate` to read what each framework
learns. `registration` tells the frameworks.
"""
