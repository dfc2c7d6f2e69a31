-- A thread is an issue or a pull request, and a forge may count the two apart: a number alone names none. Within a
-- thread a forge may have discussions, in which a command is answered.
-- Twin of the file with this name in the other folder.

ALTER TABLE command ADD COLUMN thread_kind TEXT NOT NULL DEFAULT 'issue' CHECK (thread_kind IN ('issue', 'pull'));
ALTER TABLE command ADD COLUMN discussion TEXT;
ALTER TABLE effect ADD COLUMN thread_kind TEXT CHECK (thread_kind IN ('issue', 'pull'));
ALTER TABLE posted_comment ADD COLUMN thread_kind TEXT NOT NULL DEFAULT 'issue'
    CHECK (thread_kind IN ('issue', 'pull'));

-- What is stored so far counts both together, so the number of a pull request we know of is that pull request.
UPDATE command SET thread_kind = 'pull' WHERE EXISTS (
    SELECT 1 FROM protocol WHERE protocol.project_id = command.project_id
        AND (pull_number = command.thread OR (asked_on_pull = 1 AND issue = command.thread)));
UPDATE posted_comment SET thread_kind = 'pull' WHERE EXISTS (
    SELECT 1 FROM protocol WHERE protocol.protocol_id = posted_comment.protocol_id
        AND (pull_number = posted_comment.thread OR (asked_on_pull = 1 AND issue = posted_comment.thread)));
UPDATE effect SET thread = CAST(payload::jsonb ->> 'number' AS BIGINT) WHERE payload::jsonb ->> 'effect' = 'close_pull';
UPDATE effect SET thread = (SELECT thread FROM command WHERE command.command_id = effect.command_id)
    WHERE payload::jsonb ->> 'effect' = 'react';
UPDATE effect SET thread_kind = CASE WHEN payload::jsonb ->> 'effect' = 'close_pull' OR EXISTS (
    SELECT 1 FROM protocol WHERE protocol.project_id = effect.project_id
        AND (pull_number = effect.thread OR (asked_on_pull = 1 AND issue = effect.thread)))
    THEN 'pull' ELSE 'issue' END
    WHERE thread IS NOT NULL;
UPDATE effect SET topic = substr(topic, 1, length(topic) - length(CAST(thread AS TEXT)))
        || thread_kind || ':' || CAST(thread AS TEXT)
    WHERE topic IS NOT NULL AND thread IS NOT NULL;
UPDATE effect SET payload = jsonb_set(payload::jsonb, '{thread}', jsonb_build_object('kind', thread_kind, 'number', thread))::text
    WHERE thread IS NOT NULL AND payload::jsonb ->> 'effect' IN ('react', 'answer');
UPDATE effect SET payload = jsonb_set(payload::jsonb, '{topic}', to_jsonb(topic))::text
    WHERE topic IS NOT NULL AND payload::jsonb ->> 'effect' = 'answer';
