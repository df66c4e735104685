"""A leaderboard as text: table, Markdown, CSV, JSON."""
