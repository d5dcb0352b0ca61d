"""A host with GPUs, made of files and of what programs say: healthy, and as one fault at a time leaves it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from xml.sax.saxutils import escape

from ansible_collections.platform.base.plugins.module_utils.preflight_probes.root import Root

from tests.unit.preflight.hosts import Programs, host

KERNEL = "6.12.107+deb13-amd64"
DRIVER = "550.163.01"
ADDRESSES = ("0000:17:00.0", "0000:65:00.0")
_PORTS = {"0000:17:00.0": "pci0000:15/0000:15:01.0", "0000:65:00.0": "pci0000:63/0000:63:01.0"}
_SWITCH = "0000:05:00.0"
_SECURE_BOOT = "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"
_GIB = 1 << 30
# What the tool tells of a GPU, by path and in its own words; the paths are those of its document for releases from 535.
_REPORT = {
    "product_name": "NVIDIA H200",
    "ecc_mode/current_ecc": "Enabled",
    "ecc_mode/pending_ecc": "Enabled",
    "ecc_errors/volatile/sram_correctable": "0",
    "ecc_errors/volatile/sram_uncorrectable_parity": "0",
    "ecc_errors/volatile/sram_uncorrectable_secded": "0",
    "ecc_errors/volatile/dram_correctable": "2",
    "ecc_errors/volatile/dram_uncorrectable": "0",
    "retired_pages/multiple_single_bit_retirement/retired_count": "N/A",
    "retired_pages/double_bit_retirement/retired_count": "N/A",
    "retired_pages/pending_retirement": "N/A",
    "remapped_rows/remapped_row_corr": "0",
    "remapped_rows/remapped_row_unc": "0",
    "remapped_rows/remapped_row_pending": "No",
    "remapped_rows/remapped_row_failure": "No",
    "utilization/gpu_util": "0 %",
    "temperature/gpu_temp": "31 C",
    "gpu_power_readings/power_draw": "76.11 W",
    "gpu_power_readings/current_power_limit": "700.00 W",
    "gpu_power_readings/default_power_limit": "700.00 W",
    "clocks_event_reasons/clocks_event_reason_gpu_idle": "Active",
    "clocks_event_reasons/clocks_event_reason_hw_thermal_slowdown": "Not Active",
    "clocks_event_reasons/clocks_event_reason_hw_power_brake_slowdown": "Not Active",
    "clocks_event_reasons/clocks_event_reason_sw_thermal_slowdown": "Not Active",
    "fabric/state": "Completed",
    "fabric/status": "Success",
}


@dataclass
class GpuHost:
    """A healthy host with two GPUs behind NVLink switches; a fault changes files, links, answers or reports."""

    files: dict[str, str | bytes] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    says: dict[str, str] = field(default_factory=dict)
    reports: dict[str, str] = field(default_factory=dict)
    without: tuple[str, ...] = ()
    driver: bool = True

    def root(self, folder: Path) -> Root:
        """Write the host's files into a folder."""
        files, links = _files(), _links()
        if self.driver:
            files["/sys/module/nvidia/version"] = f"{DRIVER}\n"
        files.update(self.files)
        links.update(self.links)
        kept = {path: content for path, content in files.items() if not path.startswith(self.without or ("\0",))}
        led = {path: target for path, target in links.items() if not path.startswith(self.without or ("\0",))}
        return host(folder, kept, led)

    def programs(self) -> Programs:
        """Return what the host's programs say."""
        says = {
            "mokutil --test-key": "/var/lib/dkms/mok.pub is already enrolled\n",
            "gcc -dumpversion": "14\n",
            "systemctl is-active nvidia-fabricmanager": "active\n" if self.driver else "inactive\n",
            "journalctl": "NVRM: Xid (PCI:0000:17:00): 31, pid=4711, name=python3, Ch 00000008, MMU Fault\n",
        }
        if self.driver:
            says["nvidia-smi -q -x"] = smi(self.reports)
        return Programs({**says, **self.says})


def _device(address: str, kind: str, identity: str) -> dict[str, str | bytes]:
    place = f"/sys/devices/{_PORTS.get(address, 'pci0000:00/0000:00:02.0')}/{address}"
    return {f"{place}/vendor": "0x10de\n", f"{place}/class": f"{kind}\n", f"{place}/device": f"{identity}\n"}


def _files() -> dict[str, str | bytes]:
    found: dict[str, str | bytes] = {
        "/etc/os-release": "ID=debian\nVERSION_CODENAME=trixie\n",
        "/proc/sys/kernel/osrelease": f"{KERNEL}\n",
        "/proc/version": f"Linux version {KERNEL} (a@example.com) (x86_64-linux-gnu-gcc-14 (Debian 14.2.0-9) 14.2.0)\n",
        f"/usr/src/linux-headers-{KERNEL}/Makefile": "",
        "/var/lib/dkms/mok.pub": b"\x30\x82",
        _SECURE_BOOT: b"\x06\x00\x00\x00\x01",
        **_device(_SWITCH, "0x068000", "0x22a3"),
    }
    for number, address in enumerate(ADDRESSES):
        place = f"/sys/devices/{_PORTS[address]}"
        found |= _device(address, "0x030200", "0x2335")
        found |= {
            f"{place}/max_link_speed": "32.0 GT/s PCIe\n",
            f"{place}/{address}/max_link_speed": "32.0 GT/s PCIe\n",
            # Idle, as GPUs are before anything runs.
            f"{place}/{address}/current_link_speed": "2.5 GT/s PCIe\n",
            f"{place}/{address}/current_link_width": "16\n",
            f"{place}/{address}/max_link_width": "16\n",
            f"{place}/{address}/resource": resource(256),
            f"/sys/kernel/iommu_groups/{20 + number}/type": "identity\n",
        }
    return found


def _links() -> dict[str, str]:
    links = {
        f"/lib/modules/{KERNEL}/build": f"/usr/src/linux-headers-{KERNEL}",
        f"/sys/bus/pci/devices/{_SWITCH}": f"../../../devices/pci0000:00/0000:00:02.0/{_SWITCH}",
    }
    for number, address in enumerate(ADDRESSES):
        place = f"/sys/devices/{_PORTS[address]}/{address}"
        links[f"/sys/bus/pci/devices/{address}"] = f"../../../devices/{_PORTS[address]}/{address}"
        links[f"{place}/iommu_group"] = f"../../../../kernel/iommu_groups/{20 + number}"
        links[f"{place}/driver"] = "../../../../bus/pci/drivers/nvidia"
    return links


def at(address: str, name: str) -> str:
    """Return where a file of a GPU is."""
    return f"/sys/devices/{_PORTS[address]}/{address}/{name}"


def above(address: str, name: str) -> str:
    """Return where a file of the port is that a GPU hangs on."""
    return f"/sys/devices/{_PORTS[address]}/{name}"


def resource(gib: int) -> str:
    """Return a GPU's windows as the kernel lists them: registers, and so much of its memory."""
    start = 0x20000000000
    rows = [
        (0x1F000000, 0x1FFFFFFF, 0x40200),
        (start, start + gib * _GIB - 1, 0x14220C) if gib else (0, 0, 0),
        (0, 0, 0),
    ]
    return "".join(f"0x{first:016x} 0x{last:016x} 0x{flags:016x}\n" for first, last, flags in rows)


def smi(changes: Mapping[str, str], version: str = DRIVER) -> str:
    """Return what the driver's tool tells of every GPU; the changes are the first one's."""
    reports = ({**_REPORT, **changes}, _REPORT)
    gpus = [
        f'<gpu id="00000000:{address.partition(":")[2].upper()}">{_nested(report)}</gpu>'
        for address, report in zip(ADDRESSES, reports, strict=True)
    ]
    head = '<?xml version="1.0" ?>\n<!DOCTYPE nvidia_smi_log SYSTEM "nvsmi_device_v12.dtd">\n'
    count = f"<attached_gpus>{len(gpus)}</attached_gpus>"
    return f"{head}<nvidia_smi_log><driver_version>{version}</driver_version>{count}{''.join(gpus)}</nvidia_smi_log>\n"


def _nested(entries: Mapping[str, str]) -> str:
    """Return elements in elements, out of their paths."""
    inner: dict[str, dict[str, str]] = {}
    for path, text in entries.items():
        first, _, rest = path.partition("/")
        inner.setdefault(first, {})[rest] = text
    return "".join(
        f"<{name}>{escape(parts['']) if '' in parts else _nested(parts)}</{name}>" for name, parts in inner.items()
    )
