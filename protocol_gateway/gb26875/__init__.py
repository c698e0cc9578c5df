"""GB/T 26875.3-2011, sans-IO: octets in, frames and objects out, and back.

The rule of this package: no sockets, no clock, no logging, no event loop. Time is an argument, what came
is returned, and what a device gets wrong is either a `RemoteFrameError` or a named deviation.

Read in this order: `frame`, `buffer`, `objects`, `decode`, `profiles`, `link`.
"""
