"""The sandbox's page, at `/`: handsets as conversations, campaigns, accounts, faults, the clock, requests as they came.

`application` serves it, `look` finds what is shown, `live` tells of what happens, `traffic` keeps the last requests.
"""

from .application import routes
from .live import Live
from .traffic import RequestLog

__all__ = ["Live", "RequestLog", "routes"]
