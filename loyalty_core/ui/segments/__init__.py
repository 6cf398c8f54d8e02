"""The segment screens: the rule builder, the JSON editor and what is drawn around them."""
