"""The colors that a browser chose: kept in a cookie, known to every page, and nothing else."""

import pytest

from tests.web.visitor import Visitor


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_chosen_theme_is_on_every_page_until_it_is_automatic_again(eva: Visitor, theme: str):
    assert "data-theme" not in eva.get("/users").text
    answer = eva.post("/theme", theme=theme, back="/users")
    assert (answer.status, answer.location) == (303, "/users")
    for path in ("/users", "/account"):
        page = eva.get(path).text
        assert f'<html lang="en" data-theme="{theme}">' in page and f'value="{theme}" aria-pressed="true"' in page
    eva.post("/theme", theme="", back="/users")
    assert "data-theme" not in eva.get("/users").text


@pytest.mark.parametrize("theme", ["pink", 'dark"', "DARK", "x" * 5_000])
def test_no_other_theme_is_kept_or_rendered(eva: Visitor, theme: str):
    eva.get("/users")
    assert eva.post("/theme", theme=theme, back="/").status == 303
    assert "data-theme" not in eva.get("/").text
    eva.cookies["recnice_theme"] = "pink"
    assert "data-theme" not in eva.get("/").text


@pytest.mark.parametrize("back", ["https://example.com/", "//example.com", "/\\example.com", "", "users"])
def test_it_leads_nowhere_else(eva: Visitor, back: str):
    eva.get("/users")
    assert eva.post("/theme", theme="dark", back=back).location == "/"
