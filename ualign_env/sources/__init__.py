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

#: What the options of sources mean, each the same wherever it is one; docstrings say what they do in each model.
OPTIONS = {
    "prompts": "how many: fresh draws of random scenarios, else the same users with their responses rotated",
    "responses": "how many, to each prompt",
    "users": "how many, of each prompt",
    "seed": "of the random numbers",
    "majority": "share of the users who are in the larger group",
    "core": "responses that all of a camp like",
    "niche": "responses that few of a camp like best",
    "phi": "dispersion of each group, from 0 (agreement) to 1 (the impartial culture)",
    "swaps": "share of the pairs that a user ranks otherwise than her group's centre, in place of phi",
    "weights": "shares of the groups; equal where none are given",
    "spread": "standard deviation of the logarithms of strengths",
    "strengths": "of the responses, for all prompts, in place of random ones",
    "common": "standard deviation of the utility that all users share",
    "own": "standard deviation of a user's own utility",
    "tau": "temperature: the scale of the noise",
    "noise": "what draws noise of its own: a response, once for a user, or every slot",
    "law": "of the noise: logit or probit",
    "samples": "rankings that are drawn of each user, where responses draw noise",
    "alpha": "contagion, from 0 (the impartial culture)",
    "dimensions": "of the space",
    "space": "cube, ball or gaussian",
    "held-out": "prompts that nobody learns on",
    "turn": "how far prompts turn what users want, in units of 180 degrees",
    "latents": "hidden numbers of a prompt on which opinions depend",
    "nuisance": "hidden numbers of a prompt on which its features alone depend",
    "features": "numbers that learners see of a prompt",
    "model": "how single-peaked rankings are drawn: walsh or conitzer",
    "tree": "balanced or caterpillar",
}
