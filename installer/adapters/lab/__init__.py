"""Bare hosts on this machine: systemd-nspawn machines in a sealed network."""
