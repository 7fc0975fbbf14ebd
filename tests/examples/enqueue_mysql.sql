START TRANSACTION;
INSERT INTO leads (name, email, source, user_id, created_at)
VALUES ('Bo Berg', 'bo@client.example', 'website',
        (SELECT id FROM users WHERE email = 'ana@example.com'), UNIX_TIMESTAMP());
INSERT INTO jobs (queue, payload, attempts, available_at, created_at)
VALUES ('default', CONCAT('{"job": "SendLeadCreatedEmail", "data": {"lead_id": ', LAST_INSERT_ID(), '}}'),
        0, UNIX_TIMESTAMP(), UNIX_TIMESTAMP());
COMMIT;
