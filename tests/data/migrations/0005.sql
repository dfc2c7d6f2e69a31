-- Rows that were legal before migration 0005, in both databases.

INSERT INTO delivery (delivery_id, forge, guid, event, status, reason, body, received_at, finished_at) VALUES
    (1, 'github', 'g-1', 'issue_comment', 'done', '', NULL, 1000, 1500),
    (2, 'github', 'g-2', 'star', 'ignored', '`star` is not acted on', NULL, 2000, NULL),
    (3, 'github', 'g-3', 'issue_comment', 'stored', '', NULL, 3000, NULL);

INSERT INTO project (project_id, forge, repo_id, owner, name, installation, default_branch, private, access, has_seen_ci, created_at, changed_at) VALUES
    (1, 'github', 42, 'acme', 'api', 7, 'main', 1, 'granted', 1, 1000, 1000),
    (2, 'github', 43, 'acme', 'old', 7, 'main', 1, 'lost', 0, 1000, 1000);

INSERT INTO protocol (protocol_id, project_id, number, slug, status, work, drive, reasons, pause, faulted, ended, revision, issue, asked_on_pull, pull_number, pull, base, base_sha, base_moved, head, request, requester, plan_revision, plan, created_at, changed_at) VALUES
    (1, 1, 1, 'merged', 'completed', 'planned', '"none"', '[]', NULL, 0, '"completed"', 17, 1, 0, 2, '{"number":2,"node_id":"PR_2","url":"https://github.example/acme/api/pull/2","state":"merged","offered":true}', 'main', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', 0, 'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb', 'do it', '{"login":"mia","id":3}', 1, '# Plan', 1000, 9000),
    (2, 1, 2, 'running', 'running', 'running', '"all"', '[]', NULL, 0, NULL, 5, 3, 0, NULL, NULL, 'main', NULL, 0, 'cccccccccccccccccccccccccccccccccccccccc', 'more', '{"login":"mia","id":3}', 1, '# Plan', 2000, 8000),
    (3, 2, 1, 'dropped', 'cancelled', 'planning', '"none"', '[]', NULL, 0, '{"cancelled":"command"}', 3, 1, 0, NULL, NULL, 'main', NULL, 0, NULL, 'no', '{"login":"mia","id":3}', 0, '', 1000, 2000);

INSERT INTO step (step_id, protocol_id, number, status, spec, ci, commit_sha, pushed_at, attempts, started_at) VALUES
    (1, 2, 1, 'running', '{"id":"01-a","name":"a","prompt_ref":"01-a.md","step_type":"work","qa":{"policy":"full"}}', 'none', NULL, NULL, 1, 4000);

INSERT INTO job (job_id, kind, payload, job_key, lane, protocol_id, status, attempt, next_run_at, lease_until, fence, worker, error, created_at, changed_at) VALUES
    (1, 'plan_protocol', '{"job":"plan_protocol","protocol":1}', 'plan_protocol:1', 'protocol:1', 1, 'done', 1, 1000, NULL, 1, NULL, '', 1000, 2000),
    (2, 'publish', '{"job":"publish","protocol":2}', 'publish:2', 'publish:2', 2, 'queued', 2, 5000, NULL, 2, NULL, 'no answer', 1000, 4000),
    (3, 'process_delivery', '{"job":"process_delivery","delivery":3,"repo":42}', 'process_delivery:3', 'repo:42', NULL, 'dead', 3, 3000, NULL, 3, NULL, 'no answer', 3000, 4000),
    (4, 'execute_step', '{"job":"execute_step","step":1,"protocol":2}', 'execute_step:1', 'protocol:2', 2, 'running', 1, 4000, 14000, 1, 'w', '', 4000, 4000);

INSERT INTO run (run_id, job_id, attempt, kind, protocol_id, step_id, status, commit_sha, pushed, error, log_path, log_bytes, started_at, finished_at) VALUES
    (1, 1, 1, 'plan_protocol', 1, NULL, 'succeeded', 'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb', 1, '', '1-1/log.txt', 12, 1000, 2000);

INSERT INTO artifact (artifact_id, run_id, name, kind, path, sha256, bytes, created_at) VALUES
    (1, 1, 'quality-report.md', 'qa_report', '1-1/quality-report.md', 'e3b0', 0, 2000);

INSERT INTO event (event_id, protocol_id, step_id, kind, message, facts, at) VALUES
    (1, 1, NULL, 'planned', 'planned 1 steps', '{}', 2000);

INSERT INTO command (command_id, project_id, source, hash, ordinal, delivery_id, thread, actor, line, outcome, created_at, finished_at) VALUES
    (1, 1, '{"comment":17}', 'abc', 0, 1, 1, 'mia', '/protocol new', 'done', 1000, 1500);

INSERT INTO effect (effect_id, effect_key, project_id, protocol_id, command_id, payload, topic, thread, status, forge_ref, hidden, error, created_at, sent_at) VALUES
    (1, 'answer:1', 1, NULL, 1, '{"effect":"answer","thread":1,"body":"pong","topic":null}', NULL, 1, 'sending', NULL, 0, '', 1000, NULL),
    (2, 'react:comment:17:Eyes', 1, NULL, 1, '{"effect":"react","to":{"comment":17},"reaction":"eyes"}', NULL, NULL, 'sent', '', 0, '', 1000, 1200);

INSERT INTO posted_comment (posted_comment_id, protocol_id, kind, thread, forge_ref, hash, revision, changed_at) VALUES
    (1, 1, 'sticky', 2, '{"id":9,"node_id":"IC_9"}', 'h', 17, 9000);

INSERT INTO posted_check (posted_check_id, protocol_id, name, sha, forge_id, hash, final, generation, revision, changed_at) VALUES
    (1, 2, 'TasksGodzilla / protocol', 'cccccccccccccccccccccccccccccccccccccccc', 5, 'h', 0, 1, 5, 8000);
