import pytest

from rerankq_sandbox.admin_access import is_local, refusal_of

PORT = 8787
HOME = "127.0.0.1:8787"


@pytest.mark.parametrize(
    ("remote", "local"),
    [
        ("127.0.0.1", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("10.0.0.1", False),
        ("", False),
        (None, False),
    ],
)
def test_only_loopback_is_local(remote: str | None, *, local: bool) -> None:
    """Only loopback addresses count as this machine."""
    assert is_local(remote) is local


@pytest.mark.parametrize("host", [HOME, "localhost:8787", "LocalHost:8787", "[::1]:8787"])
@pytest.mark.parametrize("site", ["none", "same-origin"])
def test_programs_on_this_machine_are_let_in(host: str, site: str) -> None:
    """A request to this machine by its own name, and from no foreign page, is allowed."""
    assert refusal_of("127.0.0.1", {"Host": host}, PORT) is None
    said = {"Host": host, "Origin": f"http://{host}", "Sec-Fetch-Site": site}
    assert refusal_of("::1", said, PORT) is None


def test_port_80_may_be_left_out() -> None:
    """Host may lack port 80, because clients leave it out."""
    assert refusal_of("127.0.0.1", {"Host": "localhost"}, 80) is None


@pytest.mark.parametrize(
    ("remote", "headers", "said"),
    [
        ("10.0.0.1", {"Host": HOME}, "this machine"),
        # DNS rebinding: a name of the page's own that leads here.
        *(
            ("127.0.0.1", {"Host": host}, "Host")
            for host in (
                *("evil.example:8787", "localhost.evil.example:8787", "127.0.0.1.nip.io:8787"),
                *(
                    "10.0.0.1:8787",
                    "0.0.0.0:8787",
                    "127.0.0.1:80",
                    "127.0.0.1",
                    "",
                    "[::1",
                    "[x]:1",
                ),
                *("localhost@evil.example:8787", "evil.example/@localhost:8787", "localhost:x"),
            )
        ),
        ("127.0.0.1", {}, "Host"),
        # A page that a browser on this machine shows.
        *(
            ("127.0.0.1", {"Host": HOME, "Origin": origin}, "origin")
            for origin in (
                *("https://evil.example", "null", "http://127.0.0.1:3000", "http://localhost:8787"),
                *(f"https://{HOME}", f"http://{HOME}.evil.example", ""),
            )
        ),
        *(
            ("127.0.0.1", {"Host": HOME, "Sec-Fetch-Site": site}, "site")
            for site in ("cross-site", "same-site", "anything")
        ),
    ],
)
def test_all_other_requests_are_refused(remote: str, headers: dict[str, str], said: str) -> None:
    """A peer elsewhere, a foreign name in Host and a page of another origin are refused."""
    assert said in (refusal_of(remote, headers, PORT) or "")
