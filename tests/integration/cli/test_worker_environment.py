"""`rerankq worker` in an environment with which no upstream can be called."""

import pytest

from running.command_line import CommandLine


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("ALL_PROXY", "socks5://me:secret@127.0.0.1:1080"),
        ("https_proxy", "http://me:secret@127.0.0.1:abc"),
        ("SSL_CERT_FILE", "/missing/ca.pem"),
        ("REQUESTS_CA_BUNDLE", "/missing/ca.pem"),
        ("SSLKEYLOGFILE", "/missing/keys"),
    ],
)
def test_a_worker_does_not_start_in_a_wrong_environment(
    rerankq: CommandLine, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    """One line that names the variable and no secret, and exit code 2: no lane is started."""
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DMXAPI_API_KEY", "sk-" + "a1b2c3d4" * 4)
    monkeypatch.setenv(variable, value)
    done = rerankq("worker")
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"rerankq: {variable}")
    assert "secret" not in line
