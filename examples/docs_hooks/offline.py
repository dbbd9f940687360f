"""Scripts that the theme would fetch from elsewhere, replaced by our own: the site reads without a network."""

from typing import Any

from mkdocs.utils import get_relative_url

_FETCHED = "https://unpkg.com/iframe-worker/shim"
_OWN = "local-worker.js"


def on_post_page(output: str, page: Any, **_: Any) -> str:
    """Puts our script where the theme's is fetched."""
    return output.replace(_FETCHED, get_relative_url(_OWN, page.url))


def on_post_template(output_content: str, **_: Any) -> str:
    """Does the same for pages that are no page, such as that of an address that isn't there."""
    return output_content.replace(_FETCHED, _OWN)
