"""The list of this edge's controllers, for the composition root."""

from typing import Final

from miniprogram_api.alarm_routes import Alarms
from miniprogram_api.complaint_routes import Complaints
from miniprogram_api.duty_routes import DUTY
from miniprogram_api.facility_routes import Facilities
from miniprogram_api.inbox_routes import Inbox
from miniprogram_api.linking_routes import Linking
from miniprogram_api.mask_routes import Masks, Windows
from miniprogram_api.session import Sessions
from miniprogram_api.work_order_routes import WorkOrders

ROUTES: Final = [Sessions, Inbox, Alarms, Facilities, Linking, Masks, Windows, WorkOrders, Complaints, *DUTY]
