"""Short addresses.

Source: HTTPS API v9, §34 (shortenUrl), §35 (getshorturldomains).
"""

import hashlib
from urllib.parse import urlsplit

from .call import Call
from .status import Answer

__all__ = ["get_domains", "shorten_url"]

_DOMAINS = ["bs.ms", "m-go.fr", "msms.eu", "msms.fr", "xms.lc", "myweb.re", "myurl.es"]


def shorten_url(call: Call) -> Answer:
    """Make a short address; the sandbox takes any address on trust, since it does not leave the machine."""
    url = call.form.word("url")
    try:
        parts = urlsplit(url)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return {"error": "Invalid url"}
    short = f"http://{_DOMAINS[0]}/{hashlib.blake2b(url.encode(), digest_size=3).hexdigest()}"
    call.world.links[short] = url
    return {"url": url, "shortUrl": short}


def get_domains(call: Call) -> Answer:
    """List the domains that short addresses are made in."""
    return {"domains": _DOMAINS}
