"""From the first CI field to the plain record area, for whole slabs.

Covered are the extended link layers I to IV with and without AES-CTR, the authentication layer, the long, short and
absent transport headers of full frames, compact frames without a header, and the security modes 0, 5 and 7. Everything
else, and whatever fails a check that is not the key's, stays open in the ledger for the scalar decoder.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from decoders.batch.authentication import fields_of
from decoders.batch.checks import crc16, uint16_le
from decoders.batch.columns import groups, uint_le
from decoders.batch.identity import digests
from decoders.batch.keys import KeyRing
from decoders.batch.ledger import Ledger
from decoders.batch.link import Linked
from decoders.batch.meters import CodeIndex, codes_of_address
from decoders.batch.telegrams import Telegrams
from decoders.batch.unlock import BLOCK, FILLERS, Attempt, ell_ctr, mode_5, mode_7, try_keys
from decoders.outcomes import Outcome
from decoders.transport import AFL, STANDARD_MODES

_ELL = {0x8C: 2, 0x8D: 8, 0x8E: 10, 0x8F: 16}
_ELL_ADDRESS, _ELL_SESSION = (0x8E, 0x8F), (0x8D, 0x8F)
_SESSION_AND_CHECK = 6
_TPL = {0x78: 0, 0x7A: 4, 0x72: 12}
_LONG, _COMPACT = 0x72, 0x79
_LONG_ADDRESS = [5, 6, 1, 2, 3, 4, 7, 8]
_NAME_FLAG = 0x80
_AFL_SHAPE = slice(1, 5)
WORTH_COLUMNS = 50
"""Frames of mode 7 from which on columns are faster than the scalar decoder."""
_MODE_7_AT_ONCE = 1 << 14
_MANY_OF_A_METER = 4
_UNOPENED_LINK = "the payload CRC does not match after decryption"
_UNOPENED_PAYLOAD = "the payload does not begin with 2F2F after decryption"


class Opener:
    """Opens telegrams with the keys of a batch and writes what it finds into the ledger."""

    def __init__(self, ring: KeyRing, registered: CodeIndex | None, ledger: Ledger) -> None:
        self.ring = ring
        self.registered = registered
        self.ledger = ledger

    def open(self, linked: Linked) -> Iterator[Telegrams]:
        """Plain telegrams of frames whose link layer holds.

        Yields:
            Telegrams whose ``rest`` is the record area (of compact frames: the data).
        """
        self.ledger.note(linked.rows, link=linked.link, security="none")
        telegrams = Telegrams(linked.rows, linked.content, linked.start, linked.codes, linked.is_wired)
        if not telegrams.is_wired:
            # The initialisation vector holds the manufacturer as sent, a meter code does not hold its top bit.
            telegrams = telegrams.pick(telegrams.link[:, 3] < _NAME_FLAG)
        for ci, part in _by_ci(telegrams):
            yield from self._extended(ci, part) if ci in _ELL else self._transport(ci, part)

    def _extended(self, ci: int, telegrams: Telegrams) -> Iterator[Telegrams]:
        size = 1 + _ELL[ci]
        if telegrams.is_wired or telegrams.rest.shape[1] <= size:
            return
        if ci in _ELL_ADDRESS:
            telegrams = telegrams.pick(telegrams.rest[:, 4] < _NAME_FLAG)
            telegrams = replace(telegrams, codes=codes_of_address(telegrams.rest[:, 3:11]))
        self.ledger.access[telegrams.rows] = telegrams.rest[:, 2]
        opened = (
            self._session(telegrams, size - _SESSION_AND_CHECK) if ci in _ELL_SESSION else iter((telegrams.skip(size),))
        )
        for plain in opened:
            for inner, part in _by_ci(plain):
                if inner not in _ELL:
                    yield from self._transport(inner, part)

    def _session(self, telegrams: Telegrams, at: int) -> Iterator[Telegrams]:
        """Extended link layers with session number and payload checksum."""
        session = uint_le(telegrams.rest, at, 4).astype(np.int64)
        self.ledger.session[telegrams.rows] = session
        self.ledger.name(telegrams.rows, telegrams.codes)
        body = telegrams.rest[:, at + 4 :]
        holds = crc16(body[:, 2:]) == uint16_le(body, 0)
        telegrams = replace(telegrams, is_proven=True)
        yield telegrams.pick((session >> 29 == 0) & holds).skip(at + _SESSION_AND_CHECK)
        # A logged telegram may pass its checksum as it stands: whether a key contradicts is left to the scalar decoder.
        sealed = telegrams.pick((session >> 29 == 1) & ~holds)
        for locked in self._with_keys(sealed, "ell_ctr"):
            for opened in self._unlock(locked, ell_ctr(locked, at, self.ring), _UNOPENED_LINK):
                yield opened_link(opened, locked.start + at + 4).skip(at + _SESSION_AND_CHECK)

    def _authenticated(self, telegrams: Telegrams) -> Iterator[Telegrams]:
        """Behind an authentication layer; fragments and what mode 7 cannot use stay open."""
        if telegrams.rest.shape[1] < _AFL_SHAPE.stop:
            return
        for shape, places in groups(uint_le(telegrams.rest, _AFL_SHAPE.start, 4).astype(np.uint32)):
            part = telegrams.pick(places)
            fields = fields_of(part.start, shape)
            if fields is not None and fields.message.start < part.frame.shape[1]:
                for ci, inner in _by_ci(replace(part, start=fields.message.start, authentication=fields)):
                    yield from self._transport(ci, inner)

    def _transport(self, ci: int, telegrams: Telegrams) -> Iterator[Telegrams]:
        if ci == AFL and telegrams.authentication is None:
            yield from self._authenticated(telegrams)
            return
        if ci == _COMPACT and not telegrams.is_wired and telegrams.rest.shape[1] >= 5:
            yield from self._plain(replace(telegrams, is_compact=True).skip(5))
            return
        size = _TPL.get(ci)
        if size is None or telegrams.rest.shape[1] < 1 + size:
            return
        if ci == _LONG:
            if telegrams.security != "none":
                return
            telegrams = telegrams.pick(telegrams.rest[:, 6] < _NAME_FLAG)
            telegrams = replace(telegrams, codes=codes_of_address(telegrams.rest[:, _LONG_ADDRESS]))
        elif telegrams.is_wired:
            return
        if not size:
            yield from self._plain(telegrams.skip(1))
            return
        yield from self._secured(telegrams, size)

    def _secured(self, telegrams: Telegrams, size: int) -> Iterator[Telegrams]:
        """Full frames with a configuration word."""
        access = telegrams.rest[:, size - 3]
        unset = self.ledger.access[telegrams.rows] < 0
        self.ledger.access[telegrams.rows[unset]] = access[unset]
        self.ledger.status[telegrams.rows] = telegrams.rest[:, size - 2]
        word = uint16_le(telegrams.rest, size - 1)
        for mode, places in groups(word >> 8 & 0x1F):
            part = telegrams.pick(places)
            if mode == 0 or (part.is_wired and mode not in STANDARD_MODES):
                # Wired meters of old keep a signature where newer ones have the configuration word.
                yield from self._plain(part.skip(1 + size))
            elif mode == 5 and part.security == "none":
                yield from self._mode_5(part, 1 + size, word[places] >> 4 & 0x0F)
            elif mode == 7 and part.security == "none" and part.authentication is not None:
                yield from self._mode_7(part, 2 + size, word[places] >> 4 & 0x0F)

    def _mode_5(self, telegrams: Telegrams, at: int, blocks: NDArray[np.integer]) -> Iterator[Telegrams]:
        for count, places in groups(blocks):
            if not count or telegrams.rest.shape[1] < at + BLOCK * count:
                continue
            part = telegrams.pick(places)
            sealed = part.pick(uint16_le(part.rest, at) != FILLERS)
            for locked in self._with_keys(sealed, "mode5"):
                access = locked.rest[:, at - 4]
                yield from self._unlock(locked, mode_5(locked, at, count, access, self.ring), _UNOPENED_PAYLOAD)

    def _mode_7(self, telegrams: Telegrams, at: int, blocks: NDArray[np.integer]) -> Iterator[Telegrams]:
        for count, places in groups(blocks):
            if (
                not count
                or np.count_nonzero(blocks == count) < WORTH_COLUMNS
                or telegrams.rest.shape[1] < at + BLOCK * count
            ):
                continue
            for part in self._in_turns(telegrams.pick(places)):
                sealed = part.pick(uint16_le(part.rest, at) != FILLERS)
                for locked in self._with_keys(sealed, "mode7"):
                    forged = np.zeros(len(locked), np.bool_)
                    plain, verified = try_keys(
                        *self.ring.spans(locked.codes, locked.rows),
                        self.ring,
                        mode_7(locked, at, count, self.ring, forged),
                    )
                    # Which of several failures counts is left to the scalar decoder.
                    self.close(locked.pick(~verified & ~forged), "wrong_key", _UNOPENED_PAYLOAD)
                    yield replace(locked, area=plain).pick(verified)

    def _in_turns(self, telegrams: Telegrams) -> Iterator[Telegrams]:
        """Telegrams in portions where there are few of a meter: keys and what is derived from them bound the memory."""
        if len(telegrams) > _MANY_OF_A_METER * len(self.ring.meters.codes):
            yield telegrams  # portions would derive the keys of a meter again and again
            return
        for start in range(0, len(telegrams), _MODE_7_AT_ONCE):
            yield telegrams.pick(np.arange(start, min(start + _MODE_7_AT_ONCE, len(telegrams))))

    def _plain(self, telegrams: Telegrams) -> Iterator[Telegrams]:
        """Telegrams that need no key, of registered meters."""
        if telegrams.security == "none":
            self.ledger.name(telegrams.rows, telegrams.codes)
            telegrams = self._without_foreign(telegrams)
        if len(telegrams):
            yield telegrams

    def _with_keys(self, telegrams: Telegrams, security: str) -> Iterator[Telegrams]:
        """Encrypted telegrams of registered meters with keys; the others are closed."""
        self.ledger.name(telegrams.rows, telegrams.codes)
        telegrams = self._without_foreign(replace(telegrams, security=security))
        self.ledger.note(telegrams.rows, security=security)
        keyed = self.ring.spans(telegrams.codes, telegrams.rows)[1] > 0
        self.close(telegrams.pick(~keyed), "no_key", "encrypted, and no key is known")
        if keyed.any():
            yield telegrams.pick(keyed)

    def _unlock(self, telegrams: Telegrams, attempt: Attempt, failure: str) -> Iterator[Telegrams]:
        """Telegrams that one of their meter's keys opens, with the plain bytes as ``area``; the others are closed."""
        plain, verified = try_keys(*self.ring.spans(telegrams.codes, telegrams.rows), self.ring, attempt)
        self.close(telegrams.pick(~verified), "wrong_key", failure)
        if verified.any():
            yield replace(telegrams, area=plain).pick(verified)

    def _without_foreign(self, telegrams: Telegrams) -> Telegrams:
        if self.registered is None or not len(telegrams):
            return telegrams
        _, known = self.registered.find(telegrams.codes)
        self.close(telegrams.pick(~known), "foreign", "the meter is not registered")
        return telegrams.pick(known)

    def close(self, telegrams: Telegrams, outcome: Outcome, reason: str) -> None:
        """Telegrams that stay undecoded: their identity is that of the frame without L, which counts the CRCs in B."""
        if len(telegrams):
            self.ledger.note(telegrams.rows, outcome=outcome, reason=reason)
            self.ledger.identify(telegrams.rows, digests(telegrams.frame[:, 1:]))


def opened_link(telegrams: Telegrams, start: int) -> Telegrams:
    """Telegrams with the link's plain bytes, so far in ``area``, in the place of the encrypted ones."""
    assert telegrams.area is not None  # noqa: S101  decryption has set it
    return replace(telegrams, frame=np.concatenate([telegrams.frame[:, :start], telegrams.area], axis=1), area=None)


def _by_ci(telegrams: Telegrams) -> Iterator[tuple[int, Telegrams]]:
    if len(telegrams) and telegrams.rest.shape[1]:
        for ci, places in groups(telegrams.rest[:, 0]):
            yield ci, telegrams.pick(places)
