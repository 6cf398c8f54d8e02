"""The Churn screen, part by part: each draws what loyalty_core.analytics counts."""
