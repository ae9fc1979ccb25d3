"""Pages of the area configuration: a module per page, each with a function ``page``."""

from dashboards.page import Page
from dashboards.viewer import SEE
from dashboards.views.configuration import (
    audit,
    custom_fields,
    export_destinations,
    export_formats,
    export_now,
    gateways,
    groups,
    imports,
    info_code_priority,
    jobs,
    keys,
    mail_templates,
    meter_update,
    organisations,
    policies,
    retention,
    support,
    system,
    tasks,
    users,
)
from registry.people.rights import (
    ACCESS_CONTROL,
    DEVICE_AND_CUSTOMER_MANAGEMENT,
    READING_MANAGEMENT,
    SYSTEM_CONFIGURATION,
    Right,
)

_SYSTEM, _ACCESS = (Right(SYSTEM_CONFIGURATION),), (Right(ACCESS_CONTROL),)
_WORK = (Right(READING_MANAGEMENT), Right(DEVICE_AND_CUSTOMER_MANAGEMENT), Right(SYSTEM_CONFIGURATION))

PAGES: tuple[Page, ...] = (
    Page("imports", "upload_file", imports.page, rights=tuple(dict.fromkeys(imports.RIGHTS.values()))),
    Page("tasks", "checklist", tasks.page, rights=_WORK),
    Page("jobs", "schedule_send", jobs.page, rights=jobs.RIGHTS),
    Page("export_now", "output", export_now.page),
    Page("export_formats", "data_object", export_formats.page, sample={"format": "consumption-csv"}),
    Page("export_destinations", "drive_file_move", export_destinations.page, rights=_SYSTEM),
    Page("groups", "workspaces", groups.page, sample={"group": "Harbour"}),
    Page("gateways", "router", gateways.page, sample={"collector": "C-0"}),
    Page("custom_fields", "format_list_bulleted_add", custom_fields.page, feature="custom_fields"),
    Page("meter_update", "edit_note", meter_update.page, rights=(meter_update.RIGHT,), feature="meter_update"),
    Page("info_code_priority", "priority_high", info_code_priority.page),
    Page("policies", "gavel", policies.page),
    Page("retention", "auto_delete", retention.page, rights=_SYSTEM),
    Page("keys", "key", keys.page, rights=(keys.SEE_KEYS,)),
    Page("users", "group", users.page, rights=_ACCESS),
    Page("organisations", "domain", organisations.page, rights=_ACCESS),
    Page("mail_templates", "mail", mail_templates.page, rights=_SYSTEM),
    Page("audit", "history", audit.page, rights=_SYSTEM),
    Page("system", "settings", system.page, rights=_SYSTEM),
    Page("support", "support", support.page, rights=SEE),
)
