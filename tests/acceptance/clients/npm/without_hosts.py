"""Take out of npm's lock file what names hosts: where to give money to whom."""

import json
from pathlib import Path

LOCK = Path(__file__).with_name("package-lock.json")

lock = json.loads(LOCK.read_text("utf-8"))
for package in lock["packages"].values():
    package.pop("funding", None)
LOCK.write_text(json.dumps(lock, indent=2) + "\n", "utf-8")
