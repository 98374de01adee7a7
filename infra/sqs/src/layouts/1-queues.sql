-- Times are milliseconds since 1970 in messages, seconds in queues.

CREATE TABLE queues (
    id                 INTEGER PRIMARY KEY AUTOINCREMENT,
    name               TEXT    NOT NULL UNIQUE,
    region             TEXT    NOT NULL,
    created            INTEGER NOT NULL,
    modified           INTEGER NOT NULL,
    visibility_timeout INTEGER NOT NULL,
    delay              INTEGER NOT NULL,
    retention          INTEGER NOT NULL,
    wait               INTEGER NOT NULL,
    largest            INTEGER NOT NULL, -- bytes
    dead_letter_arn    TEXT,
    most_receives      INTEGER,
    inert              TEXT    NOT NULL  -- JSON: attributes that are kept and have no effect here
) STRICT;

-- AUTOINCREMENT, so that a receipt handle never points to a later message.
CREATE TABLE messages (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    queue          INTEGER NOT NULL REFERENCES queues (id) ON DELETE CASCADE,
    visible_at     INTEGER NOT NULL,
    sent           INTEGER NOT NULL,
    receives       INTEGER NOT NULL DEFAULT 0, -- in all queues that it was in
    receives_here  INTEGER NOT NULL DEFAULT 0, -- since it came into this queue
    first_received INTEGER,
    receipt        INTEGER,                    -- of the latest receive
    message_id     TEXT    NOT NULL,
    group_id       TEXT,
    came_from      TEXT,                       -- ARN of the queue that gave it up
    attributes     TEXT,                       -- JSON
    body           TEXT    NOT NULL
) STRICT;

CREATE INDEX messages_due ON messages (queue, visible_at, id);
