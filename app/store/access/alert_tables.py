"""This module declares the tables of alerts: where they are sent, which hold, and the messages about them.

Moments are text in the form of `app.clock.to_wire`; "" or NULL means never.
"""

from sqlalchemy import Index

from app.store.database.columns import ZERO, numbers, texts
from app.store.database.directory_database import directory_table

alert_target = directory_table(
    "alert_target",
    *texts("channel", primary_key=True),
    *texts("name", "options", "secret", "saved", "saved_by"),
    *texts("attempted", "answer", "delivered", server_default=""),
    *texts("stopped", nullable=True),
    sqlite_with_rowid=False,
)
"""Where a channel (`mail`, `webhook`, `heartbeat`) sends; without a row it is off.

`name` is displayed. `options` is a JSON object of texts; `secret` another one, encrypted. `attempted`: when a message
was last sent, `answer` its outcome, `delivered`: when one last arrived. `stopped`: since when the receiver wants
no more.
"""

alert = directory_table(
    "alert",
    *texts("kind", primary_key=True),
    *texts("incident", "began", "seen"),
    *texts("ended", nullable=True),
    *numbers("returns", server_default=ZERO),
    *texts("since", "level", "detail", server_default=""),
    sqlite_with_rowid=False,
)
"""The last time that a condition held: from `began`, as of `seen`; `ended` is NULL while it lasts.

`incident` is another random text each time. `returns`: how often it has begun again within a day. `since`: since when
the condition holds by its own account. `level`: a step of it, such as the days until something expires.
"""

alert_delivery = directory_table(
    "alert_delivery",
    *texts("id", primary_key=True),
    *numbers("number"),
    *texts("channel", "kind", "incident", "stage", "since", "level", "detail", "created"),
    *numbers("attempts", server_default=ZERO),
    *texts("due"),
    *texts("delivered", "dropped", nullable=True),
    *texts("answer", server_default=""),
    Index("alert_delivery_number", "number"),
    sqlite_with_rowid=False,
)
"""A message to one channel; it waits until it is delivered or dropped. `number` is the order of messages.

`stage`: `began`, `lasts`, `more` (another level), `over`, `test`. `due`: when it is sent again.
"""
