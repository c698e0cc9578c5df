"""The list of this edge's routes, for the composition root."""

from typing import Final

from litestar.datastructures import CacheControlHeader
from litestar.static_files import create_static_files_router

from backend.console.complaint_duties import complaint_duties
from backend.console.complaints import ComplaintPages, DeskComplaintPages
from backend.console.contacts import ContactPages, send_trial, unbind_group, unlink_chat
from backend.console.deadlines import DeadlinePages, note_breach
from backend.console.desk import DeskPages, adopt_device
from backend.console.duty import DUTY
from backend.console.entering import DOORS
from backend.console.facilities import DeskFacilityPages, FacilityPages
from backend.console.links import DeskLinkPages, LinkPages
from backend.console.masking import DeskMaskPages, MaskPages
from backend.console.orders import DeskOrderPages, OrderPages
from backend.console.pages import HERE
from backend.console.phone import PhonePages
from backend.console.reach import DeskReachPages, ReachPages
from backend.console.reach_acts import DeskReachActs, ReachActs
from backend.console.status import DeskStatusPages, StatusPages, chart

STATIC: Final = create_static_files_router(
    path="/static",
    directories=[HERE / "static"],
    name="static",
    cache_control=CacheControlHeader(no_cache=True),
)
_REACH: Final = [ReachPages, DeskReachPages, ReachActs, DeskReachActs]
ROUTES: Final = [
    PhonePages,
    DeskPages,
    FacilityPages,
    DeskFacilityPages,
    MaskPages,
    DeskMaskPages,
    OrderPages,
    DeskOrderPages,
    LinkPages,
    DeskLinkPages,
    DeadlinePages,
    adopt_device,
    note_breach,
    ComplaintPages,
    DeskComplaintPages,
    complaint_duties,
    ContactPages,
    send_trial,
    unbind_group,
    unlink_chat,
    StatusPages,
    DeskStatusPages,
    chart,
    *DUTY,
    *_REACH,
    *DOORS,
    STATIC,
]
