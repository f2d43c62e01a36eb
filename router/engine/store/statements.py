"""The hot statements as text, with named parameters; written by `queries.py`."""

from typing import Final

INSERT_JOB: Final = """
INSERT INTO jobs (id, caller, state, model, seconds, size, request, preferences, metadata, trace_parent, created_at,
deadline_at, ended_at, failure_stage, failure_reason, failure_code, failure_message, deleted_at) VALUES (:id, :caller,
:state, :model, :seconds, :size, :request, :preferences, :metadata, :trace_parent, :created_at, :deadline_at, :ended_at,
:failure_stage, :failure_reason, :failure_code, :failure_message, :deleted_at)
"""

INSERT_IMAGE: Final = """
INSERT INTO input_images (job_id, position, data) VALUES (:job_id, :position, :data)
"""

INSERT_KEY: Final = """
INSERT INTO idempotency_keys (caller, "key", fingerprint, job_id, created_at) VALUES (:caller, :key, :fingerprint,
:job_id, :created_at)
"""

INSERT_ATTEMPT: Final = """
INSERT INTO attempts (id, job_id, number, offering_id, provider, upstream_model, seconds, quote_microusd, submitted_at,
state, remote_id, accepted_at, ended_at, stage, reason, code, content_url, content_type, content_bytes,
content_expires_at) VALUES (:id, :job_id, :number, :offering_id, :provider, :upstream_model, :seconds, :quote_microusd,
:submitted_at, :state, :remote_id, :accepted_at, :ended_at, :stage, :reason, :code, :content_url, :content_type,
:content_bytes, :content_expires_at)
"""

INSERT_ENTRY: Final = """
INSERT INTO ledger_entries (attempt_id, job_id, provider, kind, amount_microusd, at, cost_kind, note) VALUES
(:attempt_id, :job_id, :provider, :kind, :amount_microusd, :at, :cost_kind, :note)
"""

INSERT_DECISION: Final = """
INSERT INTO decisions (attempt_id, decided_at, document) VALUES (:attempt_id, :decided_at, :document)
"""

INSERT_CLOSING_ENTRY: Final = """
INSERT INTO ledger_entries (attempt_id, job_id, provider, kind, amount_microusd, at, cost_kind, note) SELECT :attempt_id
AS anon_1, :job_id AS anon_2, :provider AS anon_3, :kind AS anon_4, :amount_microusd AS anon_5, :at AS anon_6,
:cost_kind AS anon_7, :note AS anon_8 WHERE EXISTS (SELECT * FROM attempts WHERE attempts.id = :key_id AND
attempts.state = :key_state)
"""

MOVE_JOB: Final = """
UPDATE jobs SET state=:state, ended_at=:ended_at, failure_stage=:failure_stage, failure_reason=:failure_reason,
failure_code=:failure_code, failure_message=:failure_message WHERE jobs.id = :key_id AND jobs.state = :key_state
"""

START_JOB: Final = """
UPDATE jobs SET state=:state, ended_at=:ended_at, failure_stage=:failure_stage, failure_reason=:failure_reason,
failure_code=:failure_code, failure_message=:failure_message WHERE jobs.id = :key_id AND jobs.state = :key_state AND
jobs.deleted_at IS NULL
"""

MOVE_ATTEMPT: Final = """
UPDATE attempts SET state=:state, remote_id=:remote_id, accepted_at=:accepted_at, ended_at=:ended_at, stage=:stage,
reason=:reason, code=:code, content_url=:content_url, content_type=:content_type, content_bytes=:content_bytes,
content_expires_at=:content_expires_at WHERE attempts.id = :key_id AND attempts.state = :key_state
"""

ACCEPT_ATTEMPT: Final = """
UPDATE attempts SET state=:state, remote_id=:remote_id, accepted_at=:accepted_at WHERE attempts.id = :key_id AND
attempts.state = :key_state AND NOT (EXISTS (SELECT 1 FROM attempts AS other WHERE other.provider = :provider AND
other.remote_id = :remote_id AND other.id != :id AND other.submitted_at >= :since))
"""

RELINK_ATTEMPT: Final = """
UPDATE attempts SET content_url=:content_url, content_expires_at=:content_expires_at WHERE attempts.id = :key_id AND
attempts.state = :key_state
"""

HIDE_JOB: Final = """
UPDATE jobs SET deleted_at=:deleted_at WHERE jobs.id = :key_id AND jobs.deleted_at IS NULL
"""

DELETE_IMAGES: Final = """
DELETE FROM input_images WHERE input_images.job_id = :job_id
"""

DELETE_KEYS: Final = """
DELETE FROM idempotency_keys WHERE (idempotency_keys.caller, idempotency_keys."key") IN (SELECT idempotency_keys.caller,
idempotency_keys."key" FROM idempotency_keys JOIN jobs ON jobs.id = idempotency_keys.job_id WHERE
idempotency_keys.created_at < :before AND jobs.deadline_at < :before LIMIT :limit OFFSET 0)
"""

TOUCH: Final = """
PRAGMA user_version = 0
"""

KEY: Final = """
SELECT idempotency_keys.fingerprint, idempotency_keys.job_id FROM idempotency_keys WHERE idempotency_keys.caller =
:caller AND idempotency_keys."key" = :key
"""

JOB: Final = """
SELECT jobs.id, jobs.caller, jobs.state, jobs.model, jobs.seconds, jobs.size, jobs.request, jobs.preferences,
jobs.metadata, jobs.trace_parent, jobs.created_at, jobs.deadline_at, jobs.ended_at, jobs.failure_stage,
jobs.failure_reason, jobs.failure_code, jobs.failure_message, jobs.deleted_at FROM jobs WHERE jobs.id = :id
"""

VISIBLE_JOB: Final = """
SELECT jobs.id, jobs.caller, jobs.state, jobs.model, jobs.seconds, jobs.size, jobs.request, jobs.preferences,
jobs.metadata, jobs.trace_parent, jobs.created_at, jobs.deadline_at, jobs.ended_at, jobs.failure_stage,
jobs.failure_reason, jobs.failure_code, jobs.failure_message, jobs.deleted_at FROM jobs WHERE jobs.id = :id AND
jobs.deleted_at IS NULL
"""

SEQUENCE: Final = """
SELECT jobs.sequence FROM jobs WHERE jobs.id = :id AND jobs.caller = :caller
"""

PAGE_ASCENDING: Final = """
SELECT jobs.id, jobs.caller, jobs.state, jobs.model, jobs.seconds, jobs.size, jobs.request, jobs.preferences,
jobs.metadata, jobs.trace_parent, jobs.created_at, jobs.deadline_at, jobs.ended_at, jobs.failure_stage,
jobs.failure_reason, jobs.failure_code, jobs.failure_message, jobs.deleted_at FROM jobs WHERE jobs.caller = :caller AND
jobs.deleted_at IS NULL AND jobs.sequence > :sequence ORDER BY jobs.sequence ASC LIMIT :limit OFFSET 0
"""

PAGE_DESCENDING: Final = """
SELECT jobs.id, jobs.caller, jobs.state, jobs.model, jobs.seconds, jobs.size, jobs.request, jobs.preferences,
jobs.metadata, jobs.trace_parent, jobs.created_at, jobs.deadline_at, jobs.ended_at, jobs.failure_stage,
jobs.failure_reason, jobs.failure_code, jobs.failure_message, jobs.deleted_at FROM jobs WHERE jobs.caller = :caller AND
jobs.deleted_at IS NULL AND jobs.sequence < :sequence ORDER BY jobs.sequence DESC LIMIT :limit OFFSET 0
"""

IMAGES: Final = """
SELECT input_images.position, input_images.data FROM input_images WHERE input_images.job_id = :job_id
"""

ATTEMPTS: Final = """
SELECT attempts.id, attempts.job_id, attempts.number, attempts.offering_id, attempts.provider, attempts.upstream_model,
attempts.seconds, attempts.quote_microusd, attempts.submitted_at, attempts.state, attempts.remote_id,
attempts.accepted_at, attempts.ended_at, attempts.stage, attempts.reason, attempts.code, attempts.content_url,
attempts.content_type, attempts.content_bytes, attempts.content_expires_at, coalesce(CASE WHEN (ledger_entries.kind =
'posted') THEN ledger_entries.amount_microusd ELSE 0 END + (SELECT sum(adjusted.amount_microusd) AS sum_1 FROM
ledger_entries AS adjusted WHERE adjusted.attempt_id = attempts.id AND adjusted.kind = 'adjusted') > 0,
ledger_entries.kind = 'posted') AS coalesce_1 FROM attempts LEFT OUTER JOIN ledger_entries ON ledger_entries.attempt_id
= attempts.id AND ledger_entries.kind IN ('posted', 'voided') WHERE attempts.job_id = :job_id ORDER BY attempts.number
"""

ENTRIES: Final = """
SELECT ledger_entries.attempt_id, ledger_entries.job_id, ledger_entries.provider, ledger_entries.kind,
ledger_entries.amount_microusd, ledger_entries.at, ledger_entries.cost_kind, ledger_entries.note,
ledger_entries.sequence FROM attempts JOIN ledger_entries ON attempts.id = ledger_entries.attempt_id WHERE
attempts.job_id = :job_id AND ledger_entries.kind = 'pending' UNION ALL SELECT ledger_entries.attempt_id,
ledger_entries.job_id, ledger_entries.provider, ledger_entries.kind, ledger_entries.amount_microusd, ledger_entries.at,
ledger_entries.cost_kind, ledger_entries.note, ledger_entries.sequence FROM attempts JOIN ledger_entries ON attempts.id
= ledger_entries.attempt_id WHERE attempts.job_id = :job_id AND ledger_entries.kind IN ('posted', 'voided') UNION ALL
SELECT ledger_entries.attempt_id, ledger_entries.job_id, ledger_entries.provider, ledger_entries.kind,
ledger_entries.amount_microusd, ledger_entries.at, ledger_entries.cost_kind, ledger_entries.note,
ledger_entries.sequence FROM attempts JOIN ledger_entries ON attempts.id = ledger_entries.attempt_id WHERE
attempts.job_id = :job_id AND ledger_entries.kind = 'adjusted' ORDER BY sequence
"""

ENTRIES_OF_ATTEMPT: Final = """
SELECT ledger_entries.attempt_id, ledger_entries.job_id, ledger_entries.provider, ledger_entries.kind,
ledger_entries.amount_microusd, ledger_entries.at, ledger_entries.cost_kind, ledger_entries.note,
ledger_entries.sequence FROM attempts JOIN ledger_entries ON attempts.id = ledger_entries.attempt_id WHERE attempts.id =
:id AND ledger_entries.kind = 'pending' UNION ALL SELECT ledger_entries.attempt_id, ledger_entries.job_id,
ledger_entries.provider, ledger_entries.kind, ledger_entries.amount_microusd, ledger_entries.at,
ledger_entries.cost_kind, ledger_entries.note, ledger_entries.sequence FROM attempts JOIN ledger_entries ON attempts.id
= ledger_entries.attempt_id WHERE attempts.id = :id AND ledger_entries.kind IN ('posted', 'voided') UNION ALL SELECT
ledger_entries.attempt_id, ledger_entries.job_id, ledger_entries.provider, ledger_entries.kind,
ledger_entries.amount_microusd, ledger_entries.at, ledger_entries.cost_kind, ledger_entries.note,
ledger_entries.sequence FROM attempts JOIN ledger_entries ON attempts.id = ledger_entries.attempt_id WHERE attempts.id =
:id AND ledger_entries.kind = 'adjusted' ORDER BY sequence
"""

REMOTE_ID: Final = """
SELECT 1 FROM attempts WHERE attempts.provider = :provider AND attempts.remote_id = :remote_id AND attempts.id != :id
AND attempts.submitted_at >= :since
"""

LOST_SUBMITS: Final = """
SELECT attempts.id, attempts.upstream_model, jobs.model, attempts.seconds, jobs.size, jobs.request FROM attempts JOIN
jobs ON jobs.id = attempts.job_id WHERE attempts.submitted_at BETWEEN :since AND :until AND attempts.provider =
:provider AND attempts.id != :id AND (attempts.state IN ('submitting', 'unknown') OR (attempts.state = 'failed' AND
attempts.remote_id IS NULL AND attempts.reason = 'ambiguous'))
"""

DECISIONS: Final = """
SELECT decisions.attempt_id, decisions.decided_at, decisions.document FROM attempts JOIN decisions ON
decisions.attempt_id = attempts.id WHERE attempts.job_id = :job_id ORDER BY attempts.number
"""

ENDED_ATTEMPTS: Final = """
SELECT attempts.id, attempts.job_id, attempts.number, attempts.offering_id, attempts.provider, attempts.upstream_model,
attempts.seconds, attempts.quote_microusd, attempts.submitted_at, attempts.state, attempts.remote_id,
attempts.accepted_at, attempts.ended_at, attempts.stage, attempts.reason, attempts.code, attempts.content_url,
attempts.content_type, attempts.content_bytes, attempts.content_expires_at, coalesce(CASE WHEN (ledger_entries.kind =
'posted') THEN ledger_entries.amount_microusd ELSE 0 END + (SELECT sum(adjusted.amount_microusd) AS sum_1 FROM
ledger_entries AS adjusted WHERE adjusted.attempt_id = attempts.id AND adjusted.kind = 'adjusted') > 0,
ledger_entries.kind = 'posted') AS coalesce_1, jobs.size FROM attempts LEFT OUTER JOIN ledger_entries ON
ledger_entries.attempt_id = attempts.id AND ledger_entries.kind IN ('posted', 'voided') JOIN jobs ON jobs.id =
attempts.job_id WHERE attempts.ended_at >= :since ORDER BY attempts.ended_at DESC LIMIT :limit OFFSET 0
"""

BOOKINGS: Final = """
SELECT CASE WHEN (closing.kind IS NULL) THEN attempts.id END AS anon_1, attempts.provider, jobs.caller,
min(attempts.submitted_at) AS min_1, sum(CASE WHEN (closing.kind IS NULL) THEN pending.amount_microusd ELSE CASE WHEN
(closing.kind = 'posted') THEN closing.amount_microusd ELSE 0 END + coalesce((SELECT sum(adjusted.amount_microusd) AS
sum_2 FROM ledger_entries AS adjusted WHERE adjusted.attempt_id = attempts.id AND adjusted.kind = 'adjusted'), 0) END)
AS sum_1 FROM attempts JOIN jobs ON jobs.id = attempts.job_id LEFT OUTER JOIN ledger_entries AS pending ON
pending.attempt_id = attempts.id AND pending.kind = 'pending' LEFT OUTER JOIN ledger_entries AS closing ON
closing.attempt_id = attempts.id AND closing.kind IN ('posted', 'voided') WHERE attempts.submitted_at >= :since AND
(closing.kind IS NOT NULL OR NOT (jobs.state IN ('queued', 'in_progress') OR attempts.state IN ('late', 'unknown')))
GROUP BY CASE WHEN (closing.kind IS NULL) THEN attempts.id END, attempts.provider, jobs.caller,
CAST(attempts.submitted_at / (86400 + 0.0) AS INTEGER)
"""

OPEN_JOBS: Final = """
SELECT jobs.id, jobs.caller, jobs.state, jobs.model, jobs.seconds, jobs.size, jobs.request, jobs.preferences,
jobs.metadata, jobs.trace_parent, jobs.created_at, jobs.deadline_at, jobs.ended_at, jobs.failure_stage,
jobs.failure_reason, jobs.failure_code, jobs.failure_message, jobs.deleted_at, attempts.id AS id_1, attempts.job_id,
attempts.number, attempts.offering_id, attempts.provider, attempts.upstream_model, attempts.seconds AS seconds_1,
attempts.quote_microusd, attempts.submitted_at, attempts.state AS state_1, attempts.remote_id, attempts.accepted_at,
attempts.ended_at AS ended_at_1, attempts.stage, attempts.reason, attempts.code, attempts.content_url,
attempts.content_type, attempts.content_bytes, attempts.content_expires_at, coalesce(CASE WHEN (ledger_entries.kind =
'posted') THEN ledger_entries.amount_microusd ELSE 0 END + (SELECT sum(adjusted.amount_microusd) AS sum_1 FROM
ledger_entries AS adjusted WHERE adjusted.attempt_id = attempts.id AND adjusted.kind = 'adjusted') > 0,
ledger_entries.kind = 'posted') AS coalesce_1 FROM jobs LEFT OUTER JOIN attempts ON attempts.job_id = jobs.id LEFT OUTER
JOIN ledger_entries ON ledger_entries.attempt_id = attempts.id AND ledger_entries.kind IN ('posted', 'voided') WHERE
jobs.sequence IN (SELECT job.sequence FROM jobs AS job WHERE job.state IN ('queued', 'in_progress') UNION SELECT
job.sequence FROM attempts AS uncertain JOIN jobs AS job ON job.id = uncertain.job_id WHERE uncertain.state IN ('late',
'unknown')) ORDER BY jobs.sequence, attempts.number
"""

UNCERTAIN_JOBS: Final = """
SELECT jobs.id, jobs.caller, jobs.state, jobs.model, jobs.seconds, jobs.size, jobs.request, jobs.preferences,
jobs.metadata, jobs.trace_parent, jobs.created_at, jobs.deadline_at, jobs.ended_at, jobs.failure_stage,
jobs.failure_reason, jobs.failure_code, jobs.failure_message, jobs.deleted_at, attempts.id AS id_1, attempts.job_id,
attempts.number, attempts.offering_id, attempts.provider, attempts.upstream_model, attempts.seconds AS seconds_1,
attempts.quote_microusd, attempts.submitted_at, attempts.state AS state_1, attempts.remote_id, attempts.accepted_at,
attempts.ended_at AS ended_at_1, attempts.stage, attempts.reason, attempts.code, attempts.content_url,
attempts.content_type, attempts.content_bytes, attempts.content_expires_at, coalesce(CASE WHEN (ledger_entries.kind =
'posted') THEN ledger_entries.amount_microusd ELSE 0 END + (SELECT sum(adjusted.amount_microusd) AS sum_1 FROM
ledger_entries AS adjusted WHERE adjusted.attempt_id = attempts.id AND adjusted.kind = 'adjusted') > 0,
ledger_entries.kind = 'posted') AS coalesce_1 FROM jobs LEFT OUTER JOIN attempts ON attempts.job_id = jobs.id LEFT OUTER
JOIN ledger_entries ON ledger_entries.attempt_id = attempts.id AND ledger_entries.kind IN ('posted', 'voided') WHERE
jobs.sequence IN (SELECT job.sequence FROM attempts AS uncertain JOIN jobs AS job ON job.id = uncertain.job_id WHERE
uncertain.state IN ('late', 'unknown')) ORDER BY jobs.sequence, attempts.number
"""
