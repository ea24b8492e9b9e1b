"""This module declares every attribute of the schemas of RFC 7643 §4.

Validation, `/Schemas`, PATCH targets, filters, projection, lookups and the attribute tables all use it. Only `userName`
and a group's `displayName` are required: Entra leaves out empty values, so a stricter rule would refuse users.
"""

from app import bounds
from app.scim.data_types import Binary, Flag, Identifier, Instant, ReadableIdentifier, Reference, ResourceId, Text
from app.scim.fields import Complex, ScimSchema, attribute

WORK_HOME_OTHER = ("work", "home", "other")


class MetaSchema(ScimSchema):
    """`meta` of RFC 7643 §3.1: set by the service provider."""

    resourceType = attribute(Text, "The kind of resource", mutability="readOnly", case_exact=True)
    created = attribute(Instant, "When it was made here", mutability="readOnly")
    lastModified = attribute(Instant, "When it last changed", mutability="readOnly")
    location = attribute(Reference, "Its address", mutability="readOnly", reference_types=("uri",))
    version = attribute(Text, "Its version, as a weak entity tag", mutability="readOnly", case_exact=True)


class ResourceSchema(ScimSchema):
    """The common attributes of every resource, whatever its type (RFC 7643 §3.1)."""

    schemas = attribute(
        Reference, "The URNs of the schemas that it uses", many=True, returned="always", reference_types=("uri",)
    )
    id = attribute(
        Identifier, "Its identifier here, never reused", mutability="readOnly", returned="always", uniqueness="server",
        case_exact=True, storage="row",
    )  # fmt: skip
    externalId = attribute(
        Identifier, "The client's own identifier, kept as it was sent; need not be unique", case_exact=True, lookup=True
    )
    meta = attribute(Complex, "About the resource itself", MetaSchema, mutability="readOnly", storage="row")


class NameSchema(ScimSchema):
    """`name` of RFC 7643 §4.1.1."""

    formatted = attribute(Text, "The whole name as it is shown")
    familyName = attribute(Text, "Family name")
    givenName = attribute(Text, "Given name")
    middleName = attribute(Text, "Middle names")
    honorificPrefix = attribute(Text, "Title before the name, like Dr.")
    honorificSuffix = attribute(Text, "What follows the name, like III")


class EmailSchema(ScimSchema):
    """A value of `emails` (RFC 7643 §4.1.2)."""

    value = attribute(Text, "The address", lookup=True)
    display = attribute(Text, "How the address is shown")
    type = attribute(Text, "What the address is for", canonical_values=WORK_HOME_OTHER)
    primary = attribute(Flag, "Whether it is the preferred one")


class PhoneNumberSchema(ScimSchema):
    """A value of `phoneNumbers` (RFC 7643 §4.1.2)."""

    value = attribute(Text, "The number, in any form")
    display = attribute(Text, "How the number is shown")
    type = attribute(Text, "What the number is for", canonical_values=(*WORK_HOME_OTHER, "mobile", "fax", "pager"))
    primary = attribute(Flag, "Whether it is the preferred one")


class ImSchema(ScimSchema):
    """A value of `ims` (RFC 7643 §4.1.2)."""

    value = attribute(Text, "The instant messaging address")
    display = attribute(Text, "How the address is shown")
    type = attribute(
        Text, "The messaging service", canonical_values=("aim", "gtalk", "icq", "xmpp", "msn", "skype", "qq", "yahoo")
    )
    primary = attribute(Flag, "Whether it is the preferred one")


class PhotoSchema(ScimSchema):
    """A value of `photos` (RFC 7643 §4.1.2). The URL is never fetched."""

    value = attribute(Reference, "The address of the picture", reference_types=("external",))
    display = attribute(Text, "How the picture is named")
    type = attribute(Text, "The kind of picture", canonical_values=("photo", "thumbnail"))
    primary = attribute(Flag, "Whether it is the preferred one")


class AddressSchema(ScimSchema):
    """A value of `addresses` (RFC 7643 §4.1.2)."""

    formatted = attribute(Text, "The whole address as it is shown", max_length=bounds.FORMATTED_ADDRESS_LENGTH)
    streetAddress = attribute(Text, "Street, house number, flat")
    locality = attribute(Text, "City or place")
    region = attribute(Text, "State or region")
    postalCode = attribute(Text, "Postal code")
    country = attribute(Text, "Country, in any form")
    type = attribute(Text, "What the address is for", canonical_values=WORK_HOME_OTHER)
    primary = attribute(Flag, "Whether it is the preferred one")


class EntitlementSchema(ScimSchema):
    """A value of `entitlements` (RFC 7643 §4.1.2)."""

    value = attribute(Text, "What the user may have")
    display = attribute(Text, "How it is shown")
    type = attribute(Text, "The kind of entitlement")
    primary = attribute(Flag, "Whether it is the preferred one")


class RoleSchema(ScimSchema):
    """A value of `roles` (RFC 7643 §4.1.2): data; it grants a right here only if an owner has mapped its `value`.

    Entra names an app role's text `displayName` where the RFC says `display`; both are stored as they were sent.
    """

    value = attribute(Text, "The role")
    display = attribute(Text, "How the role is shown")
    displayName = attribute(Text, "How the role is shown, as Entra names it")
    id = attribute(Text, "The app role's identifier in Entra", case_exact=True)
    type = attribute(Text, "The kind of role")
    primary = attribute(Flag, "Whether it is the preferred one")


class CertificateSchema(ScimSchema):
    """A value of `x509Certificates` (RFC 7643 §4.1.2)."""

    value = attribute(Binary, "The certificate, DER in base64")
    display = attribute(Text, "How the certificate is shown")
    type = attribute(Text, "What the certificate is for")
    primary = attribute(Flag, "Whether it is the preferred one")


class GroupOfUserSchema(ScimSchema):
    """A value of `groups` (RFC 7643 §4.1.2): read from the groups' members."""

    value = attribute(Text, "The group's id", mutability="readOnly", case_exact=True)
    ref = attribute(
        Reference, "The group's address below the base URL", name="$ref", mutability="readOnly",
        reference_types=("Group",),
    )  # fmt: skip
    display = attribute(Text, "The group's displayName", mutability="readOnly")
    type = attribute(
        Text, "Always direct: groups in groups are not followed", mutability="readOnly",
        canonical_values=("direct", "indirect"),
    )  # fmt: skip


class UserSchema(ResourceSchema):
    """The core User of RFC 7643 §4.1."""

    urn = "urn:ietf:params:scim:schemas:core:2.0:User"
    schema_name = "User"
    schema_description = "A person"

    userName = attribute(
        ReadableIdentifier, "Sign-in name, unique regardless of case", required=True, uniqueness="server", lookup=True,
        max_length=bounds.USER_NAME_LENGTH,
    )  # fmt: skip
    name = attribute(Complex, "The parts of the name", NameSchema)
    displayName = attribute(Text, "The name that is shown", lookup=True)
    nickName = attribute(Text, "What friends say")
    profileUrl = attribute(Reference, "A page about the user", reference_types=("external",))
    title = attribute(Text, "Job title")
    userType = attribute(Text, "The relation to the organization, like Employee")
    preferredLanguage = attribute(Text, "Preferred language, as in Accept-Language")
    locale = attribute(Text, "Where numbers, dates and currencies are written as the user does")
    timezone = attribute(Text, "Time zone, like Europe/Berlin")
    active = attribute(
        Flag, "Whether the user may use Recnice; Entra sets false when the user leaves", is_clearable=False
    )
    password = attribute(
        Text, "Accepted and thrown away: people sign in with Entra", mutability="writeOnly", returned="never",
        case_exact=True, storage="nowhere",
    )  # fmt: skip
    emails = attribute(Complex, "E-mail addresses", EmailSchema, many=True)
    phoneNumbers = attribute(Complex, "Phone numbers", PhoneNumberSchema, many=True)
    ims = attribute(Complex, "Instant messaging addresses", ImSchema, many=True)
    photos = attribute(Complex, "Pictures of the user", PhotoSchema, many=True)
    addresses = attribute(Complex, "Postal addresses", AddressSchema, many=True)
    groups = attribute(
        Complex, "The groups that the user is in; changed through the groups", GroupOfUserSchema, many=True,
        mutability="readOnly", storage="membership",
    )  # fmt: skip
    entitlements = attribute(Complex, "Entitlements", EntitlementSchema, many=True)
    roles = attribute(Complex, "App roles", RoleSchema, many=True)
    x509Certificates = attribute(Complex, "Certificates", CertificateSchema, many=True)


class ManagerSchema(ScimSchema):
    """`manager` of RFC 7643 §4.3: stored as it was sent, whether or not that id is known here."""

    value = attribute(ResourceId, "The manager's id", case_exact=True)
    ref = attribute(Reference, "The manager's address", name="$ref", reference_types=("User",))
    displayName = attribute(Text, "Never made up here", mutability="readOnly")


class EnterpriseUserSchema(ScimSchema):
    """The enterprise extension of User (RFC 7643 §4.3)."""

    urn = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
    schema_name = "EnterpriseUser"
    schema_description = "What an organization adds to a person"

    employeeNumber = attribute(Text, "Number in the organization")
    costCenter = attribute(Text, "Cost center")
    organization = attribute(Text, "Organization")
    division = attribute(Text, "Division")
    department = attribute(Text, "Department")
    manager = attribute(Complex, "The user's manager", ManagerSchema)


class MemberSchema(ScimSchema):
    """A value of `members` (RFC 7643 §4.2). The server derives all but `value` from the resource referred to."""

    value = attribute(ResourceId, "The member's id", mutability="immutable", case_exact=True)
    ref = attribute(
        Reference, "The member's address below the base URL", name="$ref", mutability="immutable",
        reference_types=("User", "Group"),
    )  # fmt: skip
    display = attribute(Text, "The member's displayName, or userName where it has none", mutability="readOnly")
    type = attribute(
        Text, "User or Group; missing while nobody with this id is known", mutability="immutable",
        canonical_values=("User", "Group"),
    )  # fmt: skip


class GroupSchema(ResourceSchema):
    """The Group of RFC 7643 §4.2."""

    urn = "urn:ietf:params:scim:schemas:core:2.0:Group"
    schema_name = "Group"
    schema_description = "A group of people and other groups"

    displayName = attribute(
        ReadableIdentifier, "Displayed name, unique regardless of case", required=True, uniqueness="server", lookup=True
    )
    members = attribute(
        Complex, "Users and groups in the group", MemberSchema, many=True, storage="membership",
        max_length=bounds.MEMBERS_PER_REQUEST,
    )  # fmt: skip
