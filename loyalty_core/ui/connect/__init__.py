"""The screen on which an admin connects a file or a database in place of the demo."""
