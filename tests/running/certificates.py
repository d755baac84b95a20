"""Certificates for tests."""

import ssl
import subprocess
from pathlib import Path


def server_context(folder: Path, names: str = "IP:127.0.0.1") -> ssl.SSLContext:
    """A server's context with a certificate for these names; its CA is `ca.pem` in the folder.

    Args:
        folder: where its files are put.
        names: in the form of OpenSSL's `subjectAltName`.
    """
    key, ca = str(folder / "key.pem"), str(folder / "ca.pem")
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    command += ["-nodes", "-subj", "/CN=test", "-addext", f"subjectAltName={names}"]
    subprocess.run([*command, "-keyout", key, "-out", ca], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(ca, key)
    return context
