"""The page of the notebook: its cells with what they print and draw, run in a plain kernel when the site is built."""

import base64
import tempfile
from typing import Any

import nbformat
from jupyter_client.manager import KernelManager
from nbclient import NotebookClient
from pages import ROOT, Page, block

NOTEBOOK = ROOT / "examples" / "tour.ipynb"


def notebook_pages() -> list[Page]:
    """Returns the page of the notebook, and its pictures."""
    notebook: Any = nbformat.read(NOTEBOOK, as_version=4)
    kernel = KernelManager(kernel_name="python3", transport="ipc")
    with tempfile.TemporaryDirectory() as folder:
        kernel.ip = f"{folder}/kernel"  # its sockets
        try:
            NotebookClient(notebook, kernel, timeout=300).execute()
        finally:
            kernel.shutdown_kernel(now=True)
    parts, pictures = [], []
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            parts.append(cell.source)
            continue
        parts.append(block(cell.source, "python"))
        for output in cell.outputs:
            data = output.get("data", {})
            if "image/png" in data:
                name = f"tour-{len(pictures)}.png"
                pictures.append(Page(f"start/{name}", base64.b64decode(data["image/png"])))
                parts.append(f"![What the cell above draws]({name})")
            else:
                parts.append(block(output.get("text") or data["text/plain"]))
    parts.append("This page is `examples/tour.ipynb` in the repository, [to be downloaded here](tour.ipynb), run.")
    return [Page("start/tour.md", "\n\n".join(parts) + "\n"), Page("start/tour.ipynb", NOTEBOOK), *pictures]
