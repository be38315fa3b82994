"""A Python client for field devices: stores first, syncs when there is a network, says what is durable."""

from webhost_sync.device.device import Device, DeviceSettings
from webhost_sync.device.status import DeviceStatus
from webhost_sync.device.tracks import Retention

__all__ = ["Device", "DeviceSettings", "DeviceStatus", "Retention"]
