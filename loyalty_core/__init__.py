"""The core of the loyalty workbench: everything below the screens and the HTTP API."""
