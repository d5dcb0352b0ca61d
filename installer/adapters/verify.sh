#!/bin/sh
# Checks this bundle with nothing but ssh-keygen, sha256sum, find and sed: sh verify.sh ALLOWED_SIGNERS [BUNDLE]
# Take this script from a place you trust: one that lies in a forged bundle is forged too.
set -eu
signers=$(realpath "${1:?give the file of allowed signers}")
cd "${2:-$(dirname "$0")}"
list=$(mktemp) && trap 'rm -f "$list" "$list.named"' EXIT
refuse() { echo "REFUSED: $1" >&2; exit 7; }
field() { sed -n "s/^$1: //p" RELEASE; }
digests() { sha256sum --check --quiet --strict - >&2 || refuse "$1"; }
armour() { echo "-----BEGIN SSH SIGNATURE-----"; sed '/^-/d' RELEASE.sig | base64 -d | base64 -w 70; echo "-----END SSH SIGNATURE-----"; }
[ -z "$(find . ! -type d ! -type f)" ] || refuse "a link or a special file was added"
[ -f RELEASE ] && [ -f RELEASE.sig ] || refuse "RELEASE or its signature is missing"
armour 2>/dev/null | cmp -s - RELEASE.sig || refuse "RELEASE.sig is damaged"
who=$(ssh-keygen -Y find-principals -s RELEASE.sig -n platform-bundle -f "$signers" 2>/dev/null | head -n 1) || true
[ -n "$who" ] || refuse "no trusted signer signed RELEASE"
ssh-keygen -q -Y verify -I "$who" -s RELEASE.sig -n platform-bundle -f "$signers" < RELEASE >&2 || refuse "the signature does not fit"
[ "$(date -u +%Y%m%d%H%M%S)" -le "$(field expires | tr -dc 0-9)" ] || refuse "expired $(field expires)"
echo "$(field manifest | sed 's/^sha256://')  manifest.json" | digests "manifest.json is not the one signed"
echo "$(field checksums | sed 's/^sha256://')  SHA256SUMS" | digests "SHA256SUMS is not the one signed"
{ cat SHA256SUMS; sed -n 's/^signed: sha256:\([0-9a-f]*\) /\1  /p' RELEASE; } > "$list"
digests "a file is damaged or missing" < "$list"
{ sed 's/^[0-9a-f]*  /.\//' "$list"; printf './%s\n' RELEASE RELEASE.sig manifest.json SHA256SUMS; } | sort > "$list.named"
find . ! -type d | sort | cmp -s - "$list.named" || refuse "a file was added"
echo "good: $(field id), sequence $(field sequence), signed by $who, until $(field expires)"
