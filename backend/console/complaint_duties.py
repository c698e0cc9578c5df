"""`/complaint-duties`: which complaint handler is there for which kinds, set by who administers or leads quality."""

from litestar import Response, get
from litestar.di import NamedDependency

from backend.complaints.routing import duties_for
from backend.console.pages import draw, draw_refusal
from backend.console.phone import frame, to_the_door
from backend.core.errors import NotSignedIn, Refused
from backend.core.i18n import translate
from backend.core.settings import Settings
from backend.core.vocabulary import COMPLAINT_LABELS, ComplaintKind
from backend.people.model import Person


@get("/complaint-duties", include_in_schema=False, exception_handlers={NotSignedIn: to_the_door, Refused: draw_refusal})
async def complaint_duties(
    *,
    person: NamedDependency[Person],
    settings: NamedDependency[Settings],
    is_demo: NamedDependency[bool],
) -> Response[str]:
    """Every handler with a tick at each kind that is theirs; none ticked: all kinds."""
    return draw(
        "complaint_duties.html",
        **await frame(person, settings, is_demo=is_demo),
        seat="desk",
        handlers=await duties_for(person),
        kinds=[(str(each), translate(COMPLAINT_LABELS[each], person.language)) for each in ComplaintKind],
    )
