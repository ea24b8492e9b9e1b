"""A provider from the registry that is honest and knows nothing of ours, with TLS in front: a process of its own.

    python tests/openid/other_provider.py CERTIFICATE     prints its port, serves until its standard input ends

It is a process because its import warns, and here warnings are errors.
"""

import ssl
import sys
import threading


def main() -> None:
    import oidc_provider_mock
    import werkzeug.serving

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[1])
    server = werkzeug.serving.make_server(
        "127.0.0.1", 0, oidc_provider_mock.app(require_nonce=True), threaded=True, ssl_context=context
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_port, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
