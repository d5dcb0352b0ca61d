"""What a site decides: models, tenants, limits, and where things are."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Offer = Literal["chat", "completions", "embeddings"]
Seconds = Annotated[float, Field(gt=0, le=86400)]
Name = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/-]*$")]


class Section(BaseModel):
    """A part of the settings; a misspelt name in it is a mistake."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Release(Section):
    """One version of a model, as a track serves it."""

    version: str = ""
    digest: str = ""


class Model(Release):
    """A model that callers can name. Version and digest are the stable track's."""

    url: str = Field(pattern=r"^https?://[^/]+$", description="Where its engine or router listens, without a path.")
    served_name: str = Field("", description="Its name at the engine, where that is another.")
    # Called `class` in files; the word is Python's own.
    model_class: Name = Field("default", alias="class", description="Requests are limited per key and class.")
    offers: frozenset[Offer] = Field(frozenset({"chat", "completions"}), min_length=1)
    canary: Release = Release()
    aliases: tuple[Name, ...] = ()


class Tenant(Section):
    """Who pays, and what they may use."""

    models: frozenset[str] | None = Field(None, description="Names of models; all where none are listed.")
    limits: dict[str, Annotated[int, Field(ge=1)]] = Field({}, description="Requests per window, by class.")
    requests_per_day: int | None = Field(None, ge=0)
    tokens_per_day: int | None = Field(None, ge=0)
    log_prompts: bool = False


class Limits(Section):
    """How often one key may ask."""

    requests: int = Field(10, ge=1)
    window_seconds: int = Field(60, ge=1, le=3600)
    classes: dict[str, Annotated[int, Field(ge=1)]] = Field({}, description="Requests per window, by class.")
    replicas: int = Field(10, ge=1, description="The most gateways: as many share limits until they were counted.")
    gateways: str = Field("", description="A name whose addresses are the ready gateways', counted without Valkey.")


class Timeouts(Section):
    """How long is waited, for whom."""

    answer_seconds: Seconds = 30
    first_token_seconds: Seconds = 30
    idle_seconds: Seconds = 30
    stream_seconds: Seconds = 600
    connect_seconds: Seconds = 0.5
    lost_seconds: Seconds = 5
    headers_seconds: Seconds = 10
    body_seconds: Seconds = 15


class Sizes(Section):
    """How much is read."""

    body_bytes: int = Field(4 << 20, ge=1024)
    header_bytes: int = Field(32 << 10, ge=1024)
    answer_bytes: int = Field(32 << 20, ge=1024)


class Valkey(Section):
    """Where counters and cached answers are kept. Without a URL each gateway grants its share alone."""

    url: str = Field("", pattern=r"^$|^(valkey|valkeys|redis|rediss|unix)://", description="valkeys:// is TLS.")
    username: str = ""
    password_file: Path | None = None
    ca_file: Path | None = None
    timeout_seconds: Seconds = 0.25
    retry_seconds: Seconds = Field(1, description="How long it is left alone after a failure.")


class Cache(Section):
    """Which answers are kept, and for how long."""

    enabled: bool = True
    ttl_seconds: int = Field(3600, ge=1)
    entry_bytes: int = Field(256 << 10, ge=1024)


class Jwt(Section):
    """Tokens of an identity provider, taken beside API keys."""

    issuer: str = ""
    audience: str = ""
    jwks_url: str = Field("", pattern=r"^$|^https?://")
    jwks_file: Path | None = None
    ca_file: Path | None = None
    tenant_claim: str = "tenant"
    algorithms: tuple[str, ...] = ("RS256", "ES256")
    refresh_seconds: Seconds = 300

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if self.issuer and not (self.audience and (self.jwks_url or self.jwks_file)):
            raise ValueError("an issuer wants an audience, and jwks_url or jwks_file")
        if any(name.startswith("HS") or name == "none" for name in self.algorithms):
            raise ValueError(
                "only algorithms with a public key: whoever can check a shared secret can also sign with it"
            )
        return self


class Files(Section):
    """What is mounted, and what is written."""

    keys: Path | None = Field(None, description="API keys, hashed; read again when it changes.")
    flags: Path | None = Field(None, description="Feature flags in flagd's format; read again when they change.")
    usage: Path | None = Field(None, description="Usage records; standard output where none is named.")


class Server(Section):
    """How the service listens and leaves."""

    host: str = "0.0.0.0"
    port: int = Field(8000, ge=0, le=65535)
    # Longer than routers keep a connection (90 s is common): whoever closes last must not be the one who asks.
    keep_alive_seconds: int = Field(95, ge=1)
    drain_seconds: float = Field(10, ge=0, le=600, description="From SIGTERM until no connection is taken any more.")
    shutdown_seconds: int = Field(60, ge=1, description="After that, for requests that still run.")


class Telemetry(Section):
    """What is told about the service."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    access_log: bool = True
    otlp_endpoint: str = Field("", pattern=r"^$|^https?://", description="Traces are sent here; none without it.")
    service_name: str = "inference-gateway"


class Settings(Section):
    """Everything a site decides."""

    models: dict[Name, Model] = {}
    tenants: dict[Name, Tenant] = {}
    limits: Limits = Limits()
    timeouts: Timeouts = Timeouts()
    sizes: Sizes = Sizes()
    valkey: Valkey = Valkey()
    cache: Cache = Cache()
    jwt: Jwt = Jwt()
    files: Files = Files()
    server: Server = Server()
    telemetry: Telemetry = Telemetry()
    probe_seconds: Seconds = Field(5, description="How often each model is asked whether it is there.")

    @model_validator(mode="after")
    def _names_are_told_apart(self) -> Self:
        named: dict[str, str] = {}
        for name, model in self.models.items():
            for alias in (name, *model.aliases):
                if alias in named:
                    raise ValueError(f"models: {alias!r} names both {named[alias]!r} and {name!r}")
                named[alias] = name
        for tenant, of_tenant in self.tenants.items():
            unknown = sorted((of_tenant.models or frozenset()) - set(self.models))
            if unknown:
                raise ValueError(f"tenants.{tenant}.models: there is no model {unknown[0]!r}")
        return self

    def limit(self, tenant: Tenant, model_class: str) -> int:
        """Return how many requests per window a key of a tenant has for a class: the most particular number wins."""
        return tenant.limits.get(model_class) or self.limits.classes.get(model_class) or self.limits.requests
