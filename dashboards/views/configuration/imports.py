"""Files of the registry, of readings and of keys: looked through first, then taken."""

import hashlib
from dataclasses import dataclass, replace

import polars as pl
import streamlit as st

from assets.steps.addresses import check_new_addresses
from assets.steps.dropped import refused_files
from assets.steps.importing import ImportOptions, import_content, import_key_content
from dashboards.components import asking, filters
from dashboards.components.asking import Working
from dashboards.components.rows import COUNT, TEXT, WHEN, named, rows_of
from dashboards.components.table import table
from dashboards.installation import installation
from dashboards.remembering import remembered
from dashboards.viewer import organisation, viewer, words
from dashboards.words import Words
from registry.imports import ImportMode, ImportReport, KeyReport
from registry.people.rights import DEVICE_AND_CUSTOMER_MANAGEMENT, KEYS, READING_MANAGEMENT, Right
from registry.profiles import Kind, find_profile, list_profiles
from registry.trail import Filter, events
from warehouse.queries import imports

KEY_FILE = "keys"
RIGHTS: dict[str, Right] = {
    "meters": Right(DEVICE_AND_CUSTOMER_MANAGEMENT),
    "customers": Right(DEVICE_AND_CUSTOMER_MANAGEMENT),
    "exchanges": Right(DEVICE_AND_CUSTOMER_MANAGEMENT),
    "readings": Right(READING_MANAGEMENT),
    "temperatures": Right(READING_MANAGEMENT),
    KEY_FILE: Right(DEVICE_AND_CUSTOMER_MANAGEMENT, KEYS),
}
"""What each kind of file needs; the same as on the command line."""

EVENTS = tuple(f"{kind}.import" for kind in RIGHTS)
_SEEN = "imports_seen"


@dataclass(frozen=True, slots=True)
class Choice:
    """A file, and how it is to be taken.

    Attributes:
        kind: What it holds.
        name: Its name.
        digest: Hash of its content.
        profile: Name of its layout; empty for that of its kind.
        partial: Whether good lines are taken where others are rejected.
        stock: Whether new meters go to stock.
        register: Whether unknown meters of a key file are added.
    """

    kind: str
    name: str = ""
    digest: str = ""
    profile: str = ""
    partial: bool = False
    stock: bool = False
    register: bool = False


def page() -> None:
    """Draws the page."""
    say = words()
    if organisation() != installation().organisation:
        st.info(say("config.elsewhere"), icon=":material/info:")
        return
    kinds = [kind for kind, right in RIGHTS.items() if viewer().may(right)]
    kind = filters.choice(
        say("imports.kind"), kinds, key="kind", default=kinds[0], named=lambda name: say.named("import_kind", name)
    )
    st.caption(say.named("import_columns", kind))
    file = st.file_uploader(say("imports.file"), key=f"file_{kind}")
    choice = _options(say, Choice(kind))
    password = st.text_input(say("imports.password"), type="password", key="password") if kind == KEY_FILE else ""
    if file is not None:
        content = file.getvalue()
        digest = hashlib.sha256(content).hexdigest()
        _steps(say, replace(choice, name=file.name, digest=digest), content, password)
    _latest(say)


def _options(say: Words, choice: Choice) -> Choice:
    """The choice with what else may be asked of its kind."""
    kind = choice.kind
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if kind != KEY_FILE:
            known = list_profiles(installation().settings.profiles_path).values()
            names = sorted(profile.name for profile in known if profile.kind == kind)
            named_one = st.selectbox(
                say("imports.profile"), names, None, placeholder=say("imports.usual"), key=f"as_{kind}"
            )
            choice = replace(choice, profile=named_one or "")
        partial = st.toggle(say("imports.partial"), help=say("imports.partial_help"), key="partial")
        choice = replace(choice, partial=partial)
        if kind == KEY_FILE:
            choice = replace(choice, register=st.toggle(say("imports.register"), key="register"))
        if kind in ("meters", KEY_FILE):
            choice = replace(choice, stock=st.toggle(say("imports.stock"), key="stock"))
    return choice


def _steps(say: Words, choice: Choice, content: bytes, password: str) -> None:
    """Looks through the file; what was seen can be taken as long as neither file nor options change."""
    right = RIGHTS[choice.kind]
    if st.button(say("imports.preview"), icon=":material/preview:", type="secondary"):
        with st.spinner(say("imports.looking"), show_time=True):
            is_done = asking.worked(
                right,
                lambda work: _carried_out(work, choice, content, password, dry_run=True),
                said=lambda report: _keep(say, choice, report),
                publish=None,
            )
        if is_done:
            st.rerun()
    seen, report = st.session_state.get(_SEEN, (None, None))
    if seen != choice or report is None:
        st.caption(say("imports.preview_first"))
        return
    _draw_report(say, report)
    is_empty = not report.rejected.is_empty() and not choice.partial
    if is_empty:
        st.warning(say("imports.refused_whole"), icon=":material/warning:")
    if st.button(say("imports.apply"), icon=":material/publish:", type="primary", disabled=is_empty):
        with st.spinner(say("imports.storing"), show_time=True):
            is_done = asking.worked(
                right,
                lambda work: _carried_out(work, choice, content, password, dry_run=False),
                said=lambda report: f"{_counted(say, choice.name, report)} {say('imports.figures_follow')}",
                publish=None,
            )
        if is_done:
            st.session_state.pop(_SEEN)
            st.rerun()


def _carried_out(
    work: Working, choice: Choice, content: bytes, password: str, *, dry_run: bool
) -> ImportReport | KeyReport:
    house = work.house
    if choice.kind == KEY_FILE:
        state = ("stock" if choice.stock else "in_use") if choice.register else None
        mode = ImportMode(partial=choice.partial, dry_run=dry_run)
        _, report = import_key_content(
            house, content, choice.name, password=lambda: password, register=state, mode=mode, **work.by
        )
        return report
    kind: Kind = choice.kind  # type: ignore[assignment]
    profile = find_profile(choice.profile, kind, house.settings.profiles_path)
    options = ImportOptions(partial=choice.partial, dry_run=dry_run, target_state="stock" if choice.stock else "in_use")
    done = import_content(house, profile, content, choice.name, options=options, **work.by)
    if done.stored and choice.kind == "customers":
        check_new_addresses(house, **work.by)
    return done


def _keep(say: Words, choice: Choice, report: ImportReport | KeyReport) -> str:
    st.session_state[_SEEN] = (choice, report)
    return say("imports.nothing_stored")


def _counted(say: Words, name: str, report: ImportReport | KeyReport) -> str:
    counts = {count: say.number(value) for count, value in _counts(report).items()}
    return say("imports.counted", file=name, **counts)


def _counts(report: ImportReport | KeyReport) -> dict[str, int]:
    if isinstance(report, KeyReport):
        new, changed, same = report.new, report.changed, report.equal
    else:
        new, changed, same = report.added, report.updated, report.unchanged
    return {"new": new, "changed": changed, "same": same, "rejected": _bad(report).height}


def _bad(report: ImportReport | KeyReport) -> pl.DataFrame:
    return pl.concat([report.unknown, report.rejected]) if isinstance(report, KeyReport) else report.rejected


def _draw_report(say: Words, report: ImportReport | KeyReport) -> None:
    with st.container(horizontal=True):
        for name, count in _counts(report).items():
            st.metric(say(f"imports.{name}"), say.number(count), border=True, width=150)
    for warning in report.warnings:
        st.warning(warning, icon=":material/warning:")
    bad = _bad(report)
    if bad.height:
        st.subheader(say("imports.rejected_lines"))
        table(say, bad, key="bad", file_name="rejected", nothing="", may_group=False)
    if isinstance(report, ImportReport) and report.changes.height:
        st.subheader(say("imports.changes"))
        table(say, report.changes, key="changes", file_name="changes", nothing="", may_group=False)
    if isinstance(report, ImportReport) and report.without_key:
        st.info(say("imports.without_key", count=say.number(len(report.without_key))), icon=":material/key_off:")


def _latest(say: Words) -> None:
    house = installation()
    st.subheader(say("imports.latest"))
    rows = rows_of(
        events(house.registry, Filter(organisation(), kinds=EVENTS), 200),
        {"at": WHEN, "event": TEXT, "object": TEXT, "identity": TEXT, "details": TEXT},
    )
    counts = ("added", "updated", "unchanged", "rejected", "new", "changed", "equal")
    details = pl.col("details").fill_null("{}").str.json_decode(pl.Struct(dict.fromkeys(counts, pl.Int64)))
    told = named(rows, "identity").with_columns(details).unnest("details")
    shown = told.select(
        "at",
        pl.col("event").str.split(".").list.first().alias("import_kind"),
        pl.col("object").alias("source_file"),
        "identity",
        new_rows=pl.coalesce("added", "new"),
        changed_rows=pl.coalesce("updated", "changed"),
        same_rows=pl.coalesce("unchanged", "equal"),
        rejected_rows="rejected",
    )
    table(
        say,
        shown,
        key="latest",
        file_name="imports",
        nothing=say("imports.none"),
        values={"import_kind": "import_kind"},
    )
    rejected = remembered(imports.rejected)
    if rejected.height:
        st.subheader(say("imports.rejected_of_files"))
        table(say, rejected, key="rejected", file_name="rejected", nothing="")
    waiting = refused_files(house)
    if waiting:
        st.subheader(say("imports.dropped"))
        columns = {"path": TEXT, "source": TEXT, "tries": COUNT, "first_at": WHEN, "last_at": WHEN, "reason": TEXT}
        frame = rows_of(waiting, columns).with_columns(path=pl.col("path").str.split("/").list.tail(2).list.join("/"))
        table(
            say,
            frame.rename({"path": "source_file", "last_at": "tried_at"}),
            key="dropped",
            file_name="dropped",
            nothing="",
        )
