"""Write the pages of a folder into the navigation of the site; mkdocs.yml names this file as a hook."""

from pathlib import Path
from typing import Any


def on_config(config: Any) -> Any:
    """Replace each `Title: folder/` of the navigation by the pages of that folder, in the order of their names."""
    docs = Path(config["docs_dir"])
    for section in config["nav"]:
        for title, folder in section.items():
            if isinstance(folder, str) and folder.endswith("/"):
                pages = sorted((docs / folder).glob("*.md"), key=lambda page: (page.name != "README.md", page.name))
                section[title] = [page.relative_to(docs).as_posix() for page in pages]
    return config
