"""The flight recorder: what each event caused, step by step."""
