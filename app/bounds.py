"""Every bound on what comes in from outside, named once; nothing else.

Sizes are in bytes and lengths in characters unless the name says otherwise.
A request over a bound is refused with 400 or 413, never cut short in silence.
"""

# --- requests to /scim -------------------------------------------------------------------------------------------------
BODY_BYTES = 2 * 1024 * 1024
JSON_DEPTH = 32
NUMBER_DIGITS = 18

# --- resources -----------------------------------------------------------------------------------------------------------
TEXT_LENGTH = 1_024
USER_NAME_LENGTH = 320
FORMATTED_ADDRESS_LENGTH = 4_096
REFERENCE_LENGTH = 2_048
BINARY_LENGTH = 65_536
VALUES_PER_ATTRIBUTE = 200
MEMBERS_PER_REQUEST = 10_000

# --- filters, paths, PATCH -------------------------------------------------------------------------------------------
FILTER_LENGTH = 4_096
FILTER_TOKENS = 400
FILTER_DEPTH = 16
SEARCH_TEXT_LENGTH = 256
PATH_LENGTH = 1_024
PATCH_OPERATIONS = 1_000
ATTRIBUTE_LIST_LENGTH = 4_096

# --- pages ---------------------------------------------------------------------------------------------------------------
PAGE_SIZE = 100
PAGE_SIZE_MAXIMUM = 200
START_INDEX_MAXIMUM = 2**53

# --- operators, keys, sign-in --------------------------------------------------------------------------------------------
ACTIVE_SCIM_KEYS = 2
KEY_NAME_LENGTH = 100
KEY_USE_NOTED_S = 60
KEY_FAILURES = 100
KEY_FAILURE_WINDOW_S = 60
KEY_FAILURE_ADDRESSES = 4_096
SETUP_CODE_S = 60 * 60
OPERATOR_NAME_LENGTH = 320
PASSWORD_LENGTH_MINIMUM = 12
PASSWORD_LENGTH_MAXIMUM = 1_024
PASSWORD_VARIETY = 5  # different characters
PASSWORD_NAME_LENGTH = 4  # a shorter user name may stand in the password
PASSWORD_WITHOUT_NAME_LENGTH = 8
PASSWORD_CHECKS_AT_ONCE = 2
PASSWORD_WAIT_S = 5
SIGN_IN_FAILURES = 10
SIGN_IN_WINDOW_S = 10 * 60
SESSION_IDLE_S = 30 * 60
SESSION_AGE_S = 12 * 60 * 60
SESSION_SEEN_S = 60
USER_AGENT_LENGTH = 256
FORM_BYTES = 32 * 1024  # the longest password twice, each character as twelve bytes of a form
CONSOLE_PAGE_SIZE = 50

# --- the database ------------------------------------------------------------------------------------------------------
POOLED_CONNECTIONS = 20
CONNECTION_WAIT_S = 5
WRITE_WAIT_S = 10
QUICK_CHECK_BYTES = 1_000_000_000
IDS_PER_STATEMENT = 500

# --- the process and its connections ---------------------------------------------------------------------------------
THREADS_MAXIMUM = POOLED_CONNECTIONS
CONNECTIONS = 1_000
CONNECTIONS_WITHOUT_POLL = 400
OPEN_FILES_WANTED = 4_096
OPEN_FILES_RESERVED = 200
HEADER_BYTES = 65_536
HEADER_FIELDS = 100
WIRE_BODY_BYTES = 4 * 1024 * 1024
REQUEST_ARRIVAL_S = 15.0
IDLE_CONNECTION_S = 60.0
IDLE_CONNECTION_CROWDED_S = 5.0
DRAIN_S = 25.0
LOG_MESSAGE_LENGTH = 500
LOG_TRACEBACK_LENGTH = 8_000
PASSWORD_LINE_LENGTH = 4_096

# --- the Entra simulator -------------------------------------------------------------------------------------------------
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
