"""OpenSpiel: `games` (symmetric), `versus` (k against l), what players `observe`, and `policies` as arrays."""
