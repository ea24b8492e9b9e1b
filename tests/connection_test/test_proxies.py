"""The connection test finds what real reverse proxies do wrong, and nothing behind right ones."""

import os
import random
import socket
import ssl
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from app import data_folder
from app.connection_test import probe_token, prober
from tests.conftest import Appliance, run, wait_until
from tests.needed import program_of
from tests.program.test_nginx import around, make_certificate


@dataclass(frozen=True)
class Place:
    """What a configuration needs: the port of the proxy, that of the server, and the folder of the certificate."""

    port: int
    upstream: str
    folder: Path


@dataclass(frozen=True)
class Proxy:
    """A proxy with its mistakes: lines to add, those of `right` that they replace begin alike."""

    program: str
    server: Callable[[Place, str, bool], str]
    mistakes: Mapping[str, str]
    frame: Callable[[Path, str], str]
    words: Callable[[Path], list[str]]


def nginx_server(place: Place, lines: str, is_https: bool) -> str:
    secure = f"ssl_certificate {place.folder}/certificate.pem; ssl_certificate_key {place.folder}/key.pem;"
    right = {
        "proxy_pass": f"proxy_pass http://{place.upstream};",
        "proxy_set_header Host": "proxy_set_header Host $http_host;",
        "proxy_set_header X-Forwarded-For": "proxy_set_header X-Forwarded-For $remote_addr;",
        "proxy_set_header X-Forwarded-Proto": "proxy_set_header X-Forwarded-Proto $scheme;",
        "client_max_body_size": "client_max_body_size 4m;",
    }
    kept = "\n".join(line for start, line in right.items() if start not in lines)
    location = lines if lines.startswith("location") else f"location / {{\n{kept}\n{lines}\n}}"
    return f"""server {{
listen 127.0.0.1:{place.port}{" ssl" if is_https else ""};
{secure if is_https else ""}
{location.replace("UPSTREAM", place.upstream).replace("KEPT", kept)}
}}
"""


def haproxy_server(place: Place, lines: str, is_https: bool) -> str:
    right = {
        "option forwardfor": "option forwardfor",
        "X-Forwarded-Proto": f"http-request set-header X-Forwarded-Proto {'https' if is_https else 'http'}",
    }
    kept = "\n".join(line for start, line in right.items() if start not in lines)
    return f"""listen port{place.port}
bind 127.0.0.1:{place.port}{f" ssl crt {place.folder}/both.pem" if is_https else ""}
{kept}
{lines}
server recnice {place.upstream}
"""


def caddy_server(place: Place, lines: str, is_https: bool) -> str:
    inner, _, outer = lines.partition("|")
    tls = f"tls {place.folder}/certificate.pem {place.folder}/key.pem" if is_https else ""
    forward = f"reverse_proxy {place.upstream} {{\n{inner}\n}}"
    return f"""http{"s" if is_https else ""}://localhost:{place.port} {{
bind 127.0.0.1
{tls}
{outer.replace("FORWARD", forward) if "FORWARD" in outer else outer + chr(10) + forward}
}}
"""


def apache_server(place: Place, lines: str, is_https: bool) -> str:
    right = {
        "ProxyPass ": f"ProxyPass / http://{place.upstream}/ nocanon",
        "ProxyPreserveHost": "ProxyPreserveHost On",
        "X-Forwarded-Proto": f"RequestHeader set X-Forwarded-Proto {'https' if is_https else 'http'}",
    }
    kept = "\n".join(line for start, line in right.items() if start not in lines)
    tls = f"""SSLEngine On
SSLCertificateFile {place.folder}/certificate.pem
SSLCertificateKeyFile {place.folder}/key.pem"""
    return f"""Listen 127.0.0.1:{place.port}
<VirtualHost 127.0.0.1:{place.port}>
{tls if is_https else ""}
{kept}
{lines.replace("UPSTREAM", place.upstream)}
</VirtualHost>
"""


def apache_frame(folder: Path, servers: str) -> str:
    modules = ["mpm_event", "authz_core", "proxy", "proxy_http", "headers", "rewrite", "ssl"]
    user = "User www-data\nGroup www-data\n" if os.geteuid() == 0 else ""
    return f"""ServerRoot {folder}
ServerName localhost
PidFile {folder}/apache.pid
ErrorLog {folder}/apache.log
{user}
{"".join(f"LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so{chr(10)}" for name in modules)}
{servers}"""


HAPROXY_FRAME = """defaults
mode http
timeout client 20s
timeout server 20s
timeout connect 5s
"""
RIGHT, HTTPS = "nothing", "scheme-changed"
PROXIES = {
    "nginx": Proxy(
        "nginx",
        nginx_server,
        {
            RIGHT: "",
            "authorization-missing": 'proxy_set_header Authorization "";',
            "authorization-changed": 'proxy_set_header Authorization "Basic eDp5";',
            "host-changed": "proxy_set_header Host $proxy_host;",
            "body-refused": "client_max_body_size 100k;",
            "method-refused": "limit_except GET POST { deny all; }",
            "query-refused": 'if ($args ~ "%22|%5B") { return 403; }',
            "query-changed": 'set $args "";',
            "errors-replaced": "proxy_intercept_errors on; error_page 401 404 503 /error.html;",
            "prefix-changed": "location /scim/ { KEPT proxy_pass http://UPSTREAM/; }",
            "header-refused": "if ($http_x_recnice_test) { return 400; }",
            "cached": "proxy_cache all; proxy_cache_valid any 1m; proxy_ignore_headers Cache-Control;",
            "client-hidden": 'proxy_set_header X-Forwarded-For "";',
            "gateway": "proxy_pass http://127.0.0.1:1;",
            "not-here": "return 404;",
            "rate-limited": "return 429;",
            "redirected": "return 301 https://example.com$request_uri;",
            HTTPS: "proxy_set_header X-Forwarded-Proto http;",
        },
        lambda folder, servers: around(
            folder, f"access_log off; proxy_cache_path {folder}/cache keys_zone=all:1m;\n{servers}"
        ),
        lambda folder: ["-p", str(folder), "-e", str(folder / "error.log"), "-c", str(folder / "nginx.conf")],
    ),
    "haproxy": Proxy(
        "haproxy",
        haproxy_server,
        {
            RIGHT: "",
            "authorization-missing": "http-request del-header Authorization",
            "host-changed": "http-request set-header Host inside",
            "body-refused": "http-request deny deny_status 413 if { req.hdr_val(content-length) gt 102400 }",
            "method-refused": "http-request deny unless METH_GET or METH_POST",
            "query-refused": "http-request deny if { query -m sub %22 }",
            "errors-replaced": 'http-response return status 200 content-type text/html string "<p>" '
            "if { status 401 404 503 }",
            "prefix-changed": "http-request replace-path /scim/(.*) /\\1",
            HTTPS: "http-request set-header X-Forwarded-Proto http",
        },
        lambda folder, servers: HAPROXY_FRAME + servers,
        lambda folder: ["-db", "-f", str(folder / "haproxy.conf")],
    ),
    "caddy": Proxy(
        "caddy",
        caddy_server,
        {
            RIGHT: "",
            "authorization-missing": "header_up -Authorization",
            "host-changed": "header_up Host inside",
            "body-refused": "|request_body {\nmax_size 100KB\n}",
            "method-refused": "|@other not method GET POST\nrespond @other 405",
            "query-refused": '|@quoted expression {query}.contains("%22")\nrespond @quoted 403',
            "errors-replaced": "@bad status 401 404 503\nhandle_response @bad {\nrespond <p> 502\n}",
            "prefix-changed": "|handle_path /scim/* {\nFORWARD\n}",
            HTTPS: "header_up X-Forwarded-Proto http",
        },
        lambda folder, servers: "{\nadmin off\nauto_https off\n}\n" + servers,
        lambda folder: ["run", "--adapter", "caddyfile", "--config", str(folder / "caddy.conf")],
    ),
    "apache2": Proxy(
        "apache2",
        apache_server,
        {
            RIGHT: "",
            "authorization-missing": "RequestHeader unset Authorization",
            "host-changed": "ProxyPreserveHost Off",
            "body-refused": "RewriteEngine On\nRewriteCond %{HTTP:Content-Length} -gt102400\nRewriteRule ^ - [R=413]",
            "method-refused": "<Location />\n<LimitExcept GET POST>\nRequire all denied\n</LimitExcept>\n</Location>",
            "query-refused": 'RewriteEngine On\nRewriteCond %{QUERY_STRING} "%22"\nRewriteRule ^ - [F]',
            "errors-replaced": "ProxyErrorOverride On",
            "prefix-changed": "ProxyPass /scim/ http://UPSTREAM/ nocanon",
            HTTPS: "RequestHeader set X-Forwarded-Proto http",
        },
        apache_frame,
        lambda folder: ["-D", "FOREGROUND", "-f", str(folder / "apache2.conf")],
    ),
}
TRIED = [*PROXIES] if "RECNICE_FAULTS" in os.environ else ["nginx", "haproxy"]
"""All four in `make faults`; each has a configuration of its own, but what arrives differs little."""
CASES = [(name, mistake) for name in TRIED for mistake in PROXIES[name].mistakes]


@pytest.fixture(scope="module")
def served(program: list[str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Appliance]:
    appliance = Appliance(program, tmp_path_factory.mktemp("doctor") / "recnice", ("--trusted-proxy", "127.0.0.1"))
    yield appliance.start()
    assert appliance.stop() == 0, appliance.output


def free_ports() -> Iterator[int]:
    """Yield ports below those from which this machine's connections go out, in no order that another test has, too."""
    for port in random.sample(range(20_000, 32_000), 12_000):
        try:
            with socket.socket() as listener:
                listener.bind(("127.0.0.1", port))
        except OSError:
            continue
        yield port


@pytest.fixture(scope="module")
def ports(served: Appliance, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[tuple[str, str], int]]:
    """The port of each mistake of each proxy; the proxies start beside each other."""
    folder = tmp_path_factory.mktemp("proxies")
    folder.chmod(0o755)  # Apache's workers are another user
    make_certificate(program_of("openssl"), folder)
    (folder / "both.pem").write_text((folder / "certificate.pem").read_text() + (folder / "key.pem").read_text())
    ports = dict(zip(CASES, free_ports(), strict=False))
    running: list[subprocess.Popen[bytes]] = []
    try:
        for name in TRIED:
            proxy = PROXIES[name]
            servers = "".join(
                proxy.server(Place(ports[name, mistake], f"127.0.0.1:{served.port}", folder), lines, mistake == HTTPS)
                for mistake, lines in proxy.mistakes.items()
            )
            (folder / f"{name}.conf").write_text(proxy.frame(folder, servers))
            with (folder / f"{name}.output").open("wb") as output:
                words = [program_of(proxy.program), *proxy.words(folder)]
                environment = {**os.environ, "HOME": str(folder)}
                running.append(subprocess.Popen(words, stdout=output, stderr=output, cwd=folder, env=environment))
        for name, process in zip(TRIED, running, strict=True):
            url = f"http://localhost:{ports[name, RIGHT]}"
            wait_until(lambda p=process, u=url: p.poll() is not None or "unreachable" not in found(served, u), name)
            assert process.poll() is None, (folder / f"{name}.output").read_text()
        yield ports
    finally:
        for process in running:
            process.terminate()
        for process in running:
            process.wait(20)


def found(served: Appliance, url: str, ca_file: Path | None = None) -> set[str]:
    token = probe_token.make(data_folder.secret(served.data))
    return {one.name for one in prober.find(url, token, ca_file)}


@pytest.mark.parametrize(("name", "mistake"), CASES)
def test_each_mistake_is_found_and_nothing_else(
    served: Appliance, ports: dict[tuple[str, str], int], name: str, mistake: str
) -> None:
    scheme = "https" if mistake == HTTPS else "http"
    names = found(served, f"{scheme}://localhost:{ports[name, mistake]}")
    expected = set() if mistake == RIGHT else {mistake}
    assert names - {"certificate-refused"} == expected
    assert ("certificate-refused" in names) == (scheme == "https"), "no authority of this machine signed it"


def test_what_the_way_to_the_proxy_lacks_is_found(served: Appliance, ports: dict[tuple[str, str], int], tmp_path: Path):
    assert found(served, "http://no-such-name.invalid") == {"name-unknown"}
    assert found(served, f"http://localhost:{next(free_ports())}") == {"unreachable"}
    certificate = tmp_path / "certificate.pem"
    with socket.create_connection(("localhost", ports["nginx", HTTPS])) as connection:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with context.wrap_socket(connection, server_hostname="localhost") as secure:
            certificate.write_text(ssl.DER_cert_to_PEM_cert(secure.getpeercert(binary_form=True) or b""))
    url = f"https://localhost:{ports['nginx', HTTPS]}"
    assert found(served, url, certificate) == {"certificate-expires", HTTPS}, "it is valid for a day"


def test_the_command_says_it_by_its_exit_status(served: Appliance, ports: dict[tuple[str, str], int]) -> None:
    right, wrong = (ports["nginx", mistake] for mistake in (RIGHT, "method-refused"))
    words = ("doctor", "--only", "public-url", "--data", str(served.data), "--url")
    done = run(served.program, *words, f"http://localhost:{right}")
    assert (done.returncode, done.stdout.split()[0], done.stderr) == (0, "ok", "")
    done = run(served.program, *words, f"http://localhost:{wrong}", "--json")
    assert done.returncode == 1 and '"method-refused"' in done.stdout
