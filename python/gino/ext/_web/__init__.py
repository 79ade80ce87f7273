"""What all web frameworks share: configuration, start-up, 404, and a connection for each request.

Owns: the base classes that the modules of `gino.ext` complete with a framework's own 404 and hooks.
Never does: import a framework.
Called by: `gino.ext.starlette`, `gino.ext.aiohttp`, `gino.ext.quart` and the others.
"""

from __future__ import annotations

from .application import ApplicationGino, WebGino
from .asgi import RequestConnection
from .configuration import Configuration
from .missing import WebConnection, WebEngine, WebExecutor, WebModelMixin
from .scope import give_back

__all__ = [
    "ApplicationGino",
    "Configuration",
    "RequestConnection",
    "WebConnection",
    "WebEngine",
    "WebExecutor",
    "WebGino",
    "WebModelMixin",
    "give_back",
]
