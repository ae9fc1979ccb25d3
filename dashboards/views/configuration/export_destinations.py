"""Destinations of files: a folder, an SFTP or FTPS server, mailboxes; passwords and keys are taken and never shown."""

from collections.abc import Callable, Mapping
from typing import Any, get_args

import polars as pl
import streamlit as st

from assets.steps.delivering import try_destination
from assets.steps.export_settings import remove_destination, save_destination
from connectors.destinations import (
    Destination,
    MailDestination,
    SftpDestination,
    destination_of,
    read_destination,
)
from dashboards.components import asking, filters
from dashboards.components.asking import Doing, Working
from dashboards.components.confirming import confirmed
from dashboards.components.rows import COUNT, TEXT, WHEN, YES
from dashboards.components.seen import forget, seen
from dashboards.components.table import table
from dashboards.installation import installation
from dashboards.viewer import organisation, words
from dashboards.words import Words
from registry.exports import destinations
from registry.mail.kinds import DEFAULT_LANGUAGE, LANGUAGES
from registry.people.rights import SYSTEM_CONFIGURATION, Right

RIGHT = Right(SYSTEM_CONFIGURATION)
NEW = "+"
"""Choice of a destination that there is not yet; none has this name."""

_WITH_SECRET = ("sftp", "ftps")
_COLUMNS = {
    "destination": TEXT,
    "destination_kind": TEXT,
    "place": TEXT,
    "has_secret": YES,
    "version": COUNT,
    "changed_at": WHEN,
}
_Settings = dict[str, Any]


def page() -> None:
    """Draws the page."""
    say = words()
    if organisation() != installation().organisation:
        st.info(say("config.elsewhere"), icon=":material/info:")
        return
    with installation().registry.begin(readonly=True) as session:
        stored = {
            row.name: (row, read_destination(row.document)) for row in destinations.listing(session, organisation())
        }
    rows = [
        (name, place.kind, place.label, row.secret is not None, row.version, row.changed_at)
        for name, (row, place) in stored.items()
    ]
    table(
        say,
        pl.DataFrame(rows, schema=_COLUMNS, orient="row"),
        key="destinations",
        file_name="destinations",
        nothing=say("destinations.none"),
        values={"destination_kind": "destination_kind"},
    )
    name = filters.one_of(
        say("column.destination"),
        [*stored, NEW],
        key="destination",
        named=lambda one: say("destinations.new") if one == NEW else one,
    )
    if name == NEW:
        _edit(say, "", None, 0)
        return
    row, place = stored[name]
    version, place = seen(say, f"destination_{name}", (row.version, place))
    _actions(say, name)
    with st.container(border=True):
        _edit(say, name, place, version)


def _actions(say: Words, name: str) -> None:
    with st.container(horizontal=True):
        if st.button(say("destinations.try"), icon=":material/send:", key="try", help=say("destinations.try_help")):

            def send(work: Working) -> str:
                return try_destination(work.house, name, work.now)

            with st.spinner(say("destinations.trying")):
                is_done = asking.worked(
                    RIGHT, send, said=lambda file: say("destinations.tried", file=file, destination=name)
                )
            if is_done:
                st.rerun()
        if confirmed(
            say,
            say("destinations.remove"),
            say("destinations.remove_help", destination=name),
            key="remove",
            icon="delete",
        ):

            def remove(doing: Doing) -> None:
                remove_destination(doing.session, doing.organisation, name, **doing.by)

            said = say("destinations.removed", destination=name)
            if asking.done(RIGHT, remove, said=lambda _: said, publish=asking.publish_events):
                forget(f"destination_{name}")
                st.rerun()


def _edit(say: Words, name: str, place: Destination | None, version: int) -> None:
    key = f"{name}_{version}"
    kinds = list(_FORMS)
    kind = st.selectbox(
        say("column.destination_kind"),
        kinds,
        index=kinds.index(place.kind) if place else 0,
        format_func=lambda one: say.named("destination_kind", one),
        key=f"kind_{key}",
    )
    with st.form(f"destination_{key}_{kind}", enter_to_submit=False, border=False):
        wanted = name or str(st.text_input(say("column.destination"), max_chars=64, help=say("formats.name_help")))
        known: _Settings = place.model_dump() if place and place.kind == kind else {}
        settings = _FORMS[kind](say, known)
        secret = ""
        if kind in _WITH_SECRET:
            secret = str(st.text_area(say("destinations.secret"), height=80, help=say("destinations.secret_help")))
        if not st.form_submit_button(say("config.save"), type="primary"):
            return
    _save(say, wanted.strip(), {"kind": kind, **settings}, secret, version)


def _save(say: Words, name: str, settings: _Settings, secret: str, version: int) -> None:
    given = {setting: value for setting, value in settings.items() if value not in ("", None)}
    vault = installation().vault  # opening it writes, which the transaction below would wait for

    def save(doing: Doing) -> None:
        rows = destinations.listing(doing.session, doing.organisation)
        stored = next((row.version for row in rows if row.name == name), 0)
        asking.unchanged(version, stored, name)
        save_destination(
            doing.session,
            vault,
            doing.organisation,
            name,
            destination_of(given).written(),
            secret=_plain(secret) or None,
            version=version,
            **doing.by,
        )

    said = say("destinations.saved", destination=name)
    if asking.done(RIGHT, save, said=lambda _: said, publish=asking.publish_events):
        forget(f"destination_{name}")
        st.query_params["destination"] = name
        st.rerun()


def _plain(secret: str) -> bytes:
    """A password without the line end that was pasted with it; a private key as it is."""
    return (secret if "PRIVATE KEY" in secret else secret.strip("\r\n")).encode()


def _folder(say: Words, known: _Settings) -> _Settings:
    return {"path": st.text_input(say("destinations.path"), known.get("path", "."), help=say("destinations.path_help"))}


def _sftp(say: Words, known: _Settings) -> _Settings:
    offered = list(get_args(SftpDestination.model_fields["auth"].annotation))
    return {
        **_server(say, known, 22),
        "host_key": st.text_area(
            say("destinations.host_key"), known.get("host_key", ""), height=80, help=say("destinations.host_key_help")
        ),
        "auth": st.selectbox(
            say("destinations.auth"),
            offered,
            index=offered.index(known.get("auth", offered[0])),
            format_func=lambda one: say.named("destination_auth", one),
        ),
    }


def _ftps(say: Words, known: _Settings) -> _Settings:
    return {
        **_server(say, known, None),
        "implicit": st.toggle(say("destinations.implicit"), bool(known.get("implicit", False))),
        "allow_self_signed": st.toggle(
            say("destinations.self_signed"),
            bool(known.get("allow_self_signed", False)),
            help=say("destinations.self_signed_help"),
        ),
        "fingerprint": st.text_input(say("destinations.fingerprint"), known.get("fingerprint") or ""),
        "certificate": st.text_area(
            say("destinations.certificate"),
            known.get("certificate") or "",
            height=80,
            help=say("destinations.certificate_help"),
        ),
    }


def _mail(say: Words, known: _Settings) -> _Settings:
    to = st.text_area(
        say("destinations.to"), "\n".join(known.get("to", ())), height=100, help=say("destinations.to_help")
    )
    subject = MailDestination.model_fields["subject"].default
    return {
        "to": tuple(line.strip() for line in str(to).splitlines() if line.strip()),
        "subject": st.text_input(say("mail.subject"), known.get("subject", subject)),
        "manifest": st.toggle(say("destinations.manifest"), bool(known.get("manifest", True))),
        "language": st.selectbox(
            say("shell.language"),
            LANGUAGES,
            LANGUAGES.index(known.get("language", DEFAULT_LANGUAGE)),
            format_func=lambda one: say.named("mail_language", one),
        ),
    }


def _server(say: Words, known: _Settings, port: int | None) -> _Settings:
    with st.container(horizontal=True):
        host = st.text_input(say("destinations.host"), known.get("host", ""))
        number = st.number_input(say("destinations.port"), 1, 65535, known.get("port", port), step=1)
    with st.container(horizontal=True):
        account = st.text_input(say("destinations.username"), known.get("username", ""))
        folder = st.text_input(say("destinations.folder"), known.get("folder", "."))
    return {"host": host, "port": number, "username": account, "folder": folder}


_FORMS: Mapping[str, Callable[[Words, _Settings], _Settings]] = {
    "folder": _folder,
    "sftp": _sftp,
    "ftps": _ftps,
    "mail": _mail,
}
"""What is asked of a destination, by kind."""
