"""What mkdocs has to know beyond mkdocs.yml.

Pages that live beside the code (README.md, the SDK's guide, the examples) become pages of the site, and
their links are turned: to the page of a file that has one, else to the file's name without a link, since
the site holds no source code.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from urllib.parse import unquote

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

REPOSITORY = Path(__file__).parents[2]
OUTSIDE = {
    "README.md": "index.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security-policy.md",
    "js-sdk/README.md": "sdk-guide.md",
    "examples/fleet-pwa/README.md": "examples/fleet-pwa.md",
    "examples/fleet_demo/README.md": "examples/fleet-demo.md",
    "examples/node-device/README.md": "examples/node-device.md",
    "examples/plain-yjs/README.md": "examples/plain-yjs.md",
}
"""Files of the repository that are pages of the site, and the names that they have there."""

PICTURES = {"docs/pictures/fleet.jpg", "examples/fleet-pwa/picture.png"}
"""Pictures that pages show. Those outside of docs/ are copied to the place that they have there."""

_INSIDE = {page: source for source, page in OUTSIDE.items()}
_LINK = re.compile(r"(?P<text>!?\[[^\]]*\])\((?P<target>(?![a-z]+:|#)[^)#\s]+)(?P<anchor>#[^)\s]*)?\)")
_FENCED = re.compile(r"(^ *```.*?^ *```$)", re.DOTALL | re.MULTILINE)


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Put pages that mkdocs.yml doesn't name at the end of the menu for operators, so that none is lost."""
    named = set(re.findall(r"[\w./-]+\.md", str(config.nav)))
    [operate] = (part["Operate"] for part in config.nav if "Operate" in part)
    operate += sorted(page.name for page in Path(config.docs_dir).glob("*.md") if page.name not in named)
    return config


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    for source, page in OUTSIDE.items():
        files.append(File.generated(config, page, abs_src_path=str(REPOSITORY / source)))
    for picture in PICTURES:
        if not picture.startswith("docs/"):
            files.append(File.generated(config, picture, abs_src_path=str(REPOSITORY / picture)))
    return files


def on_page_markdown(markdown: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:
    return turn_links(markdown, page.file.src_uri)


def turn_links(markdown: str, page: str) -> str:
    """Make the links of a page those of the site; `page` is its name there."""
    source = _INSIDE.get(page, f"docs/{page}")
    parts = _FENCED.split(markdown)
    # Every second part is a block of code, in which nothing is a link.
    parts[::2] = [_LINK.sub(lambda found: _turned(found, source, page), part) for part in parts[::2]]
    return "".join(parts)


def _turned(found: re.Match[str], source: str, page: str) -> str:
    path = posixpath.normpath(posixpath.join(posixpath.dirname(source), unquote(found["target"])))
    readme = f"{path}/README.md"
    if path in OUTSIDE or readme in OUTSIDE:
        there = OUTSIDE.get(path) or OUTSIDE[readme]
    elif path in PICTURES or path.startswith("docs/"):
        there = path.removeprefix("docs/")
    elif (REPOSITORY / path).exists():
        return found["text"].strip("[]")
    else:
        there = path  # mkdocs says that it leads nowhere
    return f"{found['text']}({posixpath.relpath(there, posixpath.dirname(page))}{found['anchor'] or ''})"
