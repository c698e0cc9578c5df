"""信息对象: the objects of the standard, one module a family, and the table from type flag to layout.

`facility` types 1-8, `uitd` 21-28, `inquiries` 61-91; `jk`, `gst`, `dahua` and `printer` are vendors'
extensions, which only a profile brings in.
"""

from collections.abc import Mapping
from typing import Final

from protocol_gateway.gb26875.layouts import Layout
from protocol_gateway.gb26875.objects import facility, inquiries, uitd

#: Every type of GB/T 26875.3-2011, both directions.
LAYOUTS: Final[Mapping[int, Layout]] = {**facility.LAYOUTS, **uitd.LAYOUTS, **inquiries.LAYOUTS}
