"""One TOML file that makes an installed device that of a site: on the boot partition, or given to install."""

from edge.provisioning.site import Site, TokenHash, Wifi, read_site

__all__ = ["Site", "TokenHash", "Wifi", "read_site"]
