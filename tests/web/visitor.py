"""A person at the console as HTTP sees one: keeps cookies, sends the form token of the page that was read last."""

import html
import http.client
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode, urlsplit

from tests.conftest import Appliance

USER_NAME, PASSWORD = "eva", "a blue kettle sings"
FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True)
class Page:
    """What came back. `cookies` are the Set-Cookie lines by their names; `headers` have lower-case names."""

    status: int
    headers: Mapping[str, str]
    cookies: Mapping[str, str]
    text: str

    @property
    def location(self) -> str:
        return self.headers.get("location", "")


@dataclass
class Visitor:
    """One browser window. `get` and `post` follow no redirects. `sends`: headers that go with every request."""

    url: str
    cookies: dict[str, str] = field(default_factory=dict)
    token: str = ""
    sends: Mapping[str, str] = field(default_factory=dict)

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> Page:
        return self.request("GET", path, headers)

    def post(self, path: str, headers: Mapping[str, str] | None = None, **fields: str) -> Page:
        """A form as a browser sends it; `csrf_token` may be given to send another than the page had."""
        form = urlencode({"csrf_token": self.token} | fields)
        return self.request("POST", path, {"Content-Type": FORM} | dict(headers or {}), form)

    def sign_in(self, user_name: str = USER_NAME, password: str = PASSWORD) -> Page:
        self.get("/login")
        return self.post("/login", user_name=user_name, password=password)

    def request(
        self, method: str, path: str, headers: Mapping[str, str] | None = None, body: str | None = None
    ) -> Page:
        sent = {**self.sends, **(headers or {})}
        if self.cookies:
            sent.setdefault("Cookie", "; ".join(f"{name}={value}" for name, value in self.cookies.items()))
        address = urlsplit(self.url)
        connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=30)
        try:
            connection.request(method, path, body, sent)
            response = connection.getresponse()
            text = response.read().decode("utf-8")
            fields = [(name.lower(), value) for name, value in response.getheaders()]
        finally:
            connection.close()
        cookies = {value.partition("=")[0]: value for name, value in fields if name == "set-cookie"}
        for name, line in cookies.items():
            value = line.partition(";")[0].partition("=")[2]
            self.cookies[name] = value
            if not value:
                del self.cookies[name]
        if found := re.search(r'name="csrf_token" value="([^"]+)"', text):
            self.token = html.unescape(found[1])
        return Page(response.status, dict(fields), cookies, text)


def setup_path(output: str) -> str:
    """The path and query of the setup link that the program printed last."""
    link = urlsplit(re.findall(r"http\S+/setup\?code=\S+", output)[-1])
    return f"{link.path}?{link.query}"


def set_up(appliance: Appliance) -> Visitor:
    """The first operator of an appliance, signed in."""
    visitor = Visitor(appliance.url)
    path = setup_path(appliance.output)
    assert visitor.get(path).status == 200
    code = path.partition("code=")[2]
    made = visitor.post("/setup", code=code, user_name=USER_NAME, password=PASSWORD, repeated=PASSWORD)
    assert (made.status, made.location) == (303, "/account"), made.text
    return visitor
