-- Jobs as they were stored before jobs knew how often their worker was lost.
INSERT INTO job (kind, payload, job_key, lane, status, attempt, next_run_at, error, created_at, changed_at)
VALUES ('publish', '{"job":"publish","protocol":1}', 'publish:1', 'publish:1', 'dead', 3, 1000, 'no answer', 1000, 9000),
       ('publish', '{"job":"publish","protocol":1}', 'publish:1', 'publish:1', 'queued', 0, 2000, '', 2000, 2000);
INSERT INTO job (kind, payload, job_key, lane, status, attempt, next_run_at, lease_until, fence, worker, created_at, changed_at)
VALUES ('merge', '{"job":"merge","protocol":1}', 'merge:1', 'protocol:1', 'running', 3, 1000, 5000, 3, 'w', 1000, 4000);
