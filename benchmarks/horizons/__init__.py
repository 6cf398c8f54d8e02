"""When customers leave: one network with a hazard per month against one network per horizon."""
