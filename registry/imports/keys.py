"""Keys of key files: into the vault of the meters they name."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from registry import audit
from registry.imports.meters import MEDIA
from registry.imports.report import MOST_NAMED, WHOLE_FILE, ImportMode, KeyReport, remarks
from registry.inventory import capacity
from registry.inventory.lifecycle import end_wait_for_keys
from registry.keyfiles.lines import DeviceKey, KeyFile, KeyLine
from registry.keys import NewKey, store_keys
from registry.limits import limit_of
from registry.models import Meter, MeterKey
from registry.store import Registry
from registry.vault import KeyVault


@dataclass(frozen=True, slots=True)
class _Identity:
    meter_id: str
    manufacturer: str
    serial: str
    version: str
    device_type: str

    def answers(self, line: KeyLine) -> bool:
        """Whether all that the line says of its device is true of this one."""
        asked = ((getattr(line, part.name), getattr(self, part.name)) for part in fields(self)[1:])
        return all(said is None or said == known for said, known in asked)


@dataclass(frozen=True, slots=True)
class _Miss:
    """Why a line's keys cannot be stored.

    Attributes:
        reason: Why.
        unknown: Whether it is because the device is not registered.
    """

    reason: str
    unknown: bool = False


@dataclass(slots=True)
class _Inventory:
    """Registered meters, and those that a file adds.

    Attributes:
        by_serial: Meters by serial number, which several manufacturers may have given.
        by_eui: ``meter_id`` by DevEUI.
        added: Rows of new meters.
    """

    by_serial: dict[str, list[_Identity]]
    by_eui: dict[str, str]
    added: list[dict[str, str | None]] = field(default_factory=list)

    def find(self, line: KeyLine, register: str | None) -> str | _Miss:
        """The meter of a line.

        Args:
            line: The line.
            register: State of meters that are added; ``None`` adds none.

        Returns:
            Its ``meter_id``, or why there is not exactly one.
        """
        owner = self.by_eui.get(line.device_eui or "")
        if line.serial is None:
            return owner or _Miss("not known here, and the line has no serial number", unknown=True)
        matches = [meter.meter_id for meter in self.by_serial.get(line.serial, []) if meter.answers(line)]
        if len(matches) > 1:
            return _Miss(f"ambiguous: {len(matches)} registered meters answer to what the file says")
        if owner and [owner] != matches:
            return _Miss(f"DevEUI {line.device_eui} is another meter's")
        meter_id = matches[0] if matches else self._add(line, register)
        if line.device_eui and isinstance(meter_id, str):
            self.by_eui[line.device_eui] = meter_id
        return meter_id

    def _add(self, line: KeyLine, register: str | None) -> str | _Miss:
        if register is None:
            return _Miss("not registered", unknown=True)
        parts = {part: getattr(line, part) for part in ("manufacturer", "serial", "version", "device_type")}
        missing = [part for part, said in parts.items() if said is None]
        if missing:
            return _Miss(f"not registered, and the file does not say its {' and '.join(missing)}", unknown=True)
        if len(line.model or "") > limit_of(Meter.model):
            return _Miss(f"its model is longer than {limit_of(Meter.model)} characters")
        meter = _Identity("-".join(parts.values()), **parts)
        self.by_serial.setdefault(meter.serial, []).append(meter)
        medium = MEDIA.get(meter.device_type, "other")
        self.added.append({"meter_id": meter.meter_id, **parts, "medium": medium, "model": line.model})
        return meter.meter_id


def import_keys(
    registry: Registry,
    file: KeyFile,
    *,
    organisation: str,
    identity: str,
    vault: KeyVault,
    now: datetime,
    source_name: str,
    register: str | None = None,
    mode: ImportMode = WHOLE_FILE,
) -> KeyReport:
    """Stores the keys of a key file.

    A meter may have several keys, which are tried in order; none is replaced. Of several keys that a file gives a meter
    for the same usage and time, the first is taken.

    Args:
        registry: The registry.
        file: The file.
        organisation: Owner of the meters.
        identity: Who imports.
        vault: Vault that wraps the keys.
        now: Instant of the import.
        source_name: Name of the file.
        register: State of meters that are added where the file says who they are: ``in_use`` or ``stock``; ``None``
            adds none.
        mode: Whether a rejected line refuses the file, and whether anything is stored. The profile does not count.

    Returns:
        What was done, or would be; lines of unknown devices refuse no file. What is said of a line names its device,
        never a key.

    Raises:
        RegistryError: The registry cannot be read or written.
        CapacityError: More meters would be in use than the plan allows.
    """
    with registry.begin() as session:
        inventory = _inventory(session, organisation)
        matched, unknown, rejected = _matched(file, inventory, register)
        if inventory.added:
            if register == "in_use":
                capacity.check(session, organisation, len(inventory.added))
            session.execute(
                insert(Meter),
                [
                    {"organisation": organisation, "state": register, "imported_at": now, **row}
                    for row in inventory.added
                ],
            )
        keys = [
            NewKey(
                meter_id, k.value, k.key_class, k.algorithm, k.usage, line.device_eui, line.join_eui,
                line.valid_from, line.valid_to,
            )
            for line, meter_id in matched
            for k in line.keys
        ]  # fmt: skip
        became = store_keys(session, vault, organisation, keys, now, identity=identity)
        waited = end_wait_for_keys(session, organisation, identity, now)
        counts = Counter(became)
        titles = ((line, key.title) for line, _ in matched for key in line.keys)
        repeated = [
            (line.number, f"{line.label}: the {title} is known already")
            for (line, title), what in zip(titles, became, strict=True)
            if what == "equal"
        ]
        left_out = remarks(rejected)
        stored = dict.fromkeys(key.meter_id for key, what in zip(keys, became, strict=True) if what != "equal")
        audit.record(
            session,
            organisation=organisation,
            event="keys.import",
            identity=identity,
            now=now,
            target=source_name,
            details={
                "new": counts["new"],
                "changed": counts["changed"],
                "equal": counts["equal"],
                "registered": len(inventory.added),
                "unknown": len(unknown),
                "rejected": len(rejected),
                "meter_ids": list(stored)[:MOST_NAMED],
                "meters": len(stored),
                "left_in_stock": len(waited.left),
            },
        )
        is_stored = mode.settle(session, left_out)
    return KeyReport(
        new=counts["new"],
        changed=counts["changed"],
        equal=counts["equal"],
        registered=len(inventory.added),
        repeated=remarks(repeated),
        unknown=remarks(unknown),
        rejected=left_out,
        warnings=waited.warnings,
        stored=is_stored,
    )


Remark = tuple[int, str]


def _matched(
    file: KeyFile, inventory: _Inventory, register: str | None
) -> tuple[list[tuple[KeyLine, str]], list[Remark], list[Remark]]:
    """Usable lines with their meter; lines whose device is unknown; lines that cannot be used."""
    matched: list[tuple[KeyLine, str]] = []
    unknown: list[Remark] = []
    rejected: list[Remark] = []
    taken: dict[tuple[object, ...], KeyLine] = {}
    for line in file.lines:
        found = _Miss(line.fault) if line.fault else inventory.find(line, register)
        if isinstance(found, str):
            found = _repeat(line, [taken.get(_place(found, line, key)) for key in line.keys], file) or found
        if isinstance(found, _Miss):
            remark = line.number, f"{line.label}: {found.reason}" if line.label else found.reason
            (unknown if found.unknown else rejected).append(remark)
            continue
        taken.update({_place(found, line, key): line for key in line.keys})
        matched.append((line, found))
    return matched, unknown, rejected


def _place(meter_id: str, line: KeyLine, key: DeviceKey) -> tuple[object, ...]:
    """What a file may give a meter one key for."""
    return meter_id, key.key_class, key.usage, line.valid_from, line.valid_to


def _repeat(line: KeyLine, earlier: Sequence[KeyLine | None], file: KeyFile) -> _Miss | None:
    """Why a line is refused that speaks of a key which an earlier line has given."""
    before = next((found for found in earlier if found is not None), None)
    if before is None:
        return None
    same = set(line.keys) <= set(before.keys)
    said = "gave the same key" if same else "gave another key, which is taken"
    return _Miss(f"duplicate: {file.unit} {before.number} {said}")


def _inventory(session: Session, organisation: str) -> _Inventory:
    by_serial: dict[str, list[_Identity]] = {}
    columns = (getattr(Meter, part.name) for part in fields(_Identity))
    for row in session.execute(select(*columns).where(Meter.organisation == organisation)):
        meter = _Identity(*row)
        by_serial.setdefault(meter.serial, []).append(meter)
    euis = session.execute(
        select(MeterKey.device_eui, MeterKey.meter_id).where(
            MeterKey.organisation == organisation, MeterKey.device_eui.is_not(None)
        )
    )
    return _Inventory(by_serial, {eui: meter_id for eui, meter_id in euis if eui})
