"""What a site's keeper of alerts tells."""

from __future__ import annotations

import json

from tests.system.site import LabSite


def firing(site: LabSite) -> set[str]:
    """Return the alerts that are told now; none while nobody can be asked."""
    keeper = ("-n", "monitoring", "exec", "deploy/alert-keeper", "--request-timeout=20s", "--", "/alert-keeper")
    told = json.loads(site.kubectl(*keeper, "alerts", check=False) or "[]")
    return {alert["labels"]["alertname"] for alert in told if alert["status"] == "firing"}
