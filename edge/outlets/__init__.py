"""Who is told of events outside this process: the log, an MQTT broker, a webhook."""

from edge.outlets.delivery import Delivery
from edge.outlets.device import DeviceName, device_name
from edge.outlets.opening import opened_outlets

__all__ = ["Delivery", "DeviceName", "device_name", "opened_outlets"]
