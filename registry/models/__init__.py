"""The registry's tables: who and what.

Instants are UTC. ``organisation`` is on every table but ``data_keys``, which are the installation's. Personal data
stands in ``customers``, ``customer_versions`` and ``users`` and nowhere else in clear; keys stand wrapped.
"""

from registry.models.alerts import ConsumptionAlert
from registry.models.base import Base, Exact, Instant
from registry.models.capacity import CapacityPlan
from registry.models.comments import ReportComment
from registry.models.custom_fields import CustomField, CustomValue
from registry.models.customers import Customer, CustomerVersion
from registry.models.decisions import Decision, ManualReading, PolicyTrial
from registry.models.erasure import ErasedCustomer, Erasure, LegalHold
from registry.models.events import AuditEvent, SubjectKey
from registry.models.exports import ExportDestination, ExportFormat, ExportJob, ExportRun
from registry.models.groups import Group, GroupMember, GroupReader
from registry.models.heat_faults import HeatFaultReview
from registry.models.inventory import (
    Collector,
    Exchange,
    FinalReading,
    Installation,
    Meter,
    MeterConfiguration,
    MeteringPoint,
)
from registry.models.key_management import (
    Batch,
    BatchDevice,
    Claim,
    DataKey,
    KeyBundle,
    Label,
    Organisation,
    Partner,
)
from registry.models.keys import MeterKey, SigningKey
from registry.models.landing import Cursor, File, RefusedImport
from registry.models.mail import ActiveMailTemplate, MailTemplate, OutgoingMail
from registry.models.notifications import (
    NotificationMessage,
    NotificationRecipient,
    NotificationRule,
    NotificationTelling,
)
from registry.models.people import (
    AllowedDomain,
    DomainRequest,
    Invitation,
    MeterGrant,
    RolePermission,
    ServiceIdentity,
    ServicePermission,
    SignInThrottle,
    User,
    UserCapability,
    UserRole,
    UserSession,
    UserToken,
)
from registry.models.policies import PolicyVersion
from registry.models.retention import RetentionCertificate, RetentionCount

__all__ = [
    "ActiveMailTemplate",
    "AllowedDomain",
    "AuditEvent",
    "Base",
    "Batch",
    "BatchDevice",
    "CapacityPlan",
    "Claim",
    "Collector",
    "ConsumptionAlert",
    "Cursor",
    "CustomField",
    "CustomValue",
    "Customer",
    "CustomerVersion",
    "DataKey",
    "Decision",
    "DomainRequest",
    "ErasedCustomer",
    "Erasure",
    "Exact",
    "Exchange",
    "ExportDestination",
    "ExportFormat",
    "ExportJob",
    "ExportRun",
    "File",
    "FinalReading",
    "Group",
    "GroupMember",
    "GroupReader",
    "HeatFaultReview",
    "Installation",
    "Instant",
    "Invitation",
    "KeyBundle",
    "Label",
    "LegalHold",
    "MailTemplate",
    "ManualReading",
    "Meter",
    "MeterConfiguration",
    "MeterGrant",
    "MeterKey",
    "MeteringPoint",
    "NotificationMessage",
    "NotificationRecipient",
    "NotificationRule",
    "NotificationTelling",
    "Organisation",
    "OutgoingMail",
    "Partner",
    "PolicyTrial",
    "PolicyVersion",
    "RefusedImport",
    "ReportComment",
    "RetentionCertificate",
    "RetentionCount",
    "RolePermission",
    "ServiceIdentity",
    "ServicePermission",
    "SignInThrottle",
    "SigningKey",
    "SubjectKey",
    "User",
    "UserCapability",
    "UserRole",
    "UserSession",
    "UserToken",
]
