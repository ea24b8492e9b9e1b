"""This module declares every limit on external input.

Sizes are in bytes and lengths in characters unless the name says otherwise. A request over a limit is refused with
400 or 413. Only a page of a list is shortened instead, and reports its size (`itemsPerPage`, RFC 7644 §3.4.2.4).
"""

# --- requests to /scim
BODY_BYTES = 2 * 1024 * 1024
JSON_DEPTH = 32
JSON_SEPARATORS = 200_000  # commas, opening brackets and braces; the ids of all members in 2 MiB have half as many
NUMBER_DIGITS = 20  # of an integer that is parsed exactly: 64 bits with a sign
NUMBER_LENGTH = 1_000  # of any number, including its fraction and exponent

# --- resources
TEXT_LENGTH = 1_024
USER_NAME_LENGTH = 320
FORMATTED_ADDRESS_LENGTH = 4_096
REFERENCE_LENGTH = 2_048
BINARY_LENGTH = 65_536
VALUES_PER_ATTRIBUTE = 200
MEMBERS_PER_REQUEST = 10_000
INTEGER_MINIMUM = -(2**63)
INTEGER_MAXIMUM = 2**63 - 1

# --- custom schemas, files in the data folder
SCHEMA_FILES = 100
SCHEMA_FILE_BYTES = 256 * 1024
SCHEMA_ATTRIBUTES = 500  # in one schema, including sub-attributes
SCHEMA_NAME_LENGTH = 100
SCHEMA_URN_LENGTH = 200
SCHEMA_DESCRIPTION_LENGTH = 1_024
SCHEMA_LIST_LENGTH = 500

# --- filters, paths, PATCH
FILTER_LENGTH = 4_096
FILTER_TOKENS = 400
FILTER_DEPTH = 16
SEARCH_TEXT_LENGTH = 256
PATH_LENGTH = 1_024
PATH_TOKENS = 40
PATHS_REMEMBERED = 512
LOOKUPS_REMEMBERED = 64  # queries of lists that differ in more than the value, per resource type
PATCH_OPERATIONS = 1_000
PATCH_VALUES_EXAMINED = 50_000  # in all operations: stored values per filter comparison, and values in the request
PATCH_MEMBER_COMPARISONS = 20  # in the filters of all operations; `members[value eq "…"]` alone does not count
ATTRIBUTE_LIST_LENGTH = 4_096

# --- pages
PAGE_SIZE = 100
PAGE_SIZE_MAXIMUM = 200
START_INDEX_MAXIMUM = 2**53
ROWS_BETWEEN_MARKS = 1_000  # of a type's list, so that a page in its middle does not read the rows before it
PROJECTIONS_REMEMBERED = 256  # lists in `attributes` and `excludedAttributes`

# --- administrators, keys, sign-in
ACTIVE_SCIM_KEYS = 2
KEY_NAME_LENGTH = 100
KEY_USE_NOTED_S = 60
KEYS_NOTED = 200  # SCIM Keys, or credentials of OAuth clients, whose last use is kept in memory
KEY_HAND_OVER_S = 24 * 60 * 60
KEY_LISTENED_S = 2 * 60 * 60  # three of Entra's cycles
KEY_IDLE_S = 3 * 24 * 60 * 60
ADDRESS_FAILURES = 100
ADDRESS_FAILURE_WINDOW_S = 60
FAILING_ADDRESSES = 4_096
ADDRESSES_REMEMBERED = 256  # texts, with the IP address that each is
HOSTS_REMEMBERED = 64  # values of the Host header, with whether each is allowed
OAUTH_CLIENTS = 10  # active
OAUTH_SECRETS = 5  # active, per client
OAUTH_TRUSTS = 5  # active, per client
ACCESS_TOKEN_S = 60 * 60
ACCESS_TOKENS = 1_000  # per client; the oldest are deleted when there are more
ACCESS_TOKENS_REMEMBERED_S = 24 * 60 * 60  # after they expire, to distinguish an expired token from an invalid one
TOKEN_REQUEST_BYTES = 40 * 1024  # the longest assertion and some parameter names
TOKEN_REQUEST_PARAMETERS = 30
ASSERTIONS_AT_ONCE = 4
SETUP_CODE_S = 60 * 60
OPERATOR_NAME_LENGTH = 320
PASSWORD_LENGTH_MINIMUM = 12
PASSWORD_LENGTH_MAXIMUM = 1_024
PASSWORD_VARIETY = 5  # different characters
PASSWORD_NAME_LENGTH = 4  # a shorter user name may be part of the password
PASSWORD_WITHOUT_NAME_LENGTH = 8
PASSWORD_CHECKS_AT_ONCE = 2
PASSWORD_CHECKS_WAITING = 4  # each also holds a thread of the server; further requests are refused immediately
PASSWORD_WAIT_S = 5
SLOWED_CHECKS_AT_ONCE = 1  # of PASSWORD_CHECKS_AT_ONCE, from networks that failed too often
SLOWED_CHECKS_WAITING = 2
SIGN_IN_FAILURES = 10  # per account, and per IP address
SIGN_IN_LOOK_S = 60  # interval of the attempts of each account that remain from an IP address that failed too often
FAILURES_OF_IPV6 = {64: 1, 56: 2, 48: 4}  # prefix to multiple of SIGN_IN_FAILURES that a network of this size may fail
CODE_FAILURES = 20  # per administrator, from all IP addresses together
WRONG_CODES = 100  # in a row; after that only recovery codes are accepted, no codes of the app
SIGN_IN_WINDOW_S = 10 * 60
SESSION_IDLE_S = 30 * 60
SESSION_AGE_S = 12 * 60 * 60
SESSION_SEEN_S = 60
SESSIONS = 50  # per administrator or user; those used last are kept
PROOF_S = 5 * 60
WRONG_PROOFS = 5
CODE_DRIFT_STEPS = 1  # steps of 30 seconds by which the clock of an authenticator app may differ
CODE_LENGTH = 64  # including spaces and hyphens that a user types
CODE_WAIT_S = 5 * 60  # between the correct password and the code
PAIRING_S = 10 * 60  # between the display of the secret and the first code of the app
RECOVERY_CODES = 10
AUTHENTICATOR_NAME_LENGTH = 40  # of the administrator's name in an authenticator app
SOURCE_NOTED_S = 60 * 60
SOURCE_NOTE_PAUSE_S = 1.0
SOURCE_DAYS = 30
SEEN_SOURCES = 400
ALLOWED_NETWORKS = 400  # as many as can be proposed in one form
NETWORK_PREFIX_MINIMUM = {4: 8, 6: 16}  # by IP version; a wider network is a large part of the internet
NETWORK_SHOWN_LENGTH = 80  # of the input that an error message quotes
NETWORK_NOTE_LENGTH = 200
AUDIT_TEXT_LENGTH = 500
ROLE_RULES = 20  # of the mapping; all of them with their longest values fit into a form
ROLE_VALUE_LENGTH = 120  # of an app role's value; the maximum in Entra
GRANTS_SHOWN = 100  # users in one list of the Roles page
GROUPS_OFFERED = 200  # in a selection list; any other group can be typed
ENABLED_LATELY_S = 24 * 60 * 60  # an externalId that changes longer after a disable or enable is of the same person
MISSING_ATTRIBUTES_SHOWN = 10  # of one schema, in the warning that they are no longer declared
UNCONFIRMED_SHOWN = 20  # users that may be another person, and groups of one such user
ROLE_NEWS_DAYS = 7
ROLE_NEWS = 500  # counted per kind for the Status page, which then displays "more than 500"
AUDIT_ROWS_READ = 100_000  # of the audit for one page; the next page continues from there
AUDIT_ROWS_SUMMARIZED = 2_000  # in one transaction
AUDIT_FAULTS = 20  # changed entries that `check` lists individually
REFUSALS_AUDITED = 100  # refused sign-ins from all IP addresses; no further ones are recorded in the window
REFUSALS_AUDITED_OF_ONE = 50  # of these from one IP address, so that no client can use them all up
REFUSALS_WINDOW_S = 60 * 60
USER_AGENT_LENGTH = 256
THEME_S = 365 * 24 * 60 * 60  # how long a browser keeps the colors that somebody chose
FORM_BYTES = 32 * 1024  # the longest password twice, each character as twelve form-encoded bytes
CONSOLE_PAGE_SIZE = 50

# --- the database
POOLED_CONNECTIONS = 20
CONNECTION_WAIT_S = 5
COMPILED_STATEMENTS = 100  # of those that are built for a request; a filter of 20 comparisons takes 200 KB
WRITE_WAIT_S = 10
WRITE_PROBE_S = 5  # how long /readyz answers what the last small write found out
WRITE_PROBE_WAIT_S = 2
WRITERS_TOGETHER = 32  # whose work one commit writes to the disk
WRITES_BEFORE_CHECKPOINT = 200
WRITES_BEGUN = 15  # while one thread waits to store another one; each takes about 20 frames of the stack
FRAMES_BYTES = 120 * 1024  # of memory for the calls of one thread, with all of these
WRITES_BEGUN_S = 1.0  # how long a thread that waits begins others; each that it begins delays its first one
BRIEF_BODY_BYTES = 64 * 1024  # of a request that may be one of these
WRITES_QUEUED = 100  # requests that wait for a thread that may write; further ones are refused immediately
QUICK_CHECK_BYTES = 1_000_000_000
SUPPORT_LOG_BYTES = 1024 * 1024  # at the end of the log file, that a support bundle reads
SUPPORT_LOG_LINES = 2_000
SUPPORT_REQUESTS = 500
SUPPORT_PROBLEMS = 500
DURATIONS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)  # bounds of the histogram
METRICS_EVERY_S = 5  # how long /metrics answers what the last request for it read
METRICS_WAIT_S = 2  # for a complete request for it; five connections that send nothing delay a scrape by 10 seconds
DISK_LOW_BYTES = 1_000_000_000  # free; on a disk smaller than 20 times that, DISK_LOW_SHARE of it
DISK_LOW_SHARE = 20
INODES_LOW = 1_000
CLOCK_BACK_S = 60  # behind a time that this server has seen or stored
WAL_BYTES = 64 * 1024 * 1024  # of a database; a larger one means that a reader keeps it from being emptied
BACKUP_SMALL_BYTES = 200_000_000  # of a database of which recent backups are made as often as something changes
BACKUP_LARGE_EVERY_S = 60 * 60  # of a larger one
BACKUP_AGE_S = 2 * 24 * 60 * 60  # of the newest one, after which Status has a caution
RECENT_BACKUP_MINUTES = 15
DRILL_NICENESS = 19
DRILL_LOOK_S = 1  # how often a drill looks whether the server stops
JOB_START_S = 2  # between the start of the server and the first look at the scheduled jobs
JOB_LOOK_S = 60  # the longest time between two looks: the clock may be set meanwhile
JOB_STOP_S = 2  # how long a stop of the server waits for the running job
JOB_RETRY_S = 60  # after a failure; twice as long after each further one
JOB_RETRY_MAXIMUM_S = 15 * 60
JOB_NOTE_S = 60 * 60  # how often the row of a job is written that runs every few minutes without a failure
TIME_ZONE_LENGTH = 100
RESTORE_NAMES = 20  # of users that the preview of a restore lists for each kind of change

# --- backups
UPGRADE_COPIES = 3  # of those before an upgrade, and of those before a restore
RECENT_BACKUPS = 4  # of the last ones; besides these, one an hour is kept for a day
BACKUPS_MAXIMUM = 3_650
RECENT_BACKUPS_MIB_MAXIMUM = 100_000_000
BACKUP_RESERVE_BYTES = 256 * 1024 * 1024  # of the data folder's disk, which no backup uses
BACKUP_RESERVE_SHARE = 20  # of a small disk, only a twentieth is reserved
UPGRADE_CHECK_SIZES = 4  # of the database: the copy, its backup and the archive of that, and what the upgrade writes
UPGRADE_CHECK_OUTPUT_BYTES = 64 * 1024  # of the executable's lines that are shown
UPGRADE_CHECK_LOOK_S = 0.1  # how often the size of the copy is read
BACKUP_WAIT_S = 60  # until another backup of the same data folder has ended
BACKUP_MEMBERS = SCHEMA_FILES + 10
BACKUP_MANIFEST_BYTES = 256 * 1024
RESTORE_REQUEST_BYTES = 64 * 1024  # of a command to the running server
BACKUP_IDENTITY_BYTES = 64 * 1024  # of the file with the private key

# --- the process and its connections
THREADS_MAXIMUM = POOLED_CONNECTIONS
SETTINGS_BYTES = 16 * 1024  # of recnice.toml
SETTING_LENGTH = 500  # of one value that the console sets: the audit keeps it whole
SETTINGS_DEPTH = 16  # dots in one of its keys: parsing time grows with their square
TRUSTED_PREFIX = {4: 8, 6: 7}  # by IP version: the widest private network; not every host of a wider one is a proxy
CONNECTIONS = 1_000
CONNECTIONS_WITHOUT_POLL = 400
ADDRESS_SPACE_BYTES = 256 * 1024 * 1024  # that the server needs besides that of its threads
ADDRESS_SPACE_OF_THREAD_BYTES = 10 * 1024 * 1024  # the stack, and a large body for each
MEMORY_GIVEN_BACK = 1024 * 1024  # the smallest block that is returned to the system when it is freed
OPEN_FILES_WANTED = 4_096
OPEN_FILES_RESERVED = 200
HEADER_BYTES = 65_536
HEADER_FIELDS = 100
HEAD_REMEMBERED_BYTES = 4_096  # of one connection: its next head is usually almost the same
HEADER_LINE_BYTES = 48 * 1024  # the longest filter in a URL, each character as nine bytes or more
HEADER_BLANKS = 64  # consecutive, within the value of a header field
CONTENT_TYPE_LENGTH = 256  # a form's boundary, which becomes a regular expression, has at most 70 (RFC 2046 §5.1.1)
PROXY_HINTS = 4  # IP addresses that are proposed as trusted_proxy
WIRE_BODY_BYTES = 4 * 1024 * 1024
BODY_IN_MEMORY_BYTES = 64 * 1024  # of one body while it is received; a longer one is stored in a temporary file
SEND_BUFFER_BYTES = 64 * 1024  # of one connection, in the operating system
ANSWER_UNREAD_S = 30.0  # how long a client may read nothing of a pending response
REFUSED_READ_S = 2.0  # how long a client may read an error response while the rest of its request is discarded
REQUEST_ARRIVAL_S = 15.0
IDLE_CONNECTION_S = 60.0
IDLE_CONNECTION_CROWDED_S = 5.0
DRAIN_S = 25.0
STOP_IDLE_S = 0.3  # how long a stop waits for the next request of a client that keeps its connection
LOG_REPEATED_S = 60  # for which the warnings and errors of one cause are only counted
LOG_CAUSES = 500  # that are counted at a time; an event of another one is a line each
LOG_FILE_BYTES = 10 * 1024 * 1024
LOG_FILES_KEPT = 9  # besides the one that is written
LOG_MESSAGE_LENGTH = 500
LOG_TRACEBACK_LENGTH = 8_000
PASSWORD_LINE_LENGTH = 4_096

PROBE_TOKEN_S = 10 * 60  # how long the token of a connection test is valid
PROBES_A_MINUTE = 600  # of connection tests that are answered
PROBE_BODY_BYTES = 1024 * 1024
PROBE_HEADER_BYTES = 6_000
PROBE_TEXT_LENGTH = 1_000  # of an answer to a probe, as the browser hands it on
PROBE_ANSWER_BYTES = 8 * 1024

# --- the Entra simulator
SIMULATED_PEOPLE = 10_000
SIMULATED_GROUPS = 1_000
SIMULATED_SEED = 2**32
SIMULATED_GROUP_SIZE = 200
SIMULATED_MEMBERS_PER_PATCH = 20
SIMULATED_MEMBERS_ON_DEMAND = 5  # Entra: the maximum of Provision on demand
SIMULATED_PAGES = 200
SIMULATED_FAILURES_KEPT = 10_000
SIMULATED_EXCERPT = 200
SIMULATED_ANSWER_S = 30
SIMULATED_ANSWER_BYTES = 64 * 1024 * 1024
SIMULATED_START_S = 60
SIMULATED_STOP_S = 40
SIMULATED_SETTLING_S = 3

# --- bulk, cursors
BULK_OPERATIONS = 1_000
CURSOR_S = 60 * 60
SORT_TEXT_LENGTH = 256  # of the prefix by which texts are sorted; a cursor contains it

# --- resources that one request may use
CHUNK_LINE_BYTES = 1_024
CHUNK_TRAILER_BYTES = 8_192
CHUNK_OVERHEAD_BYTES = 32 * 1024  # framing of a chunked body, in addition to the share
CHUNK_OVERHEAD_SHARE = 1 / 16  # framing in relation to the body before it, as chunks of 100 bytes have
STATEMENT_S = 20  # of one transaction; a statement after that is refused, and one that runs is interrupted
UNINDEXED_RESOURCES = 10_000  # of a type; a search that reads each resource of a larger one waits for a place
UNINDEXED_SEARCHES_AT_ONCE = 2
UNINDEXED_SEARCHES_WAITING = 5  # each also holds a thread of the server; further ones are refused immediately
UNINDEXED_SEARCH_WAIT_S = 10
DOCUMENT_BYTES = 1024 * 1024
ANSWER_IN_MEMORY_LENGTH = 1024 * 1024  # a longer one, as of a large group, is sent from a temporary file
MEMBERS_AT_ONCE = 500  # of a group that are read and sent as one piece of text
PAGE_BYTES = 8 * 1024 * 1024  # of stored documents; a page that exceeds it ends early and reports its size
NOTE_PAUSE_S = 5
CLOCK_SLACK_S = 60

# --- the Attributes page
SHAPED_LENGTH = 1_024  # of a text whose shape is displayed; a longer one is "a long text"
SHAPED_VALUES = 20  # of a list, whose shapes are compared
ARRIVALS_READ = 2_000  # attributes and names that are read from one request
UNINDEXED_DAYS = 7  # how long a search without an index is listed
UNKNOWN_NAMES = 100  # unknown names that are kept per resource type: those seen last
UNKNOWN_NAME_LENGTH = 120
UNSTORED_NAMES = 3  # listed for a request that changed nothing
SCHEMA_EXPORT_BYTES = 2 * 1024 * 1024  # Entra's schema file
SCHEMA_EXPORT_FORM_BYTES = SCHEMA_EXPORT_BYTES + FORM_BYTES
REVIEWED_OBJECT_MAPPINGS = 20
REVIEWED_MAPPINGS = 500  # attribute mappings of one object mapping
REVIEWED_TEXT_LENGTH = 500

# --- lists of the console
EXPORT_ROWS_AT_ONCE = 500
EXPORTS_AT_ONCE = 3
EXPORT_RETRY_S = 30  # until a refused export is tried again
LISTED_RESOURCES = 1_000  # found by text or in the request log; then the page displays "more than 1,000"
WALKED_AT_ONCE = 20_000  # positions that an export reads from an index at once
FOUND_AT_ONCE = 10  # of each type, on the page that searches all types
SMALL_GROUP = 2_000  # members that are looked up one by one when a search is limited to them
ATTRIBUTE_EVENTS = 200  # last events of a resource that are searched for the last change of each attribute

# --- deleted resources
DELETED_DAYS_MAXIMUM = 3_650
DELETIONS_PURGED_AT_ONCE = 500  # in one transaction
DELETIONS_READ_AT_ONCE = 500
PUT_BACK_AT_ONCE = 5_000  # of a sync, by one form
PUT_BACK_IN_A_TRANSACTION = 50
PUT_BACK_SHOWN = 20  # groups, members and refused resources that a page names
DELETION_CYCLES = 5  # syncs with deletions that the page of deleted resources names

# --- the request log
RETENTION_DAYS_MAXIMUM = 3_650
REQUEST_NUMBER_BYTES = 8  # in hexadecimal digits it is twice as long
REQUEST_ROWS = 500_000
REQUEST_LOG_BYTES = 1024 * 1024 * 1024
LOG_ROWS_PRUNED_AT_ONCE = 2_000  # of each table, in one transaction
LOG_ROWS_SAMPLED = 256  # to find old rows behind those of a clock that was ahead
ERASED_IDENTIFIER_LENGTH = 4  # a shorter value of an identifying attribute is also a part of other texts
ERASED_NAME_LENGTH = 6  # of names that files are searched for after an erasure
REQUESTS_WAITING = 20_000
REQUESTS_WAITING_BYTES = 64 * 1024 * 1024
EVENTS_PRUNED_AT_ONCE = 2_000  # of the history, or memberships of one event, in one transaction
EVENTS_PER_BATCH = 500  # whose resources get their search words in one transaction
REQUESTS_PER_BATCH = 1_000
UNAUTHENTICATED_A_MINUTE = 60
UNAUTHENTICATED_A_MINUTE_OF_ONE = 20  # from one IP address
SETTLE_S = 1.0
SENT_BYTES = 64 * 1024  # of a body that is analyzed after its request
HASHED_LATER_LENGTH = 2_048  # of the text of a resource from which its keys are hashed after the request
KEPT_BODY_LENGTH = 4_096
KEPT_VALUE_LENGTH = 100
KEPT_VALUES = 200  # per body
KEPT_REASON_LENGTH = 500
KEPT_NAME_LENGTH = 200
KEPT_SEGMENT_LENGTH = 20
KEPT_SEGMENTS = 4
LAST_SEEN_AT_ONCE = 5
LOG_PAGE_SIZE = 200

# --- cycles and problems
CYCLES_KEPT = 20_000
PROBLEMS_KEPT = 10_000
CHART_CYCLES = 48  # read for the usual gap between syncs
TASKS_SHOWN = 5
CHART_SYNCED_DAYS = 3  # with fewer, a chart of days says nothing
REFUSALS_READ = 1_000  # refused requests that are read to group them
PROBLEM_REQUESTS = 50
PROBLEMS_OF_CAUSE = 25  # displayed on one card
REFUSED_OPERATIONS_READ = 5_000  # of one refused request, to find whose access it was meant to remove
DUE_REMOVALS = 1_000  # users whose access one refused request was meant to remove
DUE_REMOVALS_READ = 10_000  # of all requests, the newest
DUE_REMOVALS_SHOWN = 50

# --- the guard
GUARD_LIMIT_MAXIMUM = 1_000_000  # of a number in the settings
GUARD_LEARNING_DAYS_MAXIMUM = 365
GUARD_SHARE_FROM = 100  # users from which a share in percent counts
GUARD_EVENTS_AT_ONCE = 10_000
GUARD_EVENTS_UNNOTED = 50_000  # without a removal, which a restart reads again
GUARD_DAYS = 30  # how long an answered alarm is kept, and the deletion of an active user is shown
GUARD_ROWS_AT_ONCE = 2_000  # of old alarms, deleted in one transaction
GUARD_ALARMS_SHOWN = 20
GUARD_UNDONE_AT_ONCE = 500  # users who are enabled by one press of the button
GUARD_MEMBERS_AT_ONCE = 10_000  # who are put back into groups by one press
GUARD_MEMBERS_A_CHANGE = 1_000  # of these, in one transaction
GUARD_REFUSED_SHOWN = 10  # users and groups that an undo left as they are

# --- activity
LINE_CHANGES = 2  # of one request that an event describes
LINE_VALUE_LENGTH = 80
LINE_MEMBERS = 4  # of one request whose names are read
ACTIVITY_LINKS = 500  # the newest memberships of a user whose requests belong to the activity of the user
ACTIVITY_PEOPLE = 20  # users that a search text may match; with more matches, names are searched instead
ACTIVITY_PAGES_READ = 20  # of the log, for one page with a filter that the log cannot evaluate itself

# --- providers of sign-in and of client assertions
PROVIDER_ANSWER_S = 5  # from the first packet to the last
PROVIDER_ANSWER_BYTES = 1024 * 1024  # after decompression
PROVIDER_ADDRESS_LENGTH = 1_024
PROVIDER_KEPT_S = 60 * 60  # a discovery document, a list of keys
PROVIDER_ANEW_S = 60  # the shortest interval of fetching the keys again because of an unknown key
PROVIDER_RETRY_S = 10  # after a fetch that failed
PROVIDERS_KEPT = 16
PROVIDER_KEYS = 100
PROVIDER_KEY_ID_LENGTH = 256
RSA_BITS_MINIMUM = 2_048
RSA_BITS_MAXIMUM = 8_192
TOKEN_LENGTH = 32 * 1024
TOKEN_LEEWAY_S = 120
TIME_MAXIMUM = 2**40  # seconds since 1970
CLAIM_LENGTH = 255
CLAIMS_SHOWN = 60
CLAIM_SHOWN_LENGTH = 200
AUTHORIZATION_CODE_LENGTH = 4_096
ASSERTION_S = 90 * 60  # Entra's tokens are valid for 60 to 90 minutes
USED_ONCE_KEPT = 10_000  # one-time values that are kept after they expire

# --- single sign-on
PENDING_SIGN_IN_S = 10 * 60  # from the console to the provider's page and back
PENDING_SIGN_IN_PATH_BYTES = 1_024  # of the URL of the requested page; the cookie contains it
PROVIDER_TALKS = 4  # at once, one per caller; the other threads serve sign-ins with a password
PROVIDER_TALKS_WAITING = 4
PROVIDER_TALKS_WAITING_OF_ONE = 2  # per caller, such as an office with one IP address
PROVIDER_WAIT_S = 3
PROVIDER_BUSY_S = 5
ARRIVAL_FAILURES = 10  # failed returns from the provider per IP address within ADDRESS_FAILURE_WINDOW_S
TENANT_LENGTH = 100  # of the input
CLIENT_ID_LENGTH = 255
CLIENT_SECRET_LENGTH = 1_024

# --- alerts
ALERT_EVERY_S = 60  # how often the conditions are looked at
ALERT_REPEAT_S = 24 * 60 * 60  # until the next message about an alert that lasts
ALERT_OVER_AFTER_S = 10 * 60  # how long a condition must be away; twice as long after each return within a day
ALERT_RETRY_S = (30, 2 * 60, 10 * 60, 30 * 60, 60 * 60, 4 * 60 * 60)  # after each failed attempt; the last one repeats
ALERT_GIVE_UP_S = 3 * 24 * 60 * 60
ALERT_RETRY_AFTER_S = 24 * 60 * 60  # that a receiver may ask to wait
ALERT_WAIT_S = 10  # for a connection, or for the next piece of an answer
ALERT_SEND_S = 30  # from the first packet of a delivery to the last
ALERT_STOP_S = 5  # that a stop waits for a look at the conditions
ALERT_ANSWER_BYTES = 16 * 1024
ALERT_SECRET_LENGTH = 4  # of the parts of a URL that are removed from an answer
ALERT_ANSWER_LENGTH = 200  # of a receiver's text that is stored and displayed
ALERTS_WAITING = 200  # messages per channel; the oldest are dropped when there are more
ALERTS_KEPT = 100  # messages that were delivered or dropped
ALERTS_SHOWN = 20
ALERT_RECIPIENTS = 10
ALERT_RECIPIENTS_LENGTH = 2_048
ALERT_HOST_LENGTH = 255
ALERT_URL_LENGTH = 2_048
ALERT_MAIL_ADDRESS_LENGTH = 254
ALERT_USER_LENGTH = 320
ALERT_PASSWORD_LENGTH = 1_024
ALERT_KEY_BYTES = (24, 64)  # the least and the most in the secret of a webhook
HEARTBEAT_S = 5 * 60
NO_CONTACT_HOURS_MAXIMUM = 720
KEY_REFUSED_S = 2 * 60 * 60  # three of Entra's cycles in which only refused keys arrive
CERTIFICATE_LOOK_S = 24 * 60 * 60
CERTIFICATE_LOOK_AGAIN_S = 60 * 60  # while it is about to expire or invalid, or could not be looked at
CERTIFICATE_DAYS = (21, 7, 1)

# --- the command status
STATUS_BYTES = 64 * 1024

# --- the command service
SERVICE_START_S = 60 * 60  # until the server accepts requests: a migration of many users takes minutes
SERVICE_OPEN_S = 2 * 60  # until a server locks its data folder, after it was unpacked; then it may migrate
SERVICE_READY_S = 30  # until a server that accepts requests can store changes
SERVICE_JOURNAL_S = 2  # until the journal has the last line of a server that has ended
SERVICE_LOOK_S = 0.25
