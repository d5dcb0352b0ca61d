"""Versions of models in a site's registry of models."""

from __future__ import annotations

from dataclasses import dataclass

STAGES = ("dev", "staging", "production")


@dataclass(frozen=True)
class RegisteredVersion:
    """One version of a model, as the registry of models has it.

    Attributes:
        number: the registry's own.
        image: where its bytes are.
        digest: of the image, as it was registered.
        found: the digest that the site's registry of images has; empty where it has none, or was not asked.
        created: when it was registered, in seconds since 1970.
        aliases: the stages that point to it, and whatever else does.
        served: whether a model runs of it.
        replaces: the version it took over from.
        production_since: since when it is, or when it last came, in production; empty when it never was.
    """

    name: str
    number: str
    version: str
    image: str
    digest: str
    created: float
    aliases: tuple[str, ...] = ()
    found: str = ""
    served: bool = False
    engine: str = ""
    licence: str = ""
    base_model: str = ""
    quantisation: str = ""
    replaces: str = ""
    production_since: str = ""

    def __str__(self) -> str:
        return f"{self.name} {self.version or f'number {self.number}'}"


@dataclass(frozen=True)
class CatalogLook:
    """What a registry of models has.

    Attributes:
        differs: in words, where it and what the site has do not agree.
    """

    versions: tuple[RegisteredVersion, ...]
    differs: tuple[str, ...]


@dataclass(frozen=True)
class Promotion:
    """An alias that was moved, or would be.

    Attributes:
        version: as it was before.
        stage: the alias.
        before: the version that the alias pointed to; empty when to none.
        moved: whether it was another one.
    """

    version: RegisteredVersion
    stage: str
    before: str
    moved: bool


@dataclass(frozen=True)
class Collection:
    """Versions that nobody needs.

    Attributes:
        deleted: those that were deleted, or would be.
        kept: why each of the others stays.
    """

    deleted: tuple[RegisteredVersion, ...]
    kept: dict[str, str]
