"""Units' own policies (通知策略): read with a batch in one query, changed by people with the right."""

from collections.abc import Iterable
from functools import lru_cache
from typing import Final

import msgspec

from backend.core import clock
from backend.core.db.engine import fetch, fetch_one, transaction
from backend.core.errors import BadInput, Conflict
from backend.core.i18n import N_
from backend.core.ids import PersonId, UnitId, new_id
from backend.core.vocabulary import Severity
from backend.delivery.policy import POLICIES, Policy, TargetKind, require_sound
from backend.ledger.service import record_action
from backend.people.doors import require
from backend.people.model import Person, Right
from backend.people.queries import people_who_may_see
from backend.rota.queries import schedules_of

_OWN: Final = "select unit, severity, document from policies where unit = any($1)"
_STANDING: Final = "select severity, document, version from policies where unit = $1"
_PUT: Final = """
    insert into policies (id, unit, severity, document, version, changed_at) values ($1, $2, $3, $4::jsonb, 1, $6)
    on conflict (unit, severity) do update
        set document = excluded.document, version = policies.version + 1, changed_at = excluded.changed_at
        where policies.version = $5
    returning version"""
_encode = msgspec.json.Encoder(order="deterministic").encode
_decode = msgspec.json.Decoder(Policy).decode


class UnitPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """What holds in a unit for a severity; version 0 is the provider's default."""

    severity: Severity
    policy: Policy
    version: int


@lru_cache(maxsize=512)
def policy_from(document: str) -> Policy:
    """A policy from its row; many rows hold the same one."""
    return _decode(document)


@lru_cache(maxsize=512)
def document_of(policy: Policy) -> str:
    """A policy as its row holds it."""
    return _encode(policy).decode()


async def policies_of(units: Iterable[UnitId | None]) -> dict[tuple[UnitId | None, Severity], Policy]:
    """What holds for these units, by severity, in one query."""
    wanted = list(units)
    found = {(unit, severity): POLICIES[severity] for unit in wanted for severity in Severity}
    named = [unit for unit in wanted if unit is not None]
    for row in await fetch(_OWN, named) if named else []:
        found[row["unit"], Severity(row["severity"])] = policy_from(row["document"])
    return found


async def policies_for(person: Person, unit: UnitId) -> list[UnitPolicy]:
    """What holds in a unit. Raises `NotFound` when it is not the person's."""
    require(person, Right.SEE, unit)
    own = {row["severity"]: row for row in await fetch(_STANDING, unit)}
    return [
        UnitPolicy(
            severity=severity,
            policy=policy_from(own[severity]["document"]) if severity in own else POLICIES[severity],
            version=own[severity]["version"] if severity in own else 0,
        )
        for severity in Severity
    ]


async def set_policy(person: Person, unit: UnitId, severity: Severity, policy: Policy, version: int) -> int:
    """Change what holds from the next alarm on; `version` is the one that was read. Answers the new version.

    Raises `NotFound`, `NotAllowed`, `PolicyRefused`, `BadInput` for people or schedules that are not the unit's,
    `Conflict` when somebody changed it meanwhile.
    """
    require(person, Right.PLAN, unit)
    require_sound(policy, severity)
    async with transaction():
        await _require_of_unit(unit, policy)
        now = clock.now()
        row = await fetch_one(_PUT, new_id(), unit, str(severity), document_of(policy), version, now)
        if row is None or row["version"] != version + 1:
            raise Conflict(N_("通知策略已被他人修改，请刷新后再改"))
        facts = {"unit": str(unit), "severity": str(severity), "version": row["version"]}
        await record_action(person.code, "policy.changed", {**facts, "policy": msgspec.to_builtins(policy)})
    return int(row["version"])


async def _require_of_unit(unit: UnitId, policy: Policy) -> None:
    targets = [target for step in policy.steps for target in step.targets if target.id is not None]
    people = {PersonId(each.id) for each in targets if each.kind is TargetKind.PERSON and each.id}
    schedules = {each.id for each in targets if each.kind is TargetKind.SCHEDULE}
    if people - await people_who_may_see(unit, people):
        raise BadInput(N_("通知对象应在该单位或服务机构有角色"))
    if schedules and schedules - {each.id for each in await schedules_of([unit])}:
        raise BadInput(N_("该单位没有这张值班表"))
