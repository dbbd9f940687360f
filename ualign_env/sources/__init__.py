"""Where scenarios with names come from: one file for each kind of source, all of them in the table below.

A source is a function that returns a `Scenario`. Its keyword parameters are the options of its spec, with their types
and defaults. The first line of its docstring is what `ualign list` says of it. Files have readers instead.
"""

#: A scenario's name: the function that makes it.
SOURCES = {
    "german-goals": "ualign_env.sources.classics:german_goals",
    "condorcet-1785": "ualign_env.sources.classics:condorcet_1785",
    "borda-1784": "ualign_env.sources.classics:borda_1784",
    "five-winners": "ualign_env.sources.classics:five_winners",
    "cycle": "ualign_env.sources.classics:cycle",
    "two-groups": "ualign_env.sources.classics:two_groups",
    "majority-trap": "ualign_env.sources.classics:majority_trap",
    "camps": "ualign_env.sources.cultures:camps",
    "impartial": "ualign_env.sources.cultures:impartial",
    "mallows": "ualign_env.sources.mallows:mallows",
    "plackett-luce": "ualign_env.sources.cultures:plackett_luce",
    "bradley-terry": "ualign_env.sources.utilities:bradley_terry",
    "random-utility": "ualign_env.sources.utilities:random_utility",
    "urn": "ualign_env.sources.cultures:urn",
    "euclidean": "ualign_env.sources.cultures:euclidean",
    "moving-opinions": "ualign_env.sources.moving_opinions:moving_opinions",
    "single-peaked": "ualign_env.sources.domains:single_peaked",
    "group-separable": "ualign_env.sources.domains:group_separable",
}
