"""The JSON API's assembly: who is calling, problems, limits, OpenAPI, health, and the operator's API.

The rule: what every request needs (a Person, a listener, the settings) is provided here by name, so that the
other edges use it without importing this one.
"""

from backend.api.app import build_app

__all__ = ["build_app"]
