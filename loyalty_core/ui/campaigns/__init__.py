"""The Campaigns screens: all campaigns, one with its results, and the editor in steps."""
