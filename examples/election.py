"""An election: ballots from a file, what they say, and the mix of candidates that no other candidate beats at k = 3.

`ualign inspect ballots.csv --weight ballots` says the same on the command line.
"""

import tempfile
from pathlib import Path

import ualign_env as ua

BALLOTS = """rank1,rank2,rank3,ballots
park,library,pool,31
library,park,,22
pool,library,park,18
pool,overvote,library,9
library,pool,park,12
park,pool,library,7
undervote,,,3
"""

with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "ballots.csv"
    path.write_text(BALLOTS, encoding="utf-8")
    election = ua.load_scenario(f"{path}/weight:ballots")

for note in election.notes:
    print("note:", note)
found = ua.inspect_scenario(election)
print(*found.verdict, sep="\n")

# three drawn from the equilibrium please 3/4 of the voters better than any one project does
equilibrium = ua.solve(election, k=3)
(voters,) = election.populations
for name, share in zip(voters.responses, equilibrium.policy[0], strict=True):
    print(f"{name:8} {share:.3f}")
print(f"{equilibrium.robust_win_rate:.4f} of {3 / 4:.4f}")
