BEGIN IMMEDIATE;
INSERT INTO leads (name, email, source, user_id, created_at)
VALUES ('Bo Berg', 'bo@client.example', 'website',
        (SELECT id FROM users WHERE email = 'ana@example.com'), strftime('%s', 'now'));
INSERT INTO jobs (queue, payload, attempts, available_at, created_at)
VALUES ('default', '{"job": "SendLeadCreatedEmail", "data": {"lead_id": ' || last_insert_rowid() || '}}',
        0, strftime('%s', 'now'), strftime('%s', 'now'));
COMMIT;
