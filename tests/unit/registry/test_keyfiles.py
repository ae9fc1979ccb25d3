"""Key files: what is recognised, what is refused, and that nothing secret is shown."""

import json
import re
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry import xml_trees
from registry.errors import RegistryError
from registry.keyfiles import KeyFile, KeyFileError, find_profile, read_key_file
from registry.keyfiles import reading as key_file_reading
from tests.conftest import REPOSITORY
from tests.unit.registry.kem_files import PASSWORD, encrypted, kem, meter, zipped

SAMPLES = REPOSITORY / "tests" / "data" / "kem"
EXPECTED = json.loads((SAMPLES / "expected.json").read_text())
FILES = [name for name in EXPECTED if name.startswith("sample")]
KEY = "00112233445566778899AABBCCDDEEFF"
OTHER = "FFEEDDCCBBAA99887766554433221100"


def never() -> str:
    pytest.fail("nobody should ask for a password")


def read(content: bytes, password: Callable[[], str] = lambda: PASSWORD, name: str = "keys") -> KeyFile:
    return read_key_file(content, name, password)


def csv(text: str, profile: str = "") -> KeyFile:
    return read_key_file(text.encode(), "keys.csv", never, find_profile(profile) if profile else None)


def chain(exc: BaseException | None) -> Iterator[str]:
    """Everything that an error and those behind it could show."""
    while exc is not None:
        yield f"{exc} {exc!r} {vars(exc)} {exc.args} {getattr(exc, 'object', '')!r}"
        exc = exc.__cause__ or exc.__context__


@pytest.mark.parametrize("name", FILES)
def test_samples_hold_what_they_say(name: str) -> None:
    # The name says nothing: what a file is shows in its content.
    file = read((SAMPLES / name).read_bytes(), lambda: EXPECTED[name]["password"], "anything.dat")
    assert file.form == ("KEM2" if "v2" in name else "KEM")
    found = [
        {
            "serial": line.serial,
            "vendor": line.manufacturer,
            "name": line.model,
            "keys": [key.value.hex().upper() for key in line.keys],
        }
        for line in file.lines
    ]
    assert found == [
        {"serial": m["serial"], "vendor": m["vendor"], "name": m["name"], "keys": [m["key"]]}
        for m in EXPECTED[name]["meters"]
    ]
    assert [line.number for line in file.lines] == list(range(1, len(found) + 1))


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("password", [EXPECTED["wrong_password_example"], "", "1234", "123456"])
def test_a_wrong_password_is_named_and_nothing_that_came_out_is_shown(name: str, password: str) -> None:
    with pytest.raises(KeyFileError, match=f"The password does not open {name}") as caught:
        read((SAMPLES / name).read_bytes(), lambda: password, name)
    # The name of the file has digits of its own.
    shown = " ".join(chain(caught.value)).replace(name, "")
    assert not password or password not in shown
    assert "\\x" not in shown
    assert caught.value.__context__ is None


def test_a_password_that_is_too_long_is_refused_without_showing_it() -> None:
    with pytest.raises(KeyFileError, match="cannot be longer than 16 bytes") as caught:
        read(kem(), lambda: "correct horse battery")
    assert "horse" not in " ".join(chain(caught.value))


@pytest.mark.parametrize("password", ["w\udcf8rd", "\ud800"])
def test_a_password_that_is_no_text_does_not_open_and_is_not_shown(password: str) -> None:
    with pytest.raises(KeyFileError, match="The password does not open") as caught:
        read(kem(), lambda: password)
    assert all(password not in shown and ascii(password)[1:-1] not in shown for shown in chain(caught.value))


def test_a_password_may_have_any_letters_and_sixteen_bytes() -> None:
    for password in ("grøn-måler", "0123456789abcdef"):
        content = kem(meter("70000001", KEY), password=password)
        assert [line.serial for line in read(content, lambda p=password: p).lines] == ["70000001"]


def test_a_damaged_file_is_not_taken_for_a_wrong_password() -> None:
    content = kem(*(meter(str(70000001 + n), KEY) for n in range(4)))
    text = re.search(b"<CipherValue>(.*)</CipherValue>", content)
    assert text is not None
    body = text[1]
    for damaged in (body[:400] + body[464:], body[:401], b"", b"*" * 64, body[:-64]):
        with pytest.raises(KeyFileError, match=r"is damaged|no KEM file"):
            read(content.replace(body, damaged))


def test_xml_that_is_open_already_needs_no_password() -> None:
    document = f"<MetersInOrder>{meter('70000001', KEY)}</MetersInOrder>"
    assert read(document.encode(), never).lines[0].keys[0].value == bytes.fromhex(KEY)
    assert read(b"\xef\xbb\xbf\r\n" + document.encode(), never).form == "KEM"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"\x00\x01\x02", "binary file or not UTF-8"),
        ("Schlüssel;Seriennummer\n".encode("latin-1"), "not UTF-8"),
        (b"<a><b></a>", "no well-formed XML"),
        (b'<?xml version="1.0" encoding="nonsense"?><a/>', "no well-formed XML"),
        (b"<html><body>Log in</body></html>", "neither encrypted data nor a list of meters"),
        (encrypted(b"<Concentrators/>"), "neither MetersInOrder .* nor Devices"),
        (zipped(a_kem=kem(), b_kem=kem()), "2 key files"),
        (zipped(), "0 key files"),
        (zipped(a_kem=zipped(b_kem=kem())), "binary file"),
        (zipped(a_kem=kem())[:-40], "damaged zip archive"),
        (b"KAM;70000001;" + KEY.encode(), "no key file that is known"),
        (b"serial,serial number,key\n1,2,3\n", "names a column twice"),
    ],
)
def test_files_that_are_none_are_refused(content: bytes, message: str) -> None:
    with pytest.raises(RegistryError, match=message) as caught:
        read(content)
    assert KEY not in str(caught.value)


@pytest.mark.parametrize("wrap", [bytes, encrypted, lambda document: zipped(a_kem=document)])
def test_document_types_are_refused_before_anything_is_expanded(wrap: Callable[[bytes], bytes], tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("topsecret")
    laughs = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 9))
    for declaration in (
        f'<!DOCTYPE MetersInOrder [<!ENTITY a0 "ha">{laughs}]>',
        f'<!DOCTYPE MetersInOrder [<!ENTITY a8 SYSTEM "{(tmp_path / "secret").as_uri()}">]>',
        f'<!DOCTYPE MetersInOrder SYSTEM "{(tmp_path / "secret").as_uri()}">',
    ):
        document = f"{declaration}<MetersInOrder>{meter('&a8;', KEY)}</MetersInOrder>"
        with pytest.raises(KeyFileError, match="declares an XML document type") as caught:
            read(wrap(document.encode()))
        assert "topsecret" not in " ".join(chain(caught.value))


def test_files_that_unpack_to_more_than_the_bound_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(key_file_reading, "MAX_BYTES", 1 << 20)
    for content in (zipped(a_kem=b"<" + b" " * (64 << 20)), b"<" + b" " * (1 << 20)):
        with pytest.raises(KeyFileError, match="the most that is accepted"):
            read(content)
    assert read(zipped(a_kem=kem(), liesmich_txt=b"x" * (2 << 20))).form == "KEM"


def test_a_member_of_a_zip_archive_may_lack_a_name() -> None:
    archive = bytearray(zipped(a_kem=kem()))
    entry = archive.index(b"PK\x01\x02")
    archive[entry + 28], archive[entry + 32] = 0, len("a.kem")  # what was the name becomes the comment
    with pytest.raises(KeyFileError, match="damaged zip archive"):
        read(bytes(archive))


def test_xml_takes_memory_in_proportion_to_its_size() -> None:
    address, count = "u" * 100_000, 10_000
    names = "".join(f"<p:n{n}/>" for n in range(count))
    attributes = " ".join(f'p:n{n}=""' for n in range(count))
    for document in (f'<p:a xmlns:p="{address}">{names}</p:a>', f'<p:a xmlns:p="{address}" {attributes}/>'):
        tracemalloc.start()
        with pytest.raises(KeyFileError, match="no KEM file"):
            read(document.encode())
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 20 * len(document), "names written out with their address take a gigabyte"


def test_xml_of_very_many_tags_or_attributes_is_refused() -> None:
    many = xml_trees.MAX_TAGS
    attributes = b" ".join(b'a%d=""' % n for n in range(many // 4))
    for document in (b"<a>" + b"<a/>" * many + b"</a>", b"<a " + attributes + b"/>"):
        for content in (document, zipped(a_kem=document), encrypted(document)):
            with pytest.raises(KeyFileError, match="tags, the most that is accepted"):
                read(content)


def test_elements_may_have_prefixes() -> None:
    document = f"<MetersInOrder>{meter('70000001', KEY)}</MetersInOrder>"
    inner = re.sub(r"<(/?)(\w)", r"<\1k:\2", document).replace("<k:MetersInOrder", '<k:MetersInOrder xmlns:k="urn:k"')
    assert read(inner.encode(), never).lines[0].serial == "70000001"
    outer = re.sub(rb"<(/?)(E|C)", rb"<\1xenc:\2", encrypted(inner.encode())).replace(b"xmlns=", b"xmlns:xenc=")
    assert b"</xenc:CipherValue>" in outer
    assert read(outer).lines[0].keys[0].value == bytes.fromhex(KEY)


def test_deep_xml_neither_crashes_nor_hangs() -> None:
    deep = b"<MetersInOrder>" + b"<Meter>" * 200_000 + b"</Meter>" * 200_000 + b"</MetersInOrder>"
    assert [line.fault for line in read(deep).lines] == ["no serial number and no DevEUI"]


@pytest.mark.parametrize(
    ("serial", "key", "fault"),
    [
        ("70000001", KEY[:-1], "the key has 31 hex digits instead of 32 (AES-128)"),
        ("70000001", KEY + "00", "the key has 34 hex digits instead of 32 (AES-128)"),
        ("70000001", KEY[:-1] + "G", "the key is not hex digits"),
        ("70000001", "", "no key"),
        ("", KEY, "no serial number and no DevEUI"),
        ("700000012", KEY, "the serial number is not up to eight digits"),
        (KEY, KEY, "the serial number is not up to eight digits"),
    ],
)
def test_a_device_that_is_not_right_is_a_line_with_its_fault(serial: str, key: str, fault: str) -> None:
    bad, good = read(kem(meter(serial, key), meter("70000002", KEY))).lines
    assert (bad.fault, bad.keys) == (fault, ())
    assert (good.fault, good.number) == (None, 2)
    assert KEY[:8] not in f"{bad.fault} {bad.label} {bad!r}"


def test_keys_are_not_shown() -> None:
    file = read(kem(meter("70000002", KEY)))
    key = bytes.fromhex(KEY)
    assert file.lines[0].keys[0].value == key
    for text in (repr(file), str(file), repr(file.lines[0].keys)):
        assert KEY not in text.upper()
        assert repr(key)[2:-1] not in text


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize(
    "header",
    [
        ("manufacturer", "serial", "version", "device_type", "key"),
        ("Manufacturer ID", "Serial Number", "Version", "Device Type", "AES Key"),
        ("HERSTELLER", "Serien-Nr", "Generation", "Gerätetyp", "Schlüssel"),
        ("mfct", "meter id", "ver", "type", "dek"),
    ],
)
def test_headers_go_by_several_spellings(delimiter: str, header: tuple[str, ...]) -> None:
    if header[1] == "Serien-Nr":
        header = (header[0], "Seriennr.", *header[2:])
    rows = [header, ("kam", "1234567", "1B", "16", KEY.lower()), ("KAM", "70000002", "", "", f"0x{KEY}")]
    file = csv("\ufeff" + "\r\n".join(delimiter.join(row) for row in rows))
    assert file.form == "CSV (wmbus)"
    first, second = file.lines
    assert (first.number, first.manufacturer, first.serial, first.version, first.device_type) == (
        2, "KAM", "01234567", "1b", "16",
    )  # fmt: skip
    assert (second.version, second.keys[0].value) == (None, bytes.fromhex(KEY))


def test_a_list_of_a_key_service_has_serials_alone_maybe_as_grouped_numbers() -> None:
    file = csv(
        "Seriennummer;Gerätetyp;Claim Status;Labels;Schlüssel\n"
        f"70.000.001;aquastream WM-Bus;CLAIMED;north;{KEY}\n"
        f"70'000'002;TOPAS Mbus;CLAIMED;;{' '.join(KEY[n : n + 2] for n in range(0, 32, 2))}\n"
        "70000003;TOPAS Mbus;UNCLAIMED;;\n"
        f"7.00.00001;TOPAS Mbus;CLAIMED;;{KEY}\n"
    )
    assert file.form == "CSV (kms)"
    assert [(line.serial, line.model, line.fault) for line in file.lines] == [
        ("70000001", "aquastream WM-Bus", None),
        ("70000002", "TOPAS Mbus", None),
        ("70000003", "TOPAS Mbus", "no key"),
        (None, "TOPAS Mbus", "the serial number is not up to eight digits"),
    ]


def test_a_lora_set_has_a_key_per_usage() -> None:
    file = csv(f"DevEUI,AppEUI,AppKey,NwkKey,Serial Number\n70-B3-D5-00-00-00-00-01,70B3D50000000000,{KEY},{OTHER},7\n")
    assert file.form == "CSV (lora)"
    (line,) = file.lines
    assert (line.device_eui, line.join_eui, line.serial) == ("70B3D50000000001", "70B3D50000000000", "00000007")
    assert [(key.key_class, key.algorithm, key.usage, key.value.hex().upper()) for key in line.keys] == [
        ("lora", "AES-128", "app_key", KEY),
        ("lora", "AES-128", "nwk_key", OTHER),
    ]
    for header in ("Device EUI;JoinEUI;Application Key", "dev_eui;join_eui;app_key"):
        assert csv(f"{header}\n70B3D50000000001;70B3D50000000000;{KEY}\n").lines[0].keys[0].usage == "app_key"
    faults = csv(
        f"DevEUI,AppKey\n70B3D5000000000,{KEY}\n70B3D50000000001,{KEY[:16]}\n,{KEY}\n70B3D50000000002,\n"
    ).lines
    assert [line.fault for line in faults] == [
        "the DevEUI is not 16 hex digits",
        "the AppKey has 16 hex digits instead of 32 (AES-128)",
        "no serial number and no DevEUI",
        "no key",
    ]


@pytest.mark.parametrize(
    ("cells", "key", "expected"),
    [
        ("OMS,AES128,5", KEY, ("oms", "AES-128", "mode_5")),
        ("oms,aes-128,Mode 7", KEY, ("oms", "AES-128", "mode_7")),
        ("OMS,AES 256,", KEY * 2, ("oms", "AES-256", "any")),
        ("OMS,AES192,any", KEY + KEY[:16], ("oms", "AES-192", "any")),
        (",DES,", KEY[:16], ("oms", "DES", "any")),
        ("LoRa,AES128,AppKey", KEY, ("lora", "AES-128", "app_key")),
        ("LoRaWAN,,", KEY, ("lora", "AES-128", "app_key")),
        ("OMS,AES128,", KEY[:16], "the key has 16 hex digits instead of 32 (AES-128)"),
        ("OMS,AES256,", KEY, "the key has 32 hex digits instead of 64 (AES-256)"),
        (",DES,", KEY, "the key has 32 hex digits instead of 16 (DES)"),
        ("Zigbee,,", KEY, "the key class is none of oms, lora"),
        ("OMS,ROT13,", KEY, "the algorithm is none of AES-128, AES-192, AES-256, DES"),
        ("OMS,,AppKey", KEY, "the usage is none of any, mode_5, mode_7, mode_8"),
    ],
)
def test_class_algorithm_and_usage_decide_what_a_key_must_be(cells: str, key: str, expected: object) -> None:
    (line,) = csv(f"Serial Number,Key Class,Algorithm,Usage,Key\n70000001,{cells},{key}\n").lines
    found = line.fault or (line.keys[0].key_class, line.keys[0].algorithm, line.keys[0].usage)
    assert found == expected


def test_lines_with_fields_too_many_or_too_few_are_faulty() -> None:
    lines = csv(f"serial,key\n70000001,{KEY},\n70000002\n\n70000003,{KEY}\n").lines
    assert [(line.number, line.fault) for line in lines] == [
        (2, "3 fields instead of 2"),
        (3, "1 fields instead of 2"),
        (5, None),
    ]


def test_a_profile_may_be_a_file_of_ones_own(tmp_path: Path) -> None:
    profile = tmp_path / "works.toml"
    profile.write_text(
        'key_class = "oms"\nneeds = [["serial"], ["key"]]\n[columns]\nserial = ["Fabriksnr"]\nkey = ["Kod"]\n'
    )
    text = f"Fabriksnr;Kod;Gatuadress\n70000001;{KEY};Norra gatan 1\n"
    assert csv(text, str(profile)).lines[0].serial == "70000001"
    with pytest.raises(KeyFileError, match=r"profile \(kms: serial, key; lora"):
        csv(text)
    with pytest.raises(KeyFileError, match="no profile 'works'; there are kms, lora, wmbus"):
        find_profile("works")
    with pytest.raises(KeyFileError, match="cannot be read"):
        find_profile(str(tmp_path / "missing.toml"))
    for content, message in (
        ("key_class = ", "not understood"),
        ('key_class = "oms"\nneeds = []\n', "lacks columns"),
        ('key_class = "zigbee"\nneeds = []\n[columns]\n', "none of oms, lora"),
        ('key_class = "oms"\nneeds = []\n[columns]\ncolour = []\n', "there is no column colour"),
    ):
        profile.write_text(content)
        with pytest.raises(KeyFileError, match=message):
            find_profile(str(profile))


def test_a_named_profile_is_held_to() -> None:
    text = f"manufacturer,serial,type,key\nKAM,70000001,MULTICAL 21,{KEY}\n"
    assert csv(text).lines[0].fault == "the device type is not two hex digits"
    assert csv(text, "kms").lines[0].model == "MULTICAL 21"
    with pytest.raises(KeyFileError, match=r"\(lora: device_eui, app_key or nwk_key"):
        csv(text, "lora")


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    for start in (b"", b"<", b"PK\x03\x04", b"<MetersInOrder>", b"serial,key\n"):
        with suppress(RegistryError):
            read(start + content)


@given(st.sampled_from(FILES), st.data())
def test_any_mutation_of_a_key_file_is_read_or_refused(name: str, data: st.DataObject) -> None:
    content = bytearray((SAMPLES / name).read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    with suppress(RegistryError):
        read(bytes(content[: data.draw(st.integers(0, len(content)))]), lambda: EXPECTED[name]["password"])
