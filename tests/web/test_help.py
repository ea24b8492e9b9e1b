"""The help: each file of its folders is a page of the console, every link leads somewhere, nothing else is served."""

import html
import posixpath
import re
from pathlib import Path

import pytest
from flask import Flask

from app import bundled_files
from app.observation.problem_kinds.kind_catalog import KINDS
from app.web.console.system import help
from app.web.console.system.help import INDEX
from app.web.console.system.help_rendering import Addresses, Help, HelpPage
from tests.conftest import Appliance
from tests.web.visitor import Visitor

HELP = Help(bundled_files.HELP_FOLDERS, bundled_files.PICTURES)
ADDRESSES = Addresses(page=lambda name: f"/help/{name}", picture=lambda name: f"/help/pictures/{name}")


def rendered(folder: Path, text: str) -> str:
    """A help of one page, its HTML."""
    (folder / "page.md").write_text(f"# Page\n\n{text}\n", encoding="utf-8")
    help_ = Help([folder], folder)
    return help_.render(help_.pages["page"], ADDRESSES)


def menu(page: str) -> dict[str, str]:
    """The console's menu as a page has it: paths by their words."""
    nav = re.search(r'<nav [^>]*aria-label="Pages"[^>]*>(.*?)</nav>', page, re.DOTALL)
    assert nav
    links = re.findall(r'<li><a href="([^"]+)"[^>]*><svg.*?</svg>([^<]+)', nav[1])
    return {words.strip(): path for path, words in links}


# --- over HTTP --------------------------------------------------------------------------------------------------------


def test_every_page_is_served(eva: Visitor):
    listed = eva.get("/help")
    for name, page in HELP.pages.items():
        answer = eva.get(f"/help/{name}")
        assert answer.status == 200, name
        assert f">{html.escape(page.title, quote=False)}</h1>" in answer.text, name
        assert name == INDEX or f'href="/help/{name}"' in listed.text, name


def test_every_link_of_every_page_leads_somewhere(eva: Visitor):
    pages = {f"/help/{name}": eva.get(f"/help/{name}").text for name in HELP.pages}
    for path, text in pages.items():
        ids = re.findall(r' id="([^"]+)"', text)
        assert len(ids) == len(set(ids)), path
        main = text.partition("<main")[2].partition("</main>")[0]
        for link in re.findall(r'(?:href|src|srcset)="([^"]+)"', main):
            target, _, heading = link.partition("#")
            if "://" in link:
                continue
            if target.endswith(".png"):
                continue  # asked for below
            target = target or path
            assert target in pages or target == "/help", f"{path}: {link}"
            assert not heading or f'id="{heading}"' in pages[target], f"{path}: {link}"


def test_every_picture_that_is_shown_is_served(console: Appliance, eva: Visitor):
    cookie = "; ".join(f"{name}={value}" for name, value in eva.cookies.items())
    shown = {
        picture
        for name in HELP.pages
        for picture in re.findall(r'(?:src|srcset)="(/help/pictures/[^"]+)"', eva.get(f"/help/{name}").text)
    }
    assert "/help/pictures/account.png" in shown
    for path in shown:
        headers = head(console, path, cookie)
        assert headers["content-type"] == "image/png" and int(headers["content-length"]) > 1000, path


def head(appliance: Appliance, path: str, cookie: str) -> dict[str, str]:
    answer = appliance.request("HEAD", path, headers={"Cookie": cookie})
    assert answer.status == 200, path
    return dict(answer.headers)


@pytest.mark.parametrize(
    "path",
    [
        "/help/nothing",
        "/help/problems/",
        "/help/entra.md",
        "/help/console/status",
        "/help/../../README",
        "/help/%2e%2e/%2e%2e/README",
        "/help/..%2f..%2fREADME.md",
        "/help//etc/passwd",
        "/help/pictures/../admin/entra.md",
        "/help/pictures/..%2f..%2f..%2fREADME.md",
        "/help/pictures/nothing.png",
    ],
)
def test_nothing_else_is_served(eva: Visitor, path: str):
    answer = eva.get(path)
    assert answer.status == 404, path
    assert "There is no such page" in answer.text


def test_a_page_that_moved_is_found_by_its_former_url(eva: Visitor):
    answer = eva.get("/help/backup")
    assert (answer.status, answer.location) == (308, "/help/operate/backup")
    assert eva.get("/help/operate/nothing").status == eva.get("/help/index/backup").status == 404


def test_a_stranger_reads_nothing(stranger: Visitor):
    for path in ("/help", "/help/entra", "/help/pictures/account.png", "/help/nothing"):
        answer = stranger.get(path)
        assert answer.status == 303 and answer.location.startswith("/login"), path


def test_every_page_of_the_menu_has_its_help(eva: Visitor):
    pages = menu(eva.get("/").text)
    assert {"Status", "Users", "Groups", "Account", "Help"} <= set(pages)
    for words, path in pages.items():
        if words == "Help":
            continue
        found = re.search(r'class="help-link" href="/help/([^"]+)"', eva.get(path).text)
        assert found, f"{words} has no link to its help"
        assert found[1] in HELP.pages, words


# --- the texts --------------------------------------------------------------------------------------------------------


def test_every_kind_of_problem_has_its_page():
    folder = "admin/problems"
    pages = {page.name.removeprefix("problems/"): page for page in HELP.pages.values() if page.folder == folder}
    assert {kind.name: kind.title for kind in KINDS} == {name: page.title for name, page in pages.items()}
    for page in pages.values():
        found = re.findall(r"^## (.+)$", page.text, re.MULTILINE)
        assert found == ["Why", "What to do", "What happens next"], page.name


def test_the_index_has_each_page_once_under_a_subject_by_its_title():
    _, *subjects = re.split(r"^## .+$", HELP.pages[INDEX].text, flags=re.MULTILINE)
    listed = [entry for subject in subjects for entry in re.findall(r"^- \[(.+)\]\((.+)\)$", subject, re.MULTILINE)]
    titles = {posixpath.relpath(page.path, "admin"): page.title for name, page in HELP.pages.items() if name != INDEX}
    assert sorted((path, title) for title, path in listed) == sorted(titles.items())


# --- how a file becomes a page ----------------------------------------------------------------------------------------


def test_html_in_a_file_is_text(tmp_path: Path):
    text = rendered(tmp_path, "<script>alert(1)</script>\n\nand <b onclick=x>so</b>")
    assert "<script" not in text and "<b " not in text
    assert "&lt;script&gt;" in text


def test_the_marks_around_a_generated_table_are_not_shown(tmp_path: Path):
    text = rendered(tmp_path, "<!-- options -->\n| A |\n| --- |\n| b |\n<!-- end of options -->\n\nand so on")
    assert "options" not in text and "<table>" in text and "and so on" in text


def test_no_link_leads_where_the_program_cannot(tmp_path: Path):
    links = ("[out](../secret.md)", "[script](javascript:alert(1))", "[web](https://example.com/)", "[here](#page)")
    text = rendered(tmp_path, " ".join(links))
    assert "secret" not in text
    assert re.findall(r'href="([^"]*)"', text) == ["https://example.com/", "#page"]
    assert "out" in text


def test_a_picture_has_its_dark_sister(tmp_path: Path):
    (tmp_path / "one.png").write_bytes(b"")
    (tmp_path / "one-dark.png").write_bytes(b"")
    path = f"../{tmp_path.name}/"
    text = rendered(tmp_path, f"![First]({path}one.png) ![Second]({path}two.png)")
    assert '<source media="(prefers-color-scheme: dark)" srcset="/help/pictures/one-dark.png">' in text
    assert '<img src="/help/pictures/one.png" alt="First"' in text
    assert "two.png" not in text and "Second" in text


def test_headings_of_the_same_words_have_their_own_anchors(tmp_path: Path):
    text = rendered(tmp_path, "## Why `so`?\n\n## Why `so`?")
    assert re.findall(r'id="([^"]+)"', text) == ["page", "why-so", "why-so-1"]


def test_a_file_without_a_title_is_found_at_the_start(tmp_path: Path):
    (tmp_path / "page.md").write_text("no title\n", encoding="utf-8")
    with pytest.raises(ValueError, match="page.md"):
        Help([tmp_path], tmp_path)


def test_two_files_of_one_name_are_found_at_the_start(tmp_path: Path):
    (tmp_path / "console").mkdir()
    for path in ("status.md", "console/status.md"):
        (tmp_path / path).write_text("# Status\n", encoding="utf-8")
    with pytest.raises(ValueError, match="status.md"):
        Help([tmp_path], tmp_path)


def test_the_pages_are_those_of_the_folder(app: Flask):
    folders = bundled_files.HELP_FOLDERS
    files = {path.relative_to(folders[0].parent).as_posix() for folder in folders for path in folder.rglob("*.md")}
    with app.app_context():
        shelf = help._help()
    pages: list[HelpPage] = list(shelf.pages.values())
    assert {page.path for page in pages} == files


def test_problems_that_a_proxy_makes_lead_to_doctor():
    makes = ("key-missing", "host-unknown", "filter-not-understood", "path-unknown", "method-not-allowed")
    for name in makes:
        text = HELP.render(HELP.pages[f"problems/{name}"], ADDRESSES)
        assert 'href="/help/operate/doctor"' in text, name
