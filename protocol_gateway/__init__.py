"""The edge towards the devices: octets become frames, frames become reports."""
