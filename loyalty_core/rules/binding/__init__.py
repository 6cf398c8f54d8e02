"""From parsed operations to the typed tree: names become columns, constants take the kind of what they meet."""

from loyalty_core.rules.binding.conditions import Binder

__all__ = ["Binder"]
