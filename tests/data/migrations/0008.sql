-- Rows that were legal before 0008: a delivery without a body, and one that is to be processed. Both databases take this text.
INSERT INTO delivery (delivery_id, forge, guid, event, status, reason, body, received_at)
VALUES (81, 'github', 'before-0008', 'status', 'ignored', 'not acted on', NULL, 1000),
       (82, 'gitlab', 'before-0008', 'Pipeline Hook', 'stored', '', NULL, 1000);
