<?php
$pdo = new PDO('mysql:host=db.example.com;dbname=leads;charset=utf8mb4', 'crm', getenv('DB_PASSWORD'));
// or new PDO('sqlite:/srv/leadq/storage/leadq.db')
$pdo->setAttribute(PDO::ATTR_ERRMODE, PDO::ERRMODE_EXCEPTION);

$pdo->beginTransaction();
$lead = $pdo->prepare(
    'INSERT INTO leads (name, email, message, user_id, created_at)
     VALUES (:name, :email, :message, :user_id, :created_at)'
);
$lead->execute([
    'name' => $_POST['name'], 'email' => $_POST['email'], 'message' => $_POST['message'],
    'user_id' => 1, 'created_at' => time(),
]);
$job = $pdo->prepare(
    'INSERT INTO jobs (queue, payload, attempts, available_at, created_at)
     VALUES (:queue, :payload, 0, :available_at, :created_at)'
);
$job->execute([
    'queue' => 'default', 'available_at' => time(), 'created_at' => time(),
    'payload' => json_encode([
        'job' => 'SendLeadCreatedEmail', 'data' => ['lead_id' => (int) $pdo->lastInsertId()],
    ]),
]);
$pdo->commit();
