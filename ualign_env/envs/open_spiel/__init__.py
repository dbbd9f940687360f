"""OpenSpiel: `games` (symmetric), `versus` (k against l), their other `forms`, the `observer`, policies as arrays."""
