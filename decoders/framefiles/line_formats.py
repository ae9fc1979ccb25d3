"""Frame files with one telegram a line: bare hex, rtl_wmbus, logged telegrams, JSON Lines."""

import polars as pl

from decoders.framefiles.cells import HEX_LINE, to_cells

RTL_LINE = r"^[A-Z][0-9]?;[01];[01];"
LOGGED_LINE = r"^telegram="
JSON_LINE = r"^\{"

_RTL = (
    r"^(?<mode>[A-Z][0-9]?);(?<crc_ok>[01]);(?<three_of_six_ok>[01]);(?<time>[^;]*);"
    r"(?<packet_rssi>[^;]*);(?<current_rssi>[^;]*);(?<serial>[^;]*);(?<hex>[^;]*)$"
)
_RTL_EXTRA = ("mode", "crc_ok", "three_of_six_ok", "packet_rssi", "current_rssi", "serial")
_LOGGED = r"^telegram=\|?(?<hex>[^|+]*)\|?(?:\+(?<offset_s>[0-9]{1,9}))?$"
_JSON_TEXTS = {
    "telegram_hex": "$.telegram_hex",
    "frame": "$.frame",
    "payload_hex": "$.payload_hex",
    "collector": "$.concentrator",
    "case_id": "$.case_id",
    "key_hex": "$.key_hex",
    "transport": "$.transport",
}

_NETWORK_SERVERS = {
    "payload_base64": ("$.data", "$.uplink_message.frm_payload"),
    "fport": ("$.fport", "$.fPort", "$.uplink_message.f_port"),
    "device_eui": ("$.deviceInfo.devEui", "$.devEUI", "$.end_device_ids.dev_eui"),
    "time": ("$.received_at", "$.time"),
    "rssi": ("$.rssi_dbm", "$.rxInfo[0].rssi", "$.uplink_message.rx_metadata[0].rssi"),
    "gateway": (
        "$.rxInfo[0].gatewayId",
        "$.rxInfo[0].gatewayID",
        "$.uplink_message.rx_metadata[0].gateway_ids.gateway_id",
    ),
}
"""Where the uplinks of ChirpStack 3 and 4 and of The Things Stack keep what others keep at the first place."""


def read_hex(lines: pl.DataFrame) -> pl.DataFrame:
    """Reads bare hex, one telegram a line; blanks and underscores between digits are allowed.

    Args:
        lines: ``source_line`` and ``line``.

    Returns:
        :data:`decoders.framefiles.cells.CELLS` without times.
    """
    return to_cells(lines.with_columns(hex="line"))


def read_rtl_wmbus(lines: pl.DataFrame) -> pl.DataFrame:
    """Reads lines of the rtl_wmbus receiver.

    Its RSSI fields are counts of the receiver without a documented relation to dBm, so they are kept in ``extra`` and
    not taken for ``rssi_dbm``; so are the link mode, the receiver's check flags and the printed serial.

    Args:
        lines: ``source_line`` and ``line``.

    Returns:
        :data:`decoders.framefiles.cells.CELLS` with times as written.
    """
    fields = lines.select("source_line", "line", field=pl.col("line").str.extract_groups(_RTL)).unnest("field")
    none = pl.col("hex").is_null()
    return to_cells(
        fields.with_columns(
            fault=pl.when(none).then(pl.lit("not an rtl_wmbus line")),
            extra=pl.when(~none).then(pl.struct(_RTL_EXTRA).struct.json_encode()),
        )
    )


def read_logged(lines: pl.DataFrame) -> pl.DataFrame:
    """Reads logged telegrams ``telegram=|hex_hex|+seconds``.

    Args:
        lines: ``source_line`` and ``line``.

    Returns:
        :data:`decoders.framefiles.cells.CELLS` with ``offset_s``, seconds after a start that the file does not name.
    """
    fields = lines.select("source_line", "line", field=pl.col("line").str.extract_groups(_LOGGED)).unnest("field")
    return to_cells(fields.with_columns(fault=pl.when(pl.col("hex").is_null()).then(pl.lit("not a logged telegram"))))


def read_json(lines: pl.DataFrame) -> pl.DataFrame:
    """Reads JSON Lines: objects with ``telegram_hex`` or ``frame``, or uplinks of LoRaWAN.

    An uplink has ``payload_hex`` and ``fport``, or is an event of ChirpStack or The Things Stack. A radio telegram may
    carry ``payload_hex`` as an expected result beside ``telegram_hex``; the payload is taken for input only where there
    is no telegram.

    Args:
        lines: ``source_line`` and ``line``.

    Returns:
        :data:`decoders.framefiles.cells.CELLS`.
    """
    line = pl.col("line")
    fields = lines.with_columns(
        **{name: line.str.json_path_match(path) for name, path in _JSON_TEXTS.items()},
        **{
            name: pl.coalesce(line.str.json_path_match(path) for path in paths)
            for name, paths in _NETWORK_SERVERS.items()
        },
        is_object=line.str.json_path_match("$").is_not_null() & line.str.starts_with("{"),
    )
    telegram = pl.coalesce("telegram_hex", "frame")
    uplink = pl.col("payload_base64").str.decode("base64", strict=False).bin.encode("hex")
    payload = pl.coalesce("payload_hex", uplink)
    lorawan = telegram.is_null() & payload.is_not_null()
    return to_cells(
        fields.with_columns(
            hex=pl.when(lorawan).then(payload).otherwise(telegram),
            collector=pl.coalesce("collector", "gateway"),
            fport=pl.col("fport").cast(pl.Int64, strict=False),
            transport=pl.when(lorawan).then(pl.lit("lorawan")).otherwise("transport"),
            fault=pl.when(~pl.col("is_object")).then(pl.lit("no JSON object")),
        )
    )


READERS = {
    "json": (JSON_LINE, read_json),
    "rtl_wmbus": (RTL_LINE, read_rtl_wmbus),
    "logged": (LOGGED_LINE, read_logged),
    "hex": (HEX_LINE, read_hex),
}
"""Format to the pattern that its lines begin with and their reader."""
