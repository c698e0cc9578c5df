"""The words of a text message and of a call, from a Card. Pure drawing; what a carrier may send is decided here.

The rule: a text for mainland China is complete without a link and fits one UCS-2 part of 70 units with its signature;
what is too long is cut so that place, time and code stay. A call says the place before anything else, twice.

A template filed with a carrier is the sentence below with its variables, so that what people read is the same
whichever carrier sends it: `templates()` lists them as they are to be filed.
"""

import re
from typing import Final

from backend.core.i18n import DEFAULT_LANGUAGE, N_, translate
from backend.core.vocabulary import SEVERITY_LABELS, Severity
from backend.delivery.carrier_codes import short_code
from backend.delivery.model import LONGEST_LINE, Card, Delivery, NoticeKind
from backend.people.rules import CHINA, e164
from workers.channels.ports import Call, Purpose, Sms
from workers.channels.speaking import spoken_time, spoken_words

#: UTF-16 units in one part of a text message, and GSM-7 characters where all are of that alphabet
UCS2_PART: Final = 70
GSM7_PART: Final = 160
#: the longest signature that Chinese carriers file, without its brackets
LONGEST_SIGN: Final = 12
#: the longest value of a template's variable (Aliyun, attribute "others")
LONGEST_VALUE: Final = LONGEST_LINE
ABSENT: Final = "-"
#: the variables of every template, in the order in which they are filed
PARTS: Final = ("where", "what", "time", "unit", "code")
KEYS: Final = ("1", "2", "3", "*")

TEMPLATES: Final = {
    Purpose.FIRE: N_("火警 {where} {what} {time} {unit} 请立即核实 回复1确认 2误报 码{code}"),
    Purpose.ABNORMAL: N_("异常 {where} {what} {time} {unit} 请处理 回复1确认 2误报 码{code}"),
    Purpose.FAULT: N_("故障 {where} {what} {time} {unit} 请处理 回复1确认 2误报 码{code}"),
    Purpose.OFFLINE: N_("离线 {where} {what} {time} {unit} 请检查 回复1确认 2误报 码{code}"),
    Purpose.RESTORED: N_("已恢复 {where} {what} {time} {unit} 码{code}"),
    Purpose.STORM: N_("多处报警 {where} {what} {time} {unit} 请查看 回复1确认 码{code}"),
    Purpose.NOTE: N_("通知 {where} {what} {time} {unit} 码{code}"),
}
SENTENCES: Final = {
    Purpose.FIRE: N_("{where}，{what}。{unit}，{time}。请立即核实。"),
    Purpose.RESTORED: N_("{where}，{what}，已恢复。{unit}，{time}。"),
    Purpose.NOTE: N_("{where}，{what}。{unit}，{time}。"),
}
_SENTENCE: Final = N_("{where}，{what}。{unit}，{time}。请处理。")
_PROMPT: Final = N_("按1确认，按2误报，按3转值班室，按星号重听。")

_PURPOSE_OF: Final = {
    Severity.FIRE: Purpose.FIRE,
    Severity.ABNORMAL: Purpose.ABNORMAL,
    Severity.FAULT: Purpose.FAULT,
    Severity.OFFLINE: Purpose.OFFLINE,
}
#: what a notice is about decides before its severity does; kinds are named by their values, for more may be added
_PURPOSE_OF_KIND: Final = {
    "raised": None,
    "desk": None,
    "overdue": None,
    "restored": Purpose.RESTORED,
    "digest": Purpose.STORM,
}
_WITHOUT_ANSWER: Final = frozenset({Purpose.RESTORED, Purpose.NOTE})
#: who gets room first, and how much at most
_ROOM: Final = (("where", LONGEST_VALUE), ("unit", 14), ("what", 20))
_SPOKEN_ROOM: Final = (("where", 60), ("what", 40), ("unit", 30), ("time", 12))
_LONGEST_BANNER: Final = 8
_UNSAID: Final = (N_("点表中没有此部件"), N_("由文字识别，请核实"))

_GSM7: Final = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
#: two septets each
_GSM7_EXTENDED: Final = frozenset("^{}\\[~]|€")

_SPACES: Final = re.compile(r"[\s\x00-\x1f\x7f]+")
#: carriers refuse links, addresses and a second pair of signature brackets in a variable
_SCHEME: Final = re.compile(r"(?:[a-z]+://|www\.)", re.IGNORECASE)
_DOTTED: Final = re.compile(r"(?<=[A-Za-z0-9-])\.(?=[A-Za-z]{2})|(?<=[A-Za-z])\.(?=[A-Za-z0-9])")
_ADDRESS: Final = re.compile(r"[0-9]+(?:\.[0-9]+){2,}")
_BRACKETS: Final = str.maketrans({"【": "(", "】": ")", "{": "(", "}": ")"})


def sms_of(delivery: Delivery, *, sign: str) -> Sms:
    """The text message for a delivery. Chinese carriers want a signature; elsewhere the sender's name says it.

    To mainland China the sentence is Chinese, as it was filed; the names in it are as the person's card has them.
    """
    phone = e164(delivery.address)
    is_chinese = phone.startswith(CHINA)
    language = DEFAULT_LANGUAGE if is_chinese else delivery.language
    purpose = purpose_of(delivery)
    signature = f"【{sign}】" if is_chinese and sign else ""
    template = f"{signature}{translate(TEMPLATES[purpose], language)}"
    parts = _fitted(template, _values(delivery))
    return Sms(
        attempt=delivery.attempt,
        number=delivery.number,
        phone=phone,
        purpose=purpose,
        text=template.format(**parts),
        parts=tuple((name, parts[name]) for name in PARTS),
    )


def call_of(delivery: Delivery) -> Call:
    """The call for a delivery: the place first, numbers and times as they are spoken."""
    purpose, language, card = purpose_of(delivery), delivery.language, delivery.card
    values = _values(delivery)
    said = (_banner(delivery), _clean(card.headline), values["what"])
    comma = "，" if language == DEFAULT_LANGUAGE else ", "
    values["what"] = comma.join(dict.fromkeys(each for each in said if each not in {"", ABSENT})) or ABSENT
    values["where"] = _clean(card.short or card.where)
    spoken = {name: spoken_words(values[name], language) for name in ("where", "what", "unit")}
    spoken["time"] = spoken_time(card.raised_at, language) if card.raised_at else ABSENT
    spoken |= {name: _cut(spoken[name], most) for name, most in _SPOKEN_ROOM}
    has_keys = purpose not in _WITHOUT_ANSWER
    return Call(
        attempt=delivery.attempt,
        number=delivery.number,
        phone=e164(delivery.address),
        purpose=purpose,
        language=language,
        sentence=translate(SENTENCES.get(purpose, _SENTENCE), language).format(**spoken),
        prompt=translate(_PROMPT, language) if has_keys else "",
        parts=tuple((name, spoken[name]) for name, _ in _SPOKEN_ROOM),
        keys=KEYS if has_keys else (),
    )


def purpose_of(delivery: Delivery) -> Purpose:
    """Which filed template says it. What is no alarm never goes out as one."""
    return _PURPOSE_OF_KIND.get(delivery.kind, Purpose.NOTE) or _PURPOSE_OF[delivery.severity]


def templates(placeholder: str = "${{{name}}}") -> dict[Purpose, str]:
    """Every template as a carrier is to file it; Aliyun's variables are `${name}`."""
    filled = {name: placeholder.format(name=name, index=index) for index, name in enumerate(PARTS, start=1)}
    return {purpose: template.format(**filled) for purpose, template in TEMPLATES.items()}


def units(text: str) -> int:
    """UTF-16 units, which is how carriers count a text that is not of the GSM-7 alphabet."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def parts_needed(text: str) -> int:
    """In how many parts a carrier sends it: parts of several are shorter by their numbering."""
    if _is_gsm7(text):
        size, one, each = len(text) + sum(c in _GSM7_EXTENDED for c in text), GSM7_PART, GSM7_PART - 7
    else:
        size, one, each = units(text), UCS2_PART, UCS2_PART - 3
    return 1 if size <= one else -(-size // each)


def _is_gsm7(text: str) -> bool:
    return all(c in _GSM7 or c in _GSM7_EXTENDED for c in text)


def _values(delivery: Delivery) -> dict[str, str]:
    """What the variables say, as long as it is."""
    card, banner = delivery.card, _banner(delivery)
    where = _clean(card.short or card.where)
    return {
        "where": f"({banner}){where}" if banner else where,
        "what": _clean(_what(card, delivery)),
        "time": card.raised_at.strftime("%H:%M:%S") if card.raised_at else ABSENT,
        "unit": _clean(card.unit),
        "code": short_code(delivery.number),
    }


def _banner(delivery: Delivery) -> str:
    """That it is a test, a stranger's or an old one; what the point table lacks helps nobody who has to run."""
    unsaid = {translate(each, delivery.language) for each in _UNSAID}
    said = [each for each in delivery.card.banner.split(" · ") if each not in unsaid]
    banner = _cut(_clean(said[0]), _LONGEST_BANNER) if said else ABSENT
    return "" if banner == ABSENT else banner


def _what(card: Card, delivery: Delivery) -> str:
    """What it is, beyond what the template says already: the kind of component of a fire, else which trouble."""
    kind, _, _title = card.what.partition(" · ")
    if card.headline == translate(SEVERITY_LABELS[card.severity], delivery.language) and kind != card.what:
        return kind if delivery.kind is not NoticeKind.RESTORED else card.headline
    return card.headline


def _clean(text: str) -> str:
    """One line without anything that carriers refuse in a variable; never empty."""
    text = text.encode("utf-16", "ignore").decode("utf-16", "ignore").translate(_BRACKETS)
    text = _DOTTED.sub(" ", _ADDRESS.sub(lambda found: found[0].replace(".", "-"), _SCHEME.sub(" ", text)))
    return _SPACES.sub(" ", text).strip() or ABSENT


def _fitted(template: str, values: dict[str, str]) -> dict[str, str]:
    """Values cut to what one part leaves. GSM-7 texts have more room; each variable keeps one character at least."""
    whole = template.format(**{name: _cut(value, LONGEST_VALUE) for name, value in values.items()})
    if _is_gsm7(whole) and parts_needed(whole) == 1:
        return {name: _cut(value, LONGEST_VALUE) for name, value in values.items()}
    bare = template.format(**dict.fromkeys(PARTS, "") | {name: values[name] for name in ("time", "code")})
    left = UCS2_PART - units(bare)
    fitted = dict(values)
    for index, (name, most) in enumerate(_ROOM):
        kept_for_others = len(_ROOM) - 1 - index
        fitted[name] = _cut(values[name], max(1, min(most, left - kept_for_others)))
        left -= units(fitted[name])
    return fitted


def _cut(text: str, most: int) -> str:
    """At most so many UTF-16 units, with a dot where something is missing; half a character is never kept."""
    if units(text) <= most:
        return text
    kept = text
    while kept and units(kept) > most - 1:
        kept = kept[:-1]
    return f"{kept.rstrip()}…" if kept else ABSENT
