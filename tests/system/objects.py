"""Objects in a lab's S3, put and read on the admin host as the owner of a bucket does."""

from __future__ import annotations

import json

from tests.system.site import LabSite

_BUCKET, _OWNER = "backups", "velero"
# Through the shell's own input, so that no key is on a command line.
_SCRIPT = """
PYTHONPATH=/opt/platform/object_storage python3 - <<'END'
import boto3, hashlib, os
from botocore.config import Config

client = boto3.session.Session("{access}", "{secret}", region_name="us-east-1").client(
    "s3", endpoint_url="{url}", verify="/etc/platform/ca.crt",
    config=Config(s3={{"addressing_style": "path"}}, connect_timeout=3, read_timeout=20),
)
{action}
END
"""


class Objects:
    """What an owner has in the store."""

    def __init__(self, site: LabSite) -> None:
        """Take the owner's key from where a gateway reads it."""
        self._site = site
        told = json.loads(site.on("cp1", "cat /etc/platform/object_storage/s3.json"))
        (key,) = next(entry["credentials"] for entry in told["identities"] if entry["name"] == _OWNER)
        self._access, self._secret = key["accessKey"], key["secretKey"]

    def put(self, name: str) -> str:
        """Put some bytes, and return their digest."""
        return self._do(
            f"content = os.urandom(2**21)\nclient.put_object(Bucket='{_BUCKET}', Key='{name}', Body=content)\n"
            "print(hashlib.sha256(content).hexdigest())"
        )

    def read(self, name: str) -> str:
        """Return the digest of an object's bytes, or an empty text while the store does not answer."""
        return self._do(
            f"content = client.get_object(Bucket='{_BUCKET}', Key='{name}')['Body'].read()\n"
            "print(hashlib.sha256(content).hexdigest())",
            check=False,
        )

    def _do(self, action: str, check: bool = True) -> str:
        script = _SCRIPT.format(access=self._access, secret=self._secret, url="https://10.77.0.100:8333", action=action)
        return self._site.on("admin1", script, check=check).strip()
