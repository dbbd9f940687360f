"""Users with rankings, in which responses may be tied: the kind of users that the paper has.

`population` holds them, `contests` is what an opponent with several responses meets, `program` finds its best ones by
an integer program, and `picking` lets users pick in many games; `loops` and `set_loops` are the compiled loops of the
first two, and `guards` keep them from foreign memory.
"""
