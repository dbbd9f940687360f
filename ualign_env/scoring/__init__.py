"""How well k responses serve users who disagree.

`scorecard` scores policies, `samples` models that are known by what they showed, and `curves` whole families over k,
and over k and l.
"""
