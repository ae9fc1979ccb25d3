"""Taking the encryption off: of the extended link layer, and of the transport layer."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from decoders import diehl
from decoders import security as sec
from decoders.outcomes import Stop
from decoders.transport import AFL, STANDARD_MODES, TPL, Address, Afl, Ell, Tpl

_INNER_CI = frozenset({AFL, *TPL})
"""What may stand behind an extended link layer."""
_NAMES = {
    1: "mode 1, the manufacturer's own",
    3: "mode 3, DES with the date of the transmission",
    8: "mode 8, AES-CTR with CMAC",
    9: "mode 9, AES-GCM",
    10: "mode 10, AES-CCM",
    13: "mode 13, TLS",
}


@dataclass(frozen=True, slots=True)
class Key:
    """A meter's key.

    Attributes:
        value: 16 bytes for AES, 8 for DES and for Diehl's cipher.
        verified: Whether it has verified a frame of the meter before.
    """

    value: bytes = field(repr=False)
    verified: bool = False


@dataclass(frozen=True, slots=True)
class Opened:
    """Plain bytes.

    Attributes:
        plain: The bytes.
        security: How they were secured, e.g. ``mode5``.
        proven: Whether a check over the bytes holds that an accident would not pass.
        key: Number of the key that opened them.
    """

    plain: bytes
    security: str
    proven: bool = False
    key: int | None = None


def open_link(link: Address, ell: Ell, sealed: bytes, keys: Sequence[Key]) -> Opened:
    """Takes AES-CTR off what follows an extended link layer; the check is the payload CRC.

    Raises:
        Stop: No key opens it.
    """
    iv = sec.ctr_iv(link, ell)
    for number, key in _of_size(keys, sec.BLOCK, "ell_ctr"):
        plain = sec.decrypt_ctr(key.value, iv, sealed)
        if sec.payload_crc_holds(plain):
            return Opened(plain, "ell_ctr", proven=True, key=number)
    # Of 65536 ciphertexts one has a CRC that holds; hardly any of those goes on with a header.
    if sec.payload_crc_holds(sealed) and sealed[2:3] and sealed[2] in _INNER_CI:
        return Opened(sealed, "ell_ctr logged_plain", proven=True)
    raise _unopened(keys, "the payload CRC does not match after decryption", "ell_ctr")


@dataclass(frozen=True, slots=True)
class Sealed:
    """A telegram whose transport layer may be encrypted.

    Attributes:
        content: Frame content.
        start: Position of the CI field of the transport layer.
        tpl: Its header.
        afl: Authentication layer, where there is one.
        address: The meter; ``None`` behind a short header on a wire.
        link: Address of the link layer; ``None`` on a wire.
    """

    content: bytes
    start: int
    tpl: Tpl
    afl: Afl | None
    address: Address | None
    link: Address | None

    @property
    def payload(self) -> bytes:
        """What follows the header, as sent."""
        return self.content[self.tpl.end :]


def open_payload(sealed: Sealed, keys: Sequence[Key]) -> Opened:
    """Takes the transport layer's encryption off.

    Raises:
        Stop: No key opens it, or the mode is not supported.
    """
    tpl = sealed.tpl
    secured = tpl.kind in ("full", "compact", "format", "error")
    # Old wired meters keep a signature where newer ones have the configuration word.
    if not secured or tpl.mode == 0 or (sealed.link is None and tpl.mode not in STANDARD_MODES):
        return Opened(sealed.payload, "none")
    if sealed.link is not None and diehl.is_summed(sealed.link, tpl):
        return _diehl(sealed, keys)
    if tpl.mode not in (2, 5, 7):
        raise Stop("unsupported", f"security {_NAMES.get(tpl.mode, f'mode {tpl.mode}')}")
    if not tpl.encrypted_bytes:
        return Opened(sealed.payload, f"mode{tpl.mode}")
    return _blocks(sealed, keys)


def _diehl(sealed: Sealed, keys: Sequence[Key]) -> Opened:
    security = f"mode{sealed.tpl.mode}"
    if diehl.holds(sealed.tpl, sealed.payload):
        return Opened(sealed.payload, security)
    own = [(number, key.value) for number, key in enumerate(keys) if len(key.value) == diehl.KEY_BYTES]
    found = diehl.opened(sealed.content, sealed.tpl, (*(value for _, value in own), *diehl.FACTORY_KEYS))
    if found is None:
        raise _unopened([keys[number] for number, _ in own], "the payload's sum does not match", security)
    place, plain = found
    return Opened(plain, security, key=own[place][0] if place < len(own) else None)


def _blocks(sealed: Sealed, keys: Sequence[Key]) -> Opened:
    """Modes 2, 5 and 7: blocks that begin with two fillers once they are plain."""
    tpl, payload, security = sealed.tpl, sealed.payload, f"mode{sealed.tpl.mode}"
    if sealed.address is None:
        raise Stop("unsupported", "encrypted without an address", security)
    can_open = tpl.mode != 7 or (sealed.afl is not None and bool(sealed.afl.counter))
    size = sec.DES_KEY_BYTES if tpl.mode == 2 else sec.BLOCK
    forged = False
    for number, key in _of_size(keys, size, security) if can_open else ():
        plain, authentic = _attempt(sealed, sealed.address, key.value)
        if plain.startswith(sec.FILLER):
            if authentic:
                return Opened(plain, security, proven=True, key=number)
            forged = True
    if payload.startswith(sec.FILLER):
        return Opened(payload, f"{security} logged_plain")
    if not can_open:
        raise Stop("unsupported", "mode 7 without a message counter", security)
    if forged:
        raise Stop("corrupt", "the message authentication code does not match", security)
    raise _unopened(keys, "the payload does not begin with 2F2F after decryption", security)


def _attempt(sealed: Sealed, address: Address, key: bytes) -> tuple[bytes, bool]:
    """Plain payload under a key, and whether its authentication code holds."""
    tpl, afl, payload = sealed.tpl, sealed.afl, sealed.payload
    if tpl.mode == 2:
        return sec.decrypt_des(key, payload, tpl.encrypted_bytes), True
    if tpl.mode == 5:
        return sec.decrypt_cbc(key, sec.mode5_iv(address, tpl.access_no or 0), payload, tpl.blocks), True
    encryption, authentication = sec.derived_keys(key, address, afl.counter if afl else b"")
    authentic = afl is not None and sec.mac_holds(authentication, afl, sealed.content[sealed.start :])
    return sec.decrypt_cbc(encryption, bytes(sec.BLOCK), payload, tpl.blocks), authentic


def _of_size(keys: Sequence[Key], size: int, security: str) -> Iterator[tuple[int, Key]]:
    """Keys of a length with their numbers.

    Raises:
        Stop: There are keys, but none of that length.
    """
    if keys and all(len(key.value) != size for key in keys):
        raise Stop("unsupported", f"the key has not {size} bytes", security)
    return ((number, key) for number, key in enumerate(keys) if len(key.value) == size)


def _unopened(keys: Sequence[Key], reason: str, security: str) -> Stop:
    if not keys:
        return Stop("no_key", "encrypted, and no key is known", security)
    if any(key.verified for key in keys):
        return Stop("corrupt", f"{reason}, though the key has verified other frames", security)
    return Stop("wrong_key", reason, security)
