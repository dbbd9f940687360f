"""Scripts that the theme would fetch from elsewhere, replaced by our own: the site reads without a network."""

from typing import Any

from mkdocs.utils import get_relative_url

_FETCHED = "https://unpkg.com/iframe-worker/shim"
_OWN = "local-worker.js"


def on_post_page(output: str, page: Any, **_: Any) -> str:
    """Puts our script where the theme's is fetched."""
    return output.replace(_FETCHED, get_relative_url(_OWN, page.url))
