"""Signatures of images as cosign makes and reads them, with a key and without anybody outside."""

from __future__ import annotations

import base64
import json
from typing import Any

from ansible_collections.platform.base.plugins.module_utils.registry_client import Registry, RegistryRefused, digest_of
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

PAYLOAD = "application/vnd.dev.cosign.simplesigning.v1+json"
_CONFIG = "application/vnd.oci.image.config.v1+json"
_SIGNATURE = "dev.cosignproject.cosign/signature"
_LONG_AGO = "0001-01-01T00:00:00Z"


def made_key() -> dict[str, str]:
    """Return a new pair of keys, in PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return {"private_key": private.decode(), "public_key": public_of(key)}


def public_of(key: ec.EllipticCurvePrivateKey) -> str:
    """Return the public half of a key, in PEM."""
    public = key.public_key()
    return public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()


def tag_of(digest: str) -> str:
    """Return the tag by which an image's signature is found."""
    return f"{digest.replace(':', '-')}.sig"


def payload_of(reference: str, digest: str) -> bytes:
    """Return what is signed of an image."""
    document = {
        "critical": {
            "identity": {"docker-reference": reference},
            "image": {"docker-manifest-digest": digest},
            "type": "cosign container image signature",
        },
        "optional": None,
    }
    return json.dumps(document, separators=(",", ":")).encode()


def sign(registry: Registry, repository: str, digest: str, private_key: str, host: str) -> None:
    """Put an image's signature beside it.

    Raises:
        RegistryRefused: it is not taken.
    """
    key = serialization.load_pem_private_key(private_key.encode(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    payload = payload_of(f"{host}/{repository}", digest)
    signature = base64.b64encode(key.sign(payload, ec.ECDSA(hashes.SHA256()))).decode()
    config = {
        "architecture": "", "created": _LONG_AGO, "history": [{"created": _LONG_AGO}], "os": "",
        "rootfs": {"type": "layers", "diff_ids": [digest_of(payload)]}, "config": {},
    }  # fmt: skip
    layer = {"content": payload, "media_type": PAYLOAD, "annotations": {_SIGNATURE: signature}}
    registry.push_image(repository, tag_of(digest), json.dumps(config).encode(), _CONFIG, [layer])


def is_signed(registry: Registry, repository: str, digest: str, public_key: str) -> bool:
    """Return whether an image has a signature of a key."""
    try:
        manifest = json.loads(registry.manifest(repository, tag_of(digest)))
    except RegistryRefused:
        return False
    return any(
        _is_good(registry.blob(repository, layer["digest"]), layer, digest, public_key)
        for layer in manifest.get("layers", [])
        if layer.get("mediaType") == PAYLOAD
    )


def _is_good(payload: bytes, layer: dict[str, Any], digest: str, public_key: str) -> bool:
    key = serialization.load_pem_public_key(public_key.encode())
    assert isinstance(key, ec.EllipticCurvePublicKey)
    signature = base64.b64decode(layer.get("annotations", {}).get(_SIGNATURE, ""))
    try:
        key.verify(signature, payload, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return bool(json.loads(payload)["critical"]["image"]["docker-manifest-digest"] == digest)
