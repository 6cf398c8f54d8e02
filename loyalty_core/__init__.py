"""The loyalty workbench."""
