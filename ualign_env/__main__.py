"""`python -m ualign_env` is the command `ualign`."""

from ualign_env.cli import main

main()
