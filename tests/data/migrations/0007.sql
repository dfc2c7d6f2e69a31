-- Rows that were legal before 0007: a protocol asked for on issue 4 whose pull request is 9, one asked for on pull
-- request 6, and what was said about them. Both databases take this text.
INSERT INTO project (project_id, forge, repo_id, owner, name, installation, default_branch, private, access,
                     created_at, changed_at)
VALUES (71, 'github', 700, 'acme', 'api', 7, 'main', 1, 'granted', 1000, 1000);
INSERT INTO protocol (protocol_id, project_id, number, slug, status, work, drive, reasons, faulted, revision, issue,
                      asked_on_pull, pull_number, pull, base, request, requester, created_at, changed_at)
VALUES (71, 71, 1, 'split', 'planned', 'planned', '"none"', '[]', 0, 3, 4, 0, 9,
        '{"number":9,"node_id":"PR_9","url":"https://github.com/acme/api/pull/9","state":"draft","offered":false}',
        'main', 'split it', '{"login":"mia","id":3}', 1000, 1000),
       (72, 71, 2, 'stack', 'planning', 'planning', '"none"', '[]', 0, 2, 6, 1, NULL, NULL,
        'feature', 'stack it', '{"login":"mia","id":3}', 1000, 1000);
INSERT INTO delivery (delivery_id, forge, guid, event, status, received_at)
VALUES (71, 'github', 'before-0007', 'issue_comment', 'done', 1000);
INSERT INTO command (command_id, project_id, source, hash, ordinal, delivery_id, thread, actor, line, outcome,
                     created_at)
VALUES (71, 71, '{"comment":40}', 'h', 0, 71, 4, 'mia', '/protocol status', 'done', 1000),
       (72, 71, '{"comment":90}', 'h', 0, 71, 9, 'mia', '/protocol status', 'done', 1000),
       (73, 71, '{"comment":60}', 'h', 0, 71, 6, 'mia', '/protocol status', 'open', 1000);
INSERT INTO effect (effect_id, effect_key, project_id, command_id, payload, topic, thread, status, forge_ref,
                    created_at)
VALUES (71, 'react:comment:40:Eyes', 71, 71, '{"effect":"react","to":{"comment":40},"reaction":"eyes"}',
        NULL, NULL, 'sent', '', 1000),
       (72, 'answer:72', 71, 72, '{"effect":"answer","thread":9,"body":"it runs","topic":"status:9"}',
        'status:9', 9, 'sent', '{"id":91,"node_id":"IC_91"}', 1000),
       (73, 'react:comment:60:Eyes', 71, 73, '{"effect":"react","to":{"comment":60},"reaction":"eyes"}',
        NULL, NULL, 'open', NULL, 1000),
       (74, 'answer:73', 71, 73, '{"effect":"answer","thread":6,"body":"refused","topic":null}',
        NULL, 6, 'open', NULL, 1000),
       (75, 'close:71', 71, 71, '{"effect":"close_pull","number":9}', NULL, NULL, 'open', NULL, 1000);
INSERT INTO posted_comment (protocol_id, kind, thread, forge_ref, hash, revision, changed_at)
VALUES (71, 'issue', 4, '{"id":41,"node_id":"IC_41"}', 'a', 3, 1000),
       (71, 'sticky', 9, '{"id":92,"node_id":"IC_92"}', 'b', 3, 1000),
       (72, 'issue', 6, NULL, '', 2, 1000);
