-- A job knows how often in a row its worker was lost, so that whoever claims it then can give it up and tell people. Dead jobs
-- are counted, listed and brought back; they are few among many that are done.
-- Twin of the file with this name in the other folder.
ALTER TABLE job ADD COLUMN lost BIGINT NOT NULL DEFAULT 0;
CREATE INDEX job_dead ON job (kind, job_id) WHERE status = 'dead';
