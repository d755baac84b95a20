"""Writes the rules as a resource of the Prometheus Operator, for ops/kubernetes.

PYTHONPATH=ops python -m prometheus.operator_rules
"""

from pathlib import Path
from typing import Any, Final

import yaml

_OPS: Final = Path(__file__).parents[1]
RULES: Final = _OPS / "prometheus" / "rules"
RESOURCE: Final = _OPS / "kubernetes" / "components" / "prometheus-operator" / "rules.yaml"
_HEAD: Final = (
    "# The rules of ops/prometheus/rules. Do not edit it by hand:\n"
    "# PYTHONPATH=ops python -m prometheus.operator_rules\n"
)


def text() -> str:
    """The resource, with the groups of all files."""
    resource: dict[str, Any] = {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "rerankq", "labels": {"app.kubernetes.io/part-of": "rerankq"}},
        "spec": {
            "groups": [
                group
                for page in sorted(RULES.glob("*.yml"))
                for group in yaml.safe_load(page.read_text("utf-8"))["groups"]
            ]
        },
    }
    return _HEAD + yaml.safe_dump(resource, sort_keys=False, allow_unicode=True, width=120)


if __name__ == "__main__":
    RESOURCE.write_text(text(), "utf-8")
