"""Codes of headers in words (EN 13757-2, -4 and -7). Restated from wmbusmeters, exmbus and libmbus."""

C_FUNCTIONS = {  # EN 13757-4, table 11 and EN 13757-2, C field; without the bits that count frames
    (0, 0x00): "ACK, acknowledges",
    (0, 0x06): "CNF-IR, confirms an installation",
    (0, 0x08): "RSP-UD, answers with data",
    (1, 0x40): "SND-NKE, resets the link",
    (1, 0x43): "SND-UD2, sends, wants an answer",
    (1, 0x44): "SND-NR, sends, wants no answer",
    (1, 0x45): "SND-UD3, sends to many",
    (1, 0x46): "SND-IR, asks to be installed",
    (1, 0x47): "ACC-NR, offers access, no data",
    (1, 0x48): "ACC-DMD, demands access",
    (1, 0x4A): "REQ-UD1, asks for alarms",
    (1, 0x4B): "REQ-UD2, asks for data",
}
"""By the bit that says who begins (1: this station) and the C field without frame count and flow bits."""

CI_FIELDS = {  # EN 13757-7, CI field
    0x50: "application reset or select, to a device",
    0x51: "data to a device",
    0x52: "selects a device",
    0x5A: "command, short header",
    0x5B: "command, long header",
    0x60: "COSEM, long header",
    0x61: "COSEM, short header",
    0x69: "format frame, no header",
    0x6A: "format frame, short header",
    0x6B: "format frame, long header",
    0x6C: "sets the clock",
    0x6D: "adjusts the clock",
    0x6E: "application error, short header",
    0x6F: "application error, long header",
    0x70: "application error, no header",
    0x71: "alarm, no header",
    0x72: "full frame, long header",
    0x73: "compact frame, long header",
    0x74: "alarm, short header",
    0x75: "alarm, long header",
    0x76: "variable data, high byte first (obsolete)",
    0x77: "fixed data, high byte first (obsolete)",
    0x78: "full frame, no header",
    0x79: "compact frame, no header",
    0x7A: "full frame, short header",
    0x7B: "compact frame, short header",
    0x7C: "COSEM, long header, from a device",
    0x7D: "COSEM, short header, from a device",
    0x7E: "SML, long header",
    0x7F: "SML, short header",
    0x80: "long header, no data, to a device",
    0x81: "network layer",
    0x86: "extended link layer V, of variable length",
    0x8A: "short header, no data",
    0x8B: "long header, no data",
    0x8C: "extended link layer I",
    0x8D: "extended link layer II",
    0x8E: "extended link layer III",
    0x8F: "extended link layer IV",
    0x90: "authentication and fragmentation layer",
    **dict.fromkeys(range(0xA0, 0xB8), "manufacturer specific"),
}

COMMUNICATION_BITS = {  # EN 13757-4, CC field of the extended link layer
    7: "bidirectional",
    6: "response delay",
    5: "synchronous",
    4: "hop count",
    3: "priority",
    2: "accessible",
    1: "repeated access",
    0: "extended delay",
}

APPLICATION_STATES = (  # EN 13757-7, status byte, bits 0 and 1
    "no error",
    "application busy",
    "application error",
    "abnormal condition or alarm",
)

STATUS_BITS = {  # EN 13757-7, status byte
    2: "power low",
    3: "permanent error",
    4: "temporary error",
    5: "manufacturer's bit 5",
    6: "manufacturer's bit 6",
    7: "manufacturer's bit 7",
}

SECURITY_MODES = {  # EN 13757-7, security modes
    0: "no encryption",
    1: "manufacturer specific",
    2: "DES-CBC, zero IV",
    3: "DES-CBC, date IV",
    5: "AES-128-CBC, address IV",
    7: "AES-128-CBC, derived key",
    8: "AES-128-CTR with CMAC",
    9: "AES-128-GCM",
    10: "AES-128-CCM",
    13: "TLS",
    **dict.fromkeys(range(16, 32), "manufacturer specific"),
}

LINK_ENCRYPTIONS = {0: "none", 1: "AES-128-CTR"}
"""EN 13757-4, session number, bits 29 to 31."""

APPLICATION_ERRORS = {  # EN 13757-3, application errors
    0x00: "unspecified error",
    0x01: "CI field not implemented",
    0x02: "buffer too long, cut off",
    0x03: "too many records",
    0x04: "premature end of record",
    0x05: "more than ten DIFEs",
    0x06: "more than ten VIFEs",
    0x08: "application too busy to answer",
    0x09: "too many readouts",
}
