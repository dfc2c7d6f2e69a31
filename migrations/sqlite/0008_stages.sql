-- Stages of CI that scripts tell the bot themselves. A delivery of such a script may name its protocol in the address.
-- Twin of the file with this name in the other folder.

ALTER TABLE delivery ADD COLUMN named_protocol BIGINT;

-- `told_by` is the delivery's id, by which the order is known; the delivery itself is deleted one day.
CREATE TABLE stage (
    stage_id INTEGER PRIMARY KEY AUTOINCREMENT,
    protocol_id BIGINT NOT NULL CONSTRAINT stage_protocol REFERENCES protocol (protocol_id),
    commit_sha TEXT NOT NULL,
    pipeline TEXT NOT NULL,
    name TEXT NOT NULL,
    attempt TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('pending', 'passed', 'failed', 'needs_person')),
    url TEXT,
    ending TEXT NOT NULL CHECK (ending IN ('later', 'now', 'unsaid')),
    told_by BIGINT NOT NULL,
    UNIQUE (protocol_id, commit_sha, pipeline, name)
);
