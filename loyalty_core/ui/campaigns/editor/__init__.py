"""The editor of a campaign: one step after another, beside whom it would write to now."""
