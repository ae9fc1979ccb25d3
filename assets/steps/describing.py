"""Events in words, for the messages that tell of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast
from zoneinfo import ZoneInfo

import polars as pl

from assets.installation import Installation
from assets.steps.notable import OUTAGE
from registry.customers import customer_columns
from registry.mail import moment
from registry.mail.kinds import Value
from warehouse import notification_texts as texts
from warehouse.policies import InfoCodePolicy
from warehouse.policies.info_codes import Language
from warehouse.queries.info_codes import SYMBOLS, meaning
from warehouse.schemas import METERS
from warehouse.schemas.registers import UNITS

Event = Mapping[str, Any]
"""A row of :func:`warehouse.transforms.notifications.pending`."""


@dataclass(frozen=True, slots=True)
class Words:
    """Says what events are.

    Attributes:
        policy: Names of info codes that were decided.
        zone: Zone that times are told in.
        media: Medium by meter.
        addresses: Address by metering point, for rules that show it.
    """

    policy: InfoCodePolicy
    zone: ZoneInfo
    media: Mapping[str, str | None]
    addresses: Mapping[str, str] = field(repr=False)

    @classmethod
    def about(cls, house: Installation, events: pl.DataFrame) -> "Words":
        """What is needed to say what some events are.

        Args:
            house: The installation.
            events: Those events; ``shows_address`` says of which the address is wanted.
        """
        media = (
            house.lake.scan(METERS)
            .filter(organisation=house.organisation)
            .join(events.lazy().select("meter_id").unique(), on="meter_id", how="semi")
            .select("meter_id", "medium")
            .collect()
        )
        shown = events.filter("shows_address").select("metering_point").drop_nulls().unique()
        addresses: dict[str, str] = {}
        if shown.height:
            with house.registry.begin(readonly=True) as session:
                people = customer_columns(session, house.organisation).join(shown, on="metering_point", how="semi")
            place = pl.concat_str("postal_code", "city", separator=" ", ignore_nulls=True)
            line = pl.concat_str("address", pl.when(place != "").then(place), separator=", ", ignore_nulls=True)
            addresses = dict(people.select("metering_point", line.alias("line")).rows())
        return cls(house.policy(InfoCodePolicy), house.settings.zone, dict(media.rows()), addresses)

    def values(self, event: Event, language: str, *, shows_address: bool) -> dict[str, Value]:
        """An event as the variables of a message of the type ``notification``."""
        address = self.addresses.get(event["metering_point"] or "", "") if shows_address else ""
        return {
            "what": self._what(event, language),
            "place": self._place(event, language),
            "address": address,
            "since": self._since(event),
            "reminder": "yes" if event["kind"] == "reminded" else "",
            "retracted": "yes" if event["kind"] == "retracted" else "",
        }

    def line(self, event: Event, language: str, *, shows_address: bool) -> str:
        """An event as a line of a digest."""
        said = self.values(event, language, shows_address=shows_address)
        mark = {"reminded": texts.REMINDER, "retracted": texts.RETRACTED}.get(event["kind"])
        symbol = SYMBOLS.get(event["priority"]) if event["topic"] == "info_codes" else None
        what = " ".join(part for part in (symbol, str(said["what"])) if part)
        begun = texts.SINCE[language].format(said["since"])
        said_all = (what, said["place"], said["address"], begun)
        return (f"{mark[language]}: " if mark else "") + ", ".join(str(part) for part in said_all if part)

    def table(self, events: Sequence[Event], language: str, *, shows_address: bool) -> pl.DataFrame:
        """Events as a table, for the file of a digest that has more than its lines."""
        rows = [
            {"kind": event["kind"], "code": event["code"], "priority": event["priority"]}
            | {name: self.values(event, language, shows_address=shows_address)[name] for name in _TOLD}
            for event in events
        ]
        return pl.DataFrame(rows, schema=dict.fromkeys(("kind", "code", "priority", *_TOLD), pl.String))

    def _what(self, event: Event, language: str) -> str:
        match event["topic"]:
            case "info_codes":
                medium = self.media.get(event["meter_id"])
                return meaning(self.policy, medium, event["code"], cast("Language", language))[1]
            case "consumption_alerts":
                unit = UNITS.get(event["register"], "")
                return texts.ALERT[language].format(_plain(event["used"]), unit, _plain(event["limit_value"]), unit)
            case "exports":
                return texts.EXPORT[event["code"]][language]
            case _:
                return (texts.OUTAGE if event["code"] == OUTAGE else texts.COLLECTOR)[language]

    def _place(self, event: Event, language: str) -> str:
        if event["code"] == OUTAGE:
            return texts.ALL_COLLECTORS[language]
        if event["topic"] in ("silent_collectors", "exports"):
            return str(event["event_key"]).rsplit(":", 1)[-1]
        point, meter = event["metering_point"], event["meter_id"]
        return f"{point} ({meter})" if point and meter else point or meter or ""

    def _since(self, event: Event) -> str:
        at = event["seen_at"] if event["topic"] == "consumption_alerts" else event["since"]
        return moment(at, self.zone)


_TOLD = ("what", "place", "address", "since")


def _plain(number: Any) -> str:
    """A number without the zeros that say nothing."""
    return f"{number:f}".rstrip("0").rstrip(".") if "." in f"{number:f}" else f"{number:f}"
