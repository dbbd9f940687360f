"""Games and users in files for other people's tools: `nfg` for Gambit, `croissant` for whoever publishes data."""
