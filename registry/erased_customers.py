"""Customers who are erased and stay so: recognised by a keyed digest of their number, which nobody keeps in clear."""

from collections.abc import Iterable
from datetime import datetime

import polars as pl
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from registry import audit
from registry.csv_table import reject
from registry.errors import RegistryError
from registry.models import Customer, ErasedCustomer
from registry.store import Registry
from registry.vault import KeyVault
from warehouse.phrases import phrase

_REMEDY = "'meterhouse erase readmit' lets them come back"


def remember(session: Session, vault: KeyVault, organisation: str, erasure: int, numbers: Iterable[str]) -> None:
    """Keeps digests of customers who are being erased.

    Args:
        session: A writing transaction.
        vault: Makes the digests.
        organisation: Whose customers.
        erasure: Number of the erasure.
        numbers: Customer numbers.
    """
    for digest in {vault.pseudonym(organisation, number) for number in numbers}:
        session.merge(ErasedCustomer(erasure=erasure, digest=digest, organisation=organisation))


def reject_erased(session: Session, vault: KeyVault, organisation: str, table: pl.DataFrame) -> pl.DataFrame:
    """Rejects lines that would make erased customers known again.

    Who is still, or again, known at the point of the line may be told of: they were erased elsewhere.

    Args:
        session: A transaction.
        vault: Makes the digests.
        organisation: Whose customers.
        table: Lines with ``metering_point``, ``customer_number`` and ``reason``.

    Returns:
        The lines with their reasons.
    """
    erased = _erased(session, organisation)
    if not erased:
        return table
    numbers = table["customer_number"].drop_nulls().unique().to_list()
    hit = {n: erasure for n in numbers if (erasure := erased.get(vault.pseudonym(organisation, n))) is not None}
    if not hit:
        return table
    c = Customer
    statement = select(c.metering_point, c.customer_number).where(
        c.organisation == organisation, c.customer_number.in_(hit)
    )
    schema = {"metering_point": pl.String, "customer_number": pl.String}
    known = pl.DataFrame([tuple(row) for row in session.execute(statement)], schema=schema, orient="row").unique()
    lines = table.join(
        known.with_columns(_known=pl.lit(value=True)), on=list(schema), how="left", maintain_order="left"
    ).with_columns(_erasure=pl.col("customer_number").replace_strict(hit, default=None, return_dtype=pl.Int64))
    reason = phrase("the customer is erased on request (erasure {}): {}", "_erasure", pl.lit(_REMEDY))
    is_hit = pl.col("_erasure").is_not_null() & pl.col("_known").is_null()
    return reject(lines, [(is_hit, reason)]).drop("_known", "_erasure")


def require_not_erased(session: Session, vault: KeyVault, organisation: str, number: str) -> None:
    """Refuses a customer who is erased.

    Raises:
        RegistryError: They are; the message does not name them.
    """
    erasure = _erased(session, organisation).get(vault.pseudonym(organisation, number.strip()))
    if erasure is not None:
        raise RegistryError(f"The customer of that number is erased on request (erasure {erasure}): {_REMEDY}.")


def readmit(
    registry: Registry, vault: KeyVault, organisation: str, number: str, *, reason: str, identity: str, now: datetime
) -> list[int]:
    """Lets an erased customer become known again; what is erased stays erased.

    Args:
        registry: The registry.
        vault: Makes the digest.
        organisation: Whose customer.
        number: Customer number.
        reason: Why; no personal data.
        identity: Who says so.
        now: When.

    Returns:
        Numbers of the erasures that knew them.

    Raises:
        RegistryError: No erased customer has that number.
    """
    digest = vault.pseudonym(organisation, number.strip())
    mine = (ErasedCustomer.organisation == organisation, ErasedCustomer.digest == digest)
    with registry.begin() as session:
        found = sorted(session.scalars(select(ErasedCustomer.erasure).where(*mine)))
        if not found:
            raise RegistryError("No erased customer has that number: nothing keeps them from coming back.")
        session.execute(delete(ErasedCustomer).where(*mine))
        audit.record(
            session,
            organisation=organisation,
            event="erasure.readmit",
            identity=identity,
            now=now,
            details={"erasures": found},
            reason=reason,
        )
    return found


def _erased(session: Session, organisation: str) -> dict[bytes, int]:
    """The latest erasure by digest."""
    e = ErasedCustomer
    statement = select(e.digest, e.erasure).where(e.organisation == organisation).order_by(e.erasure)
    return {row.digest: row.erasure for row in session.execute(statement)}
