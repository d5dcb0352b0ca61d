"""The smallest inventory that a command takes."""

from __future__ import annotations

HOSTS = """\
all:
  children:
    admin:
      hosts:
        admin1: {ansible_host: 192.0.2.5}
    control_plane:
      hosts:
        cp1: {ansible_host: 192.0.2.11}
  vars:
    platform_api_address: 192.0.2.10
    platform_host_networks: [192.0.2.0/24]
"""
