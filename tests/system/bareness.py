"""What a host looks like from outside of what we install: equal before an installation and after its removal."""

from __future__ import annotations

from tests.system.site import HOSTS, LabSite

# What runs or grows on any server, whoever is at work on it.
_VOLATILE = (
    "/etc/ld.so.cache", "/etc/.pwd.lock", "/etc/mtab", "/etc/passwd-", "/etc/group-", "/etc/shadow-", "/etc/gshadow-",
    "/var/lib/systemd", "/var/lib/apt", "/var/lib/dpkg", "/var/lib/pam", "/var/lib/ucf", "/var/lib/private",
    "/root/.ansible",
)  # fmt: skip
_OURSELVES = "ps|sh|grep|sshd.*|sftp-server|sort|systemd.*|\\(sd-pam\\)|cat|dbus.*|agetty"

_SCRIPT = f"""
set -u
echo "[packages]"; dpkg-query -W -f '${{Package}} ${{Version}} ${{Status}}\\n' | sort
echo "[files]"
find /etc /usr/local /opt /srv /root /var/lib /home -xdev \
  \\( {" -o ".join(f"-path {path}" for path in _VOLATILE)} \\) -prune \
  -o -type f -exec sha256sum {{}} + -o -type l -printf 'link %p %l\\n' | sort -k2
echo "[mounts below them]"; grep -E ' /(etc|usr|opt|srv|root|var/lib)/' /proc/mounts | cut -d' ' -f2 | sort
echo "[units]"; systemctl list-unit-files --state=enabled --no-legend --plain | sort
echo "[failed]"; systemctl list-units --failed --no-legend --plain
echo "[rules]"; nft list ruleset
echo "[links]"; ip -o link show | sed 's/@.*//; s/^[0-9]*: //; s/:.*//' | sort
echo "[routes]"; ip route show table all | grep -v -e ' cache' -e '^broadcast' | sort
echo "[policies]"; ip rule
echo "[settings]"; cat /proc/sys/net/ipv4/ip_forward /proc/sys/net/bridge/bridge-nf-call-iptables
echo "[users]"; getent passwd; getent group
echo "[processes]"; ps -eo comm= | grep -v -E '^({_OURSELVES})$' | sort -u
"""


def appearance(site: LabSite, host: str) -> list[str]:
    """Return a host's packages, files, units, rules, links, settings, users and processes, a line each."""
    section, lines = "", []
    for line in site.on(host, _SCRIPT).splitlines():
        if line.startswith("["):
            section = line
        else:
            lines.append(f"{section} {line}")
    return lines


def differences(site: LabSite, before: dict[str, list[str]]) -> list[str]:
    """Return what of the hosts is new, and what is gone."""
    found = []
    for host in HOSTS:
        now = appearance(site, host)
        found += [f"new on {host}: {line}" for line in sorted(set(now) - set(before[host]))]
        found += [f"gone from {host}: {line}" for line in sorted(set(before[host]) - set(now))]
    return found
