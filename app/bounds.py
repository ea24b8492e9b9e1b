"""This module declares every limit on what arrives from outside.

Sizes are in bytes and lengths in characters unless the name says otherwise. A request over a bound is refused with
400 or 413. Only a page of a list is shorter than was asked, and says so itself (`itemsPerPage`, RFC 7644 §3.4.2.4).
"""

# --- requests to /scim
BODY_BYTES = 2 * 1024 * 1024
JSON_DEPTH = 32
JSON_SEPARATORS = 200_000  # commas, brackets and braces that open; the ids of all members in 2 MiB have half as many
NUMBER_DIGITS = 20  # of an integer that is read exactly: one of 64 bits with its sign
NUMBER_LENGTH = 1_000  # of any number, with its fraction and exponent

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

# --- schemas of one's own, files in the data folder
SCHEMA_FILES = 100
SCHEMA_FILE_BYTES = 256 * 1024
SCHEMA_ATTRIBUTES = 500  # in one schema, sub-attributes among them
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
PATCH_OPERATIONS = 1_000
PATCH_VALUES_EXAMINED = 50_000  # held ones by each comparison of a filter, and given ones, in all operations
PATCH_MEMBER_COMPARISONS = 20  # in filters of all operations; `members[value eq "…"]` alone is none
ATTRIBUTE_LIST_LENGTH = 4_096

# --- pages
PAGE_SIZE = 100
PAGE_SIZE_MAXIMUM = 200
START_INDEX_MAXIMUM = 2**53

# --- operators, keys, sign-in
ACTIVE_SCIM_KEYS = 2
KEY_NAME_LENGTH = 100
KEY_USE_NOTED_S = 60
KEYS_NOTED = 200  # SCIM Keys, or credentials of OAuth clients, whose use was noted last
KEY_HAND_OVER_S = 24 * 60 * 60
KEY_LISTENED_S = 2 * 60 * 60  # three of Entra's cycles
KEY_IDLE_S = 3 * 24 * 60 * 60
ADDRESS_FAILURES = 100
ADDRESS_FAILURE_WINDOW_S = 60
FAILING_ADDRESSES = 4_096
OAUTH_CLIENTS = 10  # active ones
OAUTH_SECRETS = 5  # active ones of a client
OAUTH_TRUSTS = 5  # active ones of a client
ACCESS_TOKEN_S = 60 * 60
ACCESS_TOKENS = 1_000  # of a client; the oldest end when there are more
ACCESS_TOKENS_REMEMBERED_S = 24 * 60 * 60  # after their end, so that an old one is told from a wrong one
TOKEN_REQUEST_BYTES = 40 * 1024  # the longest assertion and some names
TOKEN_REQUEST_PARAMETERS = 30
ASSERTIONS_AT_ONCE = 4
SETUP_CODE_S = 60 * 60
OPERATOR_NAME_LENGTH = 320
PASSWORD_LENGTH_MINIMUM = 12
PASSWORD_LENGTH_MAXIMUM = 1_024
PASSWORD_VARIETY = 5  # different characters
PASSWORD_NAME_LENGTH = 4  # a shorter user name may stand in the password
PASSWORD_WITHOUT_NAME_LENGTH = 8
PASSWORD_CHECKS_AT_ONCE = 2
PASSWORD_CHECKS_WAITING = 4  # each holds a thread of the server as well; others are told at once to come back
PASSWORD_WAIT_S = 5
SLOWED_CHECKS_AT_ONCE = 1  # of those two, from networks that failed too often
SLOWED_CHECKS_WAITING = 2
SIGN_IN_FAILURES = 10  # of one account, and of one address
SIGN_IN_LOOK_S = 60  # an address that failed too often leaves each account a try in so many seconds
FAILURES_OF_IPV6 = {64: 1, 56: 2, 48: 4}  # by prefix: how many times as often as one address a network may fail
CODE_FAILURES = 20  # of one operator, from all addresses together
WRONG_CODES = 100  # one after the other; then the codes of the app count no more, only recovery codes do
SIGN_IN_WINDOW_S = 10 * 60
SESSION_IDLE_S = 30 * 60
SESSION_AGE_S = 12 * 60 * 60
SESSION_SEEN_S = 60
SESSIONS = 50  # of one operator or person; those used last stay
PROOF_S = 5 * 60
WRONG_PROOFS = 5
CODE_DRIFT_STEPS = 1  # an authenticator app's clock may be wrong by so many of its steps of 30 seconds
CODE_LENGTH = 64  # as it may be typed
CODE_WAIT_S = 5 * 60  # from the right password to the code
PAIRING_S = 10 * 60  # from the secret that is shown to the first code of the app
RECOVERY_CODES = 10
AUTHENTICATOR_NAME_LENGTH = 40  # of the operator's name in an authenticator app
SOURCE_POLICY_S = 1.0
SOURCE_NOTED_S = 60 * 60
SOURCE_NOTE_PAUSE_S = 1.0
SOURCE_DAYS = 30
SEEN_SOURCES = 400
ALLOWED_NETWORKS = 400  # all that can be proposed, in one form
NETWORK_PREFIX_MINIMUM = {4: 8, 6: 16}  # by IP version; a wider network is a good part of the internet
NETWORK_SHOWN_LENGTH = 80  # of what was typed for one, in the sentence that refuses it
NETWORK_NOTE_LENGTH = 200
AUDIT_TEXT_LENGTH = 500
ROLE_LINES = 20  # of the mapping; all of them with their longest values fit into a form
ROLE_VALUE_LENGTH = 120  # of an app role's value; Entra takes no longer one
GRANTS_SHOWN = 100  # people in one list of the page of roles
GROUPS_OFFERED = 200  # where one is chosen; any other can be typed
ENABLED_LATELY_S = 24 * 60 * 60  # between an enable or disable and another externalId; after it the person is the same
MISSING_ATTRIBUTES_SHOWN = 10  # of one schema, in the warning that they are no longer declared
UNCONFIRMED_SHOWN = 20  # users that may be another person, and groups of one of them
ROLE_NEWS_DAYS = 7
ROLE_NEWS = 500  # of one kind that are counted for the Status page; "more than 500"
AUDIT_ROWS_READ = 100_000  # of the audit for one page; an older page goes on from there
AUDIT_FAULTS = 20  # changed entries that `check` names one by one
REFUSALS_AUDITED = 100  # refused sign-ins of everybody together; the rest of them is only counted
REFUSALS_AUDITED_OF_ONE = 50  # of these from one address, so that none can use them all up
REFUSALS_WINDOW_S = 60 * 60
USER_AGENT_LENGTH = 256
FORM_BYTES = 32 * 1024  # the longest password twice, each character as twelve bytes of a form
CONSOLE_PAGE_SIZE = 50

# --- the database
POOLED_CONNECTIONS = 20
CONNECTION_WAIT_S = 5
WRITE_WAIT_S = 10
WRITES_QUEUED = 100  # requests that wait for a thread that may write; further ones are refused at once
QUICK_CHECK_BYTES = 1_000_000_000

# --- the process and its connections
THREADS_MAXIMUM = POOLED_CONNECTIONS
SETTINGS_BYTES = 16 * 1024  # of recnice.toml
SETTINGS_DEPTH = 16  # dots in one of its keys: reading takes time by their square
TRUSTED_PREFIX = {4: 8, 6: 7}  # by version of IP: the widest private network, wider ones cannot all be proxies
CONNECTIONS = 1_000
CONNECTIONS_WITHOUT_POLL = 400
MEMORY_GIVEN_BACK = 1024 * 1024  # the smallest block that is not kept for later
OPEN_FILES_WANTED = 4_096
OPEN_FILES_RESERVED = 200
HEADER_BYTES = 65_536
HEADER_FIELDS = 100
HEADER_LINE_BYTES = 48 * 1024  # a filter of the greatest length in an address, each character as nine bytes and more
HEADER_BLANKS = 64  # in a row, within the value of a header field
CONTENT_TYPE_LENGTH = 256  # a form's boundary, which becomes an expression, has at most 70 (RFC 2046 §5.1.1)
PROXY_HINTS = 4  # addresses that are proposed as trusted_proxy
WIRE_BODY_BYTES = 4 * 1024 * 1024
BODY_IN_MEMORY_BYTES = 64 * 1024  # of one body while it arrives; a longer one is in a temporary file
SEND_BUFFER_BYTES = 64 * 1024  # of one connection, in the system
ANSWER_UNREAD_S = 30.0  # in which a client takes nothing of an answer that waits for it
REFUSED_READ_S = 2.0  # in which a client reads a refusal while what it still sends is thrown away
REQUEST_ARRIVAL_S = 15.0
IDLE_CONNECTION_S = 60.0
IDLE_CONNECTION_CROWDED_S = 5.0
DRAIN_S = 25.0
LOG_MESSAGE_LENGTH = 500
LOG_TRACEBACK_LENGTH = 8_000
PASSWORD_LINE_LENGTH = 4_096

# --- the Entra simulator
SIMULATED_PEOPLE = 10_000
SIMULATED_GROUPS = 1_000
SIMULATED_SEED = 2**32
SIMULATED_GROUP_SIZE = 200
SIMULATED_MEMBERS_PER_PATCH = 20
SIMULATED_MEMBERS_ON_DEMAND = 5  # Entra: provision on demand takes no more
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
SORT_TEXT_LENGTH = 256  # the beginning of a text that gives the order; a cursor carries it

# --- what one request may take of the machine
CHUNK_LINE_BYTES = 1_024
CHUNK_TRAILER_BYTES = 8_192
CHUNK_OVERHEAD_BYTES = 32 * 1024  # all of a chunked body that is not body, beside the share
CHUNK_OVERHEAD_SHARE = 1 / 16  # of the body before it, as chunks of 100 bytes have
STATEMENT_S = 20  # all that SQLite does in one transaction
DOCUMENT_BYTES = 1024 * 1024
PAGE_BYTES = 8 * 1024 * 1024  # of stored documents; a page over it ends early and says how long it is
NOTE_PAUSE_S = 5
CLOCK_SLACK_S = 60

# --- the Attributes page
SHAPED_LENGTH = 1_024  # of a text whose shape is told; a longer one is "a long text"
SHAPED_VALUES = 20  # of a list, whose shapes are compared
SIGHTED_PLACES = 2_000  # attributes and names that are read from one request
PATHS_REMEMBERED = 512
SIGHTED_NAMES = 100  # unknown ones that are kept for a resource type, those seen last
SIGHTED_NAME_LENGTH = 120
UNSTORED_NAMES = 3  # that are named of a request that changed nothing
SCHEMA_EXPORT_BYTES = 2 * 1024 * 1024  # Entra's schema file
SCHEMA_EXPORT_FORM_BYTES = SCHEMA_EXPORT_BYTES + FORM_BYTES
REVIEWED_OBJECT_MAPPINGS = 20
REVIEWED_MAPPINGS = 500  # lines of one object mapping
REVIEWED_TEXT_LENGTH = 500

# --- lists of the console
EXPORT_ROWS_AT_ONCE = 500
EXPORTS_AT_ONCE = 3
EXPORT_RETRY_S = 30  # until a refused export is tried again
LISTED_RESOURCES = 1_000  # that are found by words, or by what the request log knows; "more than 1,000"
WALKED_AT_ONCE = 20_000  # positions that an export takes from an index at once
FOUND_AT_ONCE = 10  # of each type, on the page that searches all
SMALL_GROUP = 2_000  # members that are looked up one by one when a search is among them
ATTRIBUTE_EVENTS = 200  # of a resource's last events that tell when each attribute changed

# --- the request log
REQUEST_DAYS_MAXIMUM = 3_650
REQUEST_NUMBER_BYTES = 8  # in hexadecimal digits it is twice as long
REQUEST_ROWS = 500_000
REQUEST_LOG_BYTES = 1024 * 1024 * 1024
REQUESTS_PRUNED_AT_ONCE = 5_000
REQUESTS_WAITING = 20_000
REQUESTS_WAITING_BYTES = 64 * 1024 * 1024
REQUESTS_PER_BATCH = 1_000
STRANGERS_A_MINUTE = 60
STRANGER_A_MINUTE = 20  # of one address
SETTLE_S = 1.0
SENT_BYTES = 64 * 1024  # of a body that is looked at again after its request
KEPT_BODY_LENGTH = 4_096
KEPT_VALUE_LENGTH = 100
KEPT_VALUES = 200  # of one body
KEPT_REASON_LENGTH = 500
KEPT_NAME_LENGTH = 200
KEPT_SEGMENT_LENGTH = 20
KEPT_SEGMENTS = 4
MENTIONED_AT_ONCE = 5
LOG_PAGE_SIZE = 200

# --- cycles and problems
CYCLES_KEPT = 20_000
PROBLEMS_KEPT = 10_000
PULSE_CYCLES = 48
REFUSALS_READ = 1_000  # refused requests that are looked at to say which of them belong together
PROBLEM_REQUESTS = 50
PROBLEMS_OF_CAUSE = 25  # that a card shows at once
REFUSED_OPERATIONS_READ = 5_000  # of one refused message, to say whose access it was meant to take away
DUE_REMOVALS = 1_000  # users of one refused request whose access it was meant to take away
DUE_REMOVALS_READ = 10_000  # of all of them, the newest
DUE_REMOVALS_SHOWN = 50

# --- activity
LINE_CHANGES = 2  # of one request that are said in words
LINE_VALUE_LENGTH = 80
LINE_MEMBERS = 4  # of one request whose names are read
ACTIVITY_LINKS = 500  # the newest memberships of a person whose requests belong to that person's activity
ACTIVITY_PEOPLE = 20  # that a text may stand for; one that finds more is looked for in names
ACTIVITY_PAGES_READ = 20  # of the log for one page of what cannot be asked of the log itself

# --- providers of sign-in and of client assertions
PROVIDER_ANSWER_S = 5  # from the first packet to the last
PROVIDER_ANSWER_BYTES = 1024 * 1024  # after decompression
PROVIDER_ADDRESS_LENGTH = 1_024
PROVIDER_KEPT_S = 60 * 60  # a discovery document, a list of keys
PROVIDER_ANEW_S = 60  # keys are fetched anew for an unknown one at most so often
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
ASSERTION_S = 90 * 60  # Entra's tokens live 60 to 90 minutes
SPENT_KEPT = 10_000  # of what may be used once, after it expired

# --- single sign-on
JOURNEY_S = 10 * 60  # from our page to the provider's and back
JOURNEY_NEXT_BYTES = 1_024  # of the page that was wanted; the cookie carries it
PROVIDER_TALKS = 4  # at once, one of a caller; the other threads serve whoever signs in with a password
PROVIDER_TALKS_WAITING = 4
PROVIDER_TALKS_WAITING_OF_ONE = 2  # of one caller, as of an office that has one address
PROVIDER_WAIT_S = 3
PROVIDER_BUSY_S = 5
ARRIVAL_FAILURES = 10  # returns from the provider in vain, of one address within ADDRESS_FAILURE_WINDOW_S
TENANT_LENGTH = 100  # as it may be typed
CLIENT_ID_LENGTH = 255
CLIENT_SECRET_LENGTH = 1_024
