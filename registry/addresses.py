"""The address check: where the addresses of customers are, by a file of all addresses that there are.

Each customer's place is looked up once, in portions that are stored one by one; the next time goes on where a crash
stopped.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from registry import audit
from registry.customer_versions import keep_versions
from registry.errors import RegistryError
from registry.models import Customer
from registry.store import Registry
from registry.vault import KeyVault

STATES = {
    "ok": "OK",
    "not_found": "not found",
    "no_place": "–",
    "alternatives": "alternative addresses found",
    "manual": "set by hand",
}
"""States of coordinates as people see them; ``no_place`` had neither postal code nor city to search in."""

COLUMNS = ("street", "number", "postal_code", "city", "latitude", "longitude")
"""Columns of the address register."""

MOST_ALTERNATIVES = 20
AT_ONCE = 5000

_LETTERS = {"æ": "ae", "ø": "oe", "å": "aa", "ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "þ": "th", "ð": "d"}
_NUMBER_LAST = r"^(.*?[^0-9\s])\s+([0-9]+\s*[a-z]?)$"
_NUMBER_FIRST = r"^([0-9]+\s*[a-z]?)\s+([^0-9].*)$"


@dataclass(frozen=True, slots=True)
class AddressRegister:
    """All addresses that there are.

    Attributes:
        table: ``address``, ``postal_code``, ``city``, ``latitude`` and ``longitude`` as the file has them, and what
            they are compared by: ``street``, ``house``, ``bare`` (the house without its letter), ``code`` and ``town``.
    """

    table: pl.DataFrame = field(repr=False)

    @classmethod
    def load(cls, path: Path) -> "AddressRegister":
        """Reads an address register.

        Args:
            path: CSV in UTF-8 with the columns ``street``, ``number``, ``postal_code``, ``city``, ``latitude`` and
                ``longitude`` (degrees, WGS 84), separated by commas or semicolons.

        Returns:
            The register.

        Raises:
            RegistryError: The file is missing or is none.
        """
        try:
            with path.open("rb") as file:
                header = file.readline()
            separator = ";" if header.count(b";") > header.count(b",") else ","
            rows = pl.read_csv(path, infer_schema=False, separator=separator)
        except OSError as exc:
            raise RegistryError(f"The address register {path} cannot be read: {exc.strerror}.") from exc
        except pl.exceptions.PolarsError as exc:
            raise RegistryError(f"The address register {path} is no CSV in UTF-8: {exc}.") from exc
        rows = rows.rename(lambda name: name.strip().lower())
        missing = [name for name in COLUMNS if name not in rows.columns]
        if missing:
            raise RegistryError(f"The address register {path} lacks the columns {', '.join(missing)}.")
        address = pl.concat_str("street", "number", separator=" ")
        house = _folded(pl.col("number")).str.replace_all(" ", "")
        usable = pl.col("latitude").cast(pl.Float64, strict=False).is_between(-90, 90) & pl.col("longitude").cast(
            pl.Float64, strict=False
        ).is_between(-180, 180)
        return cls(
            rows.filter(usable).select(
                "postal_code",
                "city",
                pl.col("latitude", "longitude").str.slice(0, 16),
                address=address,
                street=_folded(pl.col("street")),
                house=house,
                bare=house.str.extract(r"^([0-9]+)"),
                code=_code(pl.col("postal_code")),
                town=_folded(pl.col("city")),
            )
        )


def _folded(text: pl.Expr) -> pl.Expr:
    """Spelling without case, accents and punctuation; usual abbreviations written out."""
    plain = text.str.to_lowercase().str.replace_many(list(_LETTERS), list(_LETTERS.values()))
    plain = plain.str.normalize("NFKD").str.replace_all(r"\p{M}", "").str.replace_all(r"str\.", "strasse ")
    plain = plain.str.replace_all(r"[^\p{L}\p{N}]+", " ").str.replace_all(r"(.)str\b", "${1}strasse")
    return plain.str.strip_chars().replace("", None)


def _code(text: pl.Expr) -> pl.Expr:
    """Postal code without blanks, hyphens and a country's letters in front, such as ``DK-``."""
    return text.str.to_uppercase().str.replace(r"^\s*[A-Z]{1,3}-", "").str.replace_all(r"[\s-]", "").replace("", None)


def look_up(register: AddressRegister, places: pl.DataFrame) -> pl.DataFrame:
    """Looks addresses up.

    An address is found where street, house and postal code are those of one place; the city decides where several are,
    or where no postal code is given. Where none is, the same house in the same city with another postal code, and
    houses of the same number with another letter, are offered to choose from.

    Args:
        register: All addresses.
        places: ``address`` (street and house, in either order; what follows a comma is a floor or a door),
            ``postal_code`` and ``city``, all nullable.

    Returns:
        As many rows, in the same order: ``coordinate_status``, ``latitude``, ``longitude`` and ``alternatives`` (JSON).
    """
    first = _folded(pl.col("address").str.split(",").list.first())
    street = pl.coalesce(first.str.extract(_NUMBER_LAST, 1), first.str.extract(_NUMBER_FIRST, 2))
    house = pl.coalesce(first.str.extract(_NUMBER_LAST, 2), first.str.extract(_NUMBER_FIRST, 1))
    asked = places.with_row_index("row").select(
        "row",
        street=street,
        house=house.str.replace_all(" ", ""),
        bare=house.str.extract(r"^([0-9]+)"),
        code=_code(pl.col("postal_code")),
        town=_folded(pl.col("city")),
    )
    near = register.table.join(asked.select("street", "bare").unique(), on=["street", "bare"], how="semi")
    hits = asked.join(near, on=["street", "bare"], suffix="_there")
    same_code, same_town = pl.col("code") == pl.col("code_there"), pl.col("town") == pl.col("town_there")
    in_place = pl.when(pl.col("code").is_not_null()).then(same_code).otherwise(same_town).fill_null(value=False)
    same_house = pl.col("house") == pl.col("house_there")
    near_by = (same_code | same_town).fill_null(value=False)
    hits = hits.filter(near_by).with_columns(exact=in_place & same_house, town_fits=same_town.fill_null(value=False))
    best = pl.col("exact").cast(pl.Int8) * 2 + (pl.col("exact") & pl.col("town_fits")).cast(pl.Int8)
    hits = hits.with_columns(best=best).filter(pl.col("best") == pl.col("best").max().over("row"))
    hits = hits.unique(["row", "latitude", "longitude"], maintain_order=True).sort(
        "row", "postal_code", "city", "address", maintain_order=True
    )
    columns = ("address", "postal_code", "city", "latitude", "longitude")
    found = hits.group_by("row").agg(
        pl.len().alias("hits"), pl.col("exact").any(), pl.struct(columns).head(MOST_ALTERNATIVES).alias("choice")
    )
    one = pl.col("exact").fill_null(value=False) & (pl.col("hits") == 1)
    nowhere = pl.col("code").is_null() & pl.col("town").is_null()
    status = (
        pl.when(nowhere)
        .then(pl.lit("no_place"))
        .when(pl.col("hits").is_null())
        .then(pl.lit("not_found"))
        .when(one)
        .then(pl.lit("ok"))
        .otherwise(pl.lit("alternatives"))
    )
    judged = asked.join(found, on="row", how="left", maintain_order="left").with_columns(coordinate_status=status)
    chosen = pl.when(coordinate_status="ok").then(pl.col("choice").list.first())
    choices = judged.filter(coordinate_status="alternatives").select("row", "choice").rows()
    texts = pl.DataFrame(
        [(row, json.dumps(choice, ensure_ascii=False)) for row, choice in choices],
        schema={"row": asked.schema["row"], "alternatives": pl.String},
        orient="row",
    )
    return judged.join(texts, on="row", how="left", maintain_order="left").select(
        "coordinate_status",
        latitude=chosen.struct.field("latitude"),
        longitude=chosen.struct.field("longitude"),
        alternatives="alternatives",
    )


_OPEN = (Customer.occupied_to.is_(None),)


def waiting(registry: Registry, organisation: str) -> int:
    """How many customers' addresses have not been looked up."""
    with registry.begin(readonly=True) as session:
        statement = select(func.count()).select_from(Customer)
        return (
            session.scalar(
                statement.where(Customer.organisation == organisation, Customer.coordinate_status.is_(None), *_OPEN)
            )
            or 0
        )


def forget_misses(registry: Registry, organisation: str, *, identity: str, now: datetime) -> None:
    """Lets the next check look again for what was not found, and for what several places answered to.

    Args:
        registry: The registry.
        organisation: Whose customers.
        identity: Who asks.
        now: Instant of the change.
    """
    with registry.begin() as session:
        statement = (
            update(Customer)
            .where(Customer.organisation == organisation, *_OPEN)
            .where(Customer.coordinate_status.in_(("not_found", "no_place", "alternatives")))
            .values(coordinate_status=None, alternatives=None)
        )
        forgotten = session.connection().execute(statement).rowcount
        audit.record(
            session,
            organisation=organisation,
            event="addresses.forget_misses",
            identity=identity,
            now=now,
            details={"customers": forgotten},
        )


def check_addresses(
    registry: Registry,
    register: AddressRegister,
    *,
    organisation: str,
    identity: str,
    now: datetime,
    at_once: int = AT_ONCE,
    told: Callable[[int], None] = lambda _: None,
) -> dict[str, int]:
    """Looks up the addresses of all customers that have not been looked up and have no coordinates of their own.

    Args:
        registry: The registry.
        register: All addresses.
        organisation: Owner of the points.
        identity: Who asks.
        now: Instant of the check.
        at_once: Customers per transaction; what is stored stays, whatever happens to the rest.
        told: Is told how many customers were looked up, portion by portion.

    Returns:
        Customers by state, of those that were looked up.
    """
    counts: dict[str, int] = {}
    while portion := _check_portion(registry, register, organisation, identity, now, at_once):
        for state, count in portion.items():
            counts[state] = counts.get(state, 0) + count
        told(sum(portion.values()))
    return counts


def _check_portion(
    registry: Registry, register: AddressRegister, organisation: str, identity: str, now: datetime, at_once: int
) -> dict[str, int]:
    c = Customer
    schema = dict.fromkeys(("occupancy", "address", "postal_code", "city"), pl.String)
    with registry.begin() as session:
        rows = session.execute(
            select(c.occupancy, c.address, c.postal_code, c.city)
            .where(c.organisation == organisation, c.coordinate_status.is_(None), *_OPEN)
            .order_by(c.occupancy)
            .limit(at_once)
        ).all()
        if not rows:
            return {}
        places = pl.DataFrame([tuple(row) for row in rows], schema=schema, orient="row")
        found = look_up(register, places)
        written = places.select("occupancy", organisation=pl.lit(organisation)).hstack(found)
        session.execute(update(Customer), written.to_dicts())
        states = found["coordinate_status"].value_counts(sort=True).rows()
        audit.record(
            session,
            organisation=organisation,
            event="addresses.check",
            identity=identity,
            now=now,
            details=dict(states),
        )
    return dict(states)


class Located(NamedTuple):
    """A customer's place and what is known of its coordinates; personal data.

    Attributes:
        metering_point: The point.
        address: Street and house.
        postal_code: Postal code.
        city: City.
        latitude: Degrees north.
        longitude: Degrees east.
        state: One of ``STATES``; ``None`` before the check.
        alternatives: Addresses to choose from.
    """

    metering_point: str
    address: str | None
    postal_code: str | None
    city: str | None
    latitude: str | None
    longitude: str | None
    state: str | None
    alternatives: list[dict[str, Any]]


def located(registry: Registry, organisation: str, state: str | None = None) -> list[Located]:
    """Places of present customers, by metering point.

    Args:
        registry: The registry.
        organisation: Owner of the points.
        state: Only those of this state.
    """
    c = Customer
    statement = select(
        c.metering_point, c.address, c.postal_code, c.city, c.latitude, c.longitude, c.coordinate_status, c.alternatives
    ).where(c.organisation == organisation, *_OPEN)
    if state is not None:
        statement = statement.where(c.coordinate_status == state)
    with registry.begin(readonly=True) as session:
        rows = session.execute(statement.order_by(c.metering_point)).all()
    return [Located(*row[:-1], alternatives=json.loads(row[-1] or "[]")) for row in rows]


def pick_address(
    registry: Registry,
    vault: KeyVault,
    *,
    organisation: str,
    identity: str,
    now: datetime,
    metering_point: str,
    number: int,
) -> None:
    """Takes one of the addresses that were found for a point.

    Args:
        registry: The registry.
        vault: Wraps the key of the person whose address it is, for the audit log.
        organisation: Owner of the point.
        identity: Who chooses.
        now: Instant of the choice.
        metering_point: The point.
        number: Which one, from 1.

    Raises:
        RegistryError: There is nothing to choose from, or no such number.
    """
    with registry.begin() as session:
        customer = _present(session, organisation, metering_point)
        choices = json.loads(customer.alternatives or "[]")
        if not choices:
            raise RegistryError(f"There are no addresses to choose from for {metering_point}.")
        if not 1 <= number <= len(choices):
            raise RegistryError(f"Choose one of 1 to {len(choices)} for {metering_point}.")
        names = ("address", "postal_code", "city", "latitude", "longitude")
        before = {name: getattr(customer, name) for name in names}
        customer.known_from = keep_versions(session, organisation, [customer.occupancy], now)
        for name in names:
            setattr(customer, name, choices[number - 1][name])
        customer.coordinate_status, customer.alternatives = "ok", None
        audit.record(
            session,
            organisation=organisation,
            event="address.pick",
            identity=identity,
            now=now,
            target=metering_point,
            before={"coordinate_status": "alternatives"},
            after={"coordinate_status": "ok"},
            personal=audit.PersonalChange(
                vault, f"customer:{metering_point}:{customer.occupancy}", before, choices[number - 1]
            ),
        )


def _present(session: Session, organisation: str, metering_point: str) -> Customer:
    statement = select(Customer).where(
        Customer.organisation == organisation, Customer.metering_point == metering_point, *_OPEN
    )
    customer = session.scalars(statement).first()
    if customer is None:
        raise RegistryError(f"Nobody is known to live at {metering_point}.")
    return customer
