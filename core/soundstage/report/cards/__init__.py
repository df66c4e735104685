"""The cards of metrics as something to read: terminal, Markdown, JSON, figures, a page."""
