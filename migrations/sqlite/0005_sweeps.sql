-- What the sweeps and the housekeeping need to know: since when jobs fail, heads stand and answers are under way, how far
-- reports are published, what a webhook told of a branch, and how far regular work has come.
-- Twin of the file with this name in the other folder.

ALTER TABLE job ADD COLUMN failing_since BIGINT;
CREATE INDEX job_failing ON job (lane, job_id) WHERE status = 'queued' AND failing_since IS NOT NULL;
CREATE INDEX job_done ON job (changed_at) WHERE status = 'done';

ALTER TABLE protocol ADD COLUMN head_at BIGINT;
ALTER TABLE protocol ADD COLUMN published BIGINT NOT NULL DEFAULT 0;
-- Reports of ended protocols were published long ago; those of open ones are looked at once more.
UPDATE protocol SET published = revision WHERE status IN ('cancelled', 'completed');
CREATE INDEX protocol_unpublished ON protocol (changed_at) WHERE published < revision;

CREATE TABLE told_push (
    told_push_id INTEGER PRIMARY KEY AUTOINCREMENT,
    protocol_id BIGINT NOT NULL UNIQUE CONSTRAINT told_push_protocol REFERENCES protocol (protocol_id),
    before_sha TEXT,
    after_sha TEXT,
    told_at BIGINT NOT NULL
);

ALTER TABLE effect ADD COLUMN sending_at BIGINT;
CREATE INDEX effect_unsent ON effect (created_at) WHERE status IN ('open', 'sending');

CREATE INDEX posted_check_unfinished ON posted_check (protocol_id) WHERE final = 0;
CREATE INDEX step_running ON step (started_at) WHERE status = 'running';
CREATE INDEX delivery_by_age ON delivery (received_at);

CREATE TABLE mark (
    mark_id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    at BIGINT NOT NULL
);
