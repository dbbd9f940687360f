"""What results say together: statistics, leaderboards, comparisons, a page, and what other tools are told."""
