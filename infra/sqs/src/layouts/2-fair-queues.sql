-- Fair queues: the order within each group, and which message of each group is its first. Messages without a group have the order of
-- the queue, under NULL.
DROP INDEX messages_due;
CREATE INDEX messages_due ON messages (queue, group_id, visible_at, id);

-- What a group has in flight is found behind the present time.
CREATE INDEX messages_in_flight ON messages (queue, group_id, visible_at, receives_here)
    WHERE group_id IS NOT NULL AND receives_here > 0;

-- The first message of each group by (visible_at, message), visible or not: nothing changes here as time goes by. The triggers keep it.
CREATE TABLE heads (
    queue      INTEGER NOT NULL,
    group_id   TEXT    NOT NULL,
    visible_at INTEGER NOT NULL,
    message    INTEGER NOT NULL,
    PRIMARY KEY (queue, group_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX heads_due ON heads (queue, visible_at, message);

CREATE TRIGGER head_of_a_group_that_gains AFTER INSERT ON messages WHEN new.group_id IS NOT NULL
BEGIN
    INSERT INTO heads VALUES (new.queue, new.group_id, new.visible_at, new.id)
    ON CONFLICT (queue, group_id) DO UPDATE SET visible_at = excluded.visible_at, message = excluded.message
    WHERE (excluded.visible_at, excluded.message) < (heads.visible_at, heads.message);
END;

CREATE TRIGGER head_of_a_group_that_loses AFTER DELETE ON messages WHEN old.group_id IS NOT NULL
BEGIN
    DELETE FROM heads WHERE queue = old.queue AND group_id = old.group_id AND message = old.id;
    INSERT INTO heads SELECT queue, group_id, visible_at, id FROM messages WHERE queue = old.queue AND group_id = old.group_id
        ORDER BY visible_at, id LIMIT 1
    ON CONFLICT DO NOTHING;
END;

CREATE TRIGGER head_of_a_group_that_changes AFTER UPDATE OF queue, visible_at ON messages WHEN new.group_id IS NOT NULL
BEGIN
    DELETE FROM heads WHERE queue = old.queue AND group_id = old.group_id AND message = old.id;
    INSERT INTO heads SELECT queue, group_id, visible_at, id FROM messages WHERE queue = old.queue AND group_id = old.group_id
        ORDER BY visible_at, id LIMIT 1
    ON CONFLICT DO NOTHING;
    INSERT INTO heads VALUES (new.queue, new.group_id, new.visible_at, new.id)
    ON CONFLICT (queue, group_id) DO UPDATE SET visible_at = excluded.visible_at, message = excluded.message
    WHERE (excluded.visible_at, excluded.message) < (heads.visible_at, heads.message);
END;

INSERT INTO heads SELECT queue, group_id, visible_at, id FROM messages WHERE group_id IS NOT NULL ORDER BY visible_at, id
ON CONFLICT DO NOTHING;

-- Moves out of dead-letter queues, for the record.
CREATE TABLE moves (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    task            TEXT    NOT NULL,
    source          INTEGER NOT NULL REFERENCES queues (id) ON DELETE CASCADE,
    destination_arn TEXT,             -- absent: each message went back to where it came from
    rate            INTEGER,          -- as asked for; without effect
    to_move         INTEGER NOT NULL,
    moved           INTEGER NOT NULL,
    failure         TEXT,             -- why some messages stayed
    started         INTEGER NOT NULL  -- milliseconds
) STRICT;

CREATE INDEX moves_of_source ON moves (source, id);
