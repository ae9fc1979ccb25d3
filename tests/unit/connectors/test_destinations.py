import paramiko
import pytest

from connectors.destinations import (
    FolderDestination,
    FtpsDestination,
    MailDestination,
    SftpDestination,
    read_destination,
)
from connectors.errors import ConnectorError
from registry.mail.kinds import LANGUAGES

KEY = paramiko.ECDSAKey.generate()


def line(name: str) -> str:
    return f"{name} {KEY.get_name()} {KEY.get_base64()}"


SFTP = f"""
kind: sftp
host: sftp.example.org
username: meterhouse
folder: in
host_key: |
  # from the operator, 2026-01-15
  {line("sftp.example.org")}
"""
FTPS = "kind: ftps\nhost: ftp.example.org\nusername: meterhouse\n"
MAIL = "kind: mail\nto: [billing@example.org, audit@example.org]\n"


def test_each_kind_is_read():
    folder = read_destination("kind: folder\npath: billing/out\n")
    assert isinstance(folder, FolderDestination)
    assert (folder.path, folder.label) == ("billing/out", "folder billing/out")
    sftp = read_destination(SFTP)
    assert isinstance(sftp, SftpDestination)
    assert (sftp.port, sftp.auth, sftp.label) == (22, "password", "sftp://meterhouse@sftp.example.org:22")
    ftps = read_destination(FTPS)
    assert isinstance(ftps, FtpsDestination)
    assert (ftps.label, ftps.folder) == ("ftps://meterhouse@ftp.example.org:21", ".")
    implicit = read_destination(FTPS + "implicit: true\n")
    assert isinstance(implicit, FtpsDestination)
    assert implicit.actual_port == 990
    mail = read_destination(MAIL)
    assert isinstance(mail, MailDestination)
    assert (len(mail.to), mail.manifest, mail.subject, mail.language) == (2, True, "{job} {from} {to}", "en")


def test_letters_go_in_the_languages_that_there_are_templates_of():
    for language in LANGUAGES:
        mail = read_destination(f"{MAIL}language: {language}\n")
        assert isinstance(mail, MailDestination)
        assert mail.language == language
    with pytest.raises(ConnectorError, match=r"mail\.language: "):
        read_destination(f"{MAIL}language: xx\n")


def test_what_is_shown_of_a_mail_destination_names_nobody():
    mail = read_destination(MAIL)
    assert "example.org" not in f"{mail!r} {mail.label}"


@pytest.mark.parametrize("path", ["/etc", "../out", "out/../..", "out\\..", "a\tb", ""])
def test_a_folder_lies_inside_the_export_folder(path: str):
    with pytest.raises(ConnectorError, match=r"folder\.path: "):
        read_destination(f"kind: folder\npath: {path!r}\n")


def test_host_keys_of_other_ports_and_hosts_pin_nothing():
    assert read_destination(SFTP.replace("sftp.example.org ecdsa", "[sftp.example.org]:22,sftp.example.org ecdsa"))
    for wrong in (
        SFTP.replace("sftp.example.org ecdsa", "other.example.org ecdsa"),
        SFTP + "port: 2222\n",
        SFTP.replace(KEY.get_base64(), "garbage"),
        SFTP.replace("sftp.example.org ecdsa", "@revoked sftp.example.org ecdsa"),
        SFTP.replace("sftp.example.org ecdsa", ""),
        SFTP.replace(line("sftp.example.org"), "# none"),
    ):
        with pytest.raises(ConnectorError, match="host_key: each line has to be one of a known_hosts file"):
            read_destination(wrong)
    port = SFTP.replace("sftp.example.org ecdsa", "[sftp.example.org]:2222 ecdsa")
    assert read_destination(port + "port: 2222\n")


def test_hashed_host_names_are_understood():
    hashed = paramiko.HostKeys.hash_host("sftp.example.org")
    assert read_destination(SFTP.replace("sftp.example.org ecdsa", f"{hashed} ecdsa"))


@pytest.mark.parametrize(
    ("document", "place"),
    [
        (SFTP + "password: open-sesame\n", "sftp.password: Extra inputs are not permitted"),
        (SFTP + "auth: agent\n", "sftp.auth: "),
        (FTPS + "port: 0\n", "ftps.port: "),
        (FTPS.replace("ftp.example.org", "open-sesame@ftp.example.org"), "ftps.host: "),
        (FTPS + "username: x\n", "'username' stands twice"),
        (FTPS + "certificate: open-sesame\n", "ftps.certificate: .*no certificate in PEM"),
        (FTPS + "certificate: '-----BEGIN PRIVATE KEY-----'\n", "ftps.certificate: .*holds a private key"),
        (FTPS + f"fingerprint: {'ab' * 32}\n", "fingerprint: it is looked at with allow_self_signed alone"),
        (FTPS + "allow_self_signed: true\nfingerprint: open-sesame\n", "ftps.fingerprint: .*no SHA-256"),
        (MAIL.replace("audit@example.org", "open-sesame"), r"mail.to.1: .*no e-mail address"),
        ("kind: mail\nto: []\n", "mail.to: "),
        (MAIL + 'subject: "a\\nBcc: x"\n', "mail.subject: "),
        ("kind: http\n", "does not match any of the expected tags"),
        ("host: a\n", "Unable to extract tag"),
        ("- a\n", "holds no settings"),
        ("kind: [\n", "no YAML"),
    ],
)
def test_what_is_wrong_is_named_and_not_repeated(document: str, place: str):
    with pytest.raises(ConnectorError, match=place) as raised:
        read_destination(document)
    assert "open-sesame" not in str(raised.value)
    assert str(raised.value).startswith("The destination ")


def test_fingerprints_as_openssl_prints_them():
    printed = ":".join(["AB"] * 32)
    read = read_destination(FTPS + f"allow_self_signed: true\nfingerprint: '{printed}'\n")
    assert isinstance(read, FtpsDestination)
    assert read.fingerprint == "ab" * 32
