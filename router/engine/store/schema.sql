CREATE TABLE jobs (
    sequence INTEGER NOT NULL,
    id TEXT NOT NULL,
    caller TEXT NOT NULL,
    state TEXT NOT NULL,
    model TEXT NOT NULL,
    seconds INTEGER NOT NULL,
    size TEXT NOT NULL,
    request TEXT NOT NULL,
    preferences TEXT NOT NULL,
    metadata TEXT NOT NULL,
    trace_parent TEXT,
    created_at DOUBLE NOT NULL,
    deadline_at DOUBLE NOT NULL,
    ended_at DOUBLE,
    failure_stage TEXT,
    failure_reason TEXT,
    failure_code TEXT,
    failure_message TEXT,
    deleted_at DOUBLE,
    CONSTRAINT pk_jobs PRIMARY KEY (sequence),
    CONSTRAINT ck_jobs_state CHECK (state IN ('queued', 'in_progress', 'completed', 'failed')),
    CONSTRAINT ck_jobs_seconds CHECK (seconds > 0),
    CONSTRAINT ck_jobs_ended CHECK ((state IN ('completed', 'failed')) = (ended_at IS NOT NULL)),
    CONSTRAINT ck_jobs_failure_stage CHECK ((state = 'failed') = (failure_stage IS NOT NULL)),
    CONSTRAINT ck_jobs_failure_reason CHECK ((state = 'failed') = (failure_reason IS NOT NULL)),
    CONSTRAINT uq_jobs_id UNIQUE (id)
)

CREATE TABLE attempts (
    id TEXT NOT NULL,
    job_id TEXT NOT NULL,
    number INTEGER NOT NULL,
    offering_id TEXT NOT NULL,
    provider TEXT NOT NULL,
    upstream_model TEXT NOT NULL,
    seconds INTEGER NOT NULL,
    quote_microusd BIGINT NOT NULL,
    submitted_at DOUBLE NOT NULL,
    state TEXT NOT NULL,
    remote_id TEXT,
    accepted_at DOUBLE,
    ended_at DOUBLE,
    stage TEXT,
    reason TEXT,
    code TEXT,
    content_url TEXT,
    content_type TEXT,
    content_bytes BIGINT,
    content_expires_at DOUBLE,
    CONSTRAINT pk_attempts PRIMARY KEY (id),
    CONSTRAINT uq_attempts_job_id_number UNIQUE (job_id, number),
    CONSTRAINT ck_attempts_state CHECK (state IN ('submitting', 'running', 'late', 'unknown', 'succeeded', 'failed')),
    CONSTRAINT ck_attempts_number CHECK (number > 0),
    CONSTRAINT ck_attempts_seconds CHECK (seconds > 0),
    CONSTRAINT ck_attempts_quote_microusd CHECK (quote_microusd >= 0),
    CONSTRAINT ck_attempts_content_bytes CHECK (content_bytes >= 0),
    CONSTRAINT ck_attempts_remote_id CHECK (state NOT IN ('running', 'late', 'succeeded') OR remote_id IS NOT NULL),
    CONSTRAINT fk_attempts_job_id_jobs FOREIGN KEY(job_id) REFERENCES jobs (id)
)

CREATE TABLE idempotency_keys (
    caller TEXT NOT NULL,
    "key" TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    job_id TEXT NOT NULL,
    created_at DOUBLE NOT NULL,
    CONSTRAINT pk_idempotency_keys PRIMARY KEY (caller, "key"),
    CONSTRAINT fk_idempotency_keys_job_id_jobs FOREIGN KEY(job_id) REFERENCES jobs (id)
)

CREATE TABLE input_images (
    job_id TEXT NOT NULL,
    position INTEGER NOT NULL,
    data BLOB NOT NULL,
    CONSTRAINT pk_input_images PRIMARY KEY (job_id, position),
    CONSTRAINT fk_input_images_job_id_jobs FOREIGN KEY(job_id) REFERENCES jobs (id)
)

CREATE TABLE decisions (
    attempt_id TEXT NOT NULL,
    decided_at DOUBLE NOT NULL,
    document TEXT NOT NULL,
    CONSTRAINT pk_decisions PRIMARY KEY (attempt_id),
    CONSTRAINT fk_decisions_attempt_id_attempts FOREIGN KEY(attempt_id) REFERENCES attempts (id)
)

CREATE TABLE ledger_entries (
    sequence INTEGER NOT NULL,
    attempt_id TEXT NOT NULL,
    job_id TEXT NOT NULL,
    provider TEXT NOT NULL,
    kind TEXT NOT NULL,
    amount_microusd BIGINT NOT NULL,
    at DOUBLE NOT NULL,
    cost_kind TEXT,
    note TEXT,
    CONSTRAINT pk_ledger_entries PRIMARY KEY (sequence),
    CONSTRAINT ck_ledger_entries_kind CHECK (kind IN ('pending', 'posted', 'voided', 'adjusted')),
    CONSTRAINT ck_ledger_entries_cost_kind CHECK (cost_kind IN ('delivered', 'failed_billed', 'duplicate')),
    CONSTRAINT ck_ledger_entries_cost_kind_posted CHECK ((kind IN ('posted', 'adjusted')) = (cost_kind IS NOT NULL)),
    CONSTRAINT ck_ledger_entries_amount CHECK (CASE kind WHEN 'adjusted' THEN amount_microusd <> 0 ELSE amount_microusd >= 0 END),
    CONSTRAINT ck_ledger_entries_note_adjusted CHECK ((kind = 'adjusted') = (note IS NOT NULL)),
    CONSTRAINT ck_ledger_entries_note CHECK (length(note) BETWEEN 1 AND 200),
    CONSTRAINT fk_ledger_entries_attempt_id_attempts FOREIGN KEY(attempt_id) REFERENCES attempts (id),
    CONSTRAINT fk_ledger_entries_job_id_jobs FOREIGN KEY(job_id) REFERENCES jobs (id)
)

CREATE INDEX ix_attempts_ended_at ON attempts (ended_at) WHERE ended_at IS NOT NULL

CREATE INDEX ix_attempts_remote_id ON attempts (provider, remote_id) WHERE remote_id IS NOT NULL

CREATE INDEX ix_attempts_submitted_at ON attempts (submitted_at)

CREATE INDEX ix_attempts_uncertain ON attempts (job_id) WHERE state IN ('late', 'unknown')

CREATE INDEX ix_idempotency_keys_created_at ON idempotency_keys (created_at)

CREATE INDEX ix_jobs_open ON jobs (state) WHERE state IN ('queued', 'in_progress')

CREATE INDEX ix_jobs_visible ON jobs (caller, sequence) WHERE deleted_at IS NULL

CREATE INDEX ix_ledger_entries_adjusted ON ledger_entries (attempt_id) WHERE kind = 'adjusted'

CREATE UNIQUE INDEX uq_ledger_entries_closing ON ledger_entries (attempt_id) WHERE kind IN ('posted', 'voided')

CREATE UNIQUE INDEX uq_ledger_entries_delivered ON ledger_entries (job_id) WHERE kind = 'posted' AND cost_kind = 'delivered'

CREATE UNIQUE INDEX uq_ledger_entries_pending ON ledger_entries (attempt_id) WHERE kind = 'pending'

CREATE TRIGGER ledger_entries_no_update BEFORE UPDATE ON ledger_entries BEGIN SELECT RAISE(ABORT, 'ledger entries are append-only'); END

CREATE TRIGGER ledger_entries_no_delete BEFORE DELETE ON ledger_entries BEGIN SELECT RAISE(ABORT, 'ledger entries are append-only'); END

CREATE TRIGGER ledger_entries_attempt BEFORE INSERT ON ledger_entries WHEN NOT EXISTS (SELECT 1 FROM attempts WHERE id = NEW.attempt_id AND job_id = NEW.job_id AND provider = NEW.provider AND (NEW.kind NOT IN ('pending', 'voided') OR quote_microusd = NEW.amount_microusd)) BEGIN SELECT RAISE(ABORT, 'an entry is of its attempt, job and provider, and a pending or voided one is the quote'); END

CREATE TRIGGER ledger_entries_order BEFORE INSERT ON ledger_entries WHEN NEW.kind <> 'pending' AND NOT EXISTS (SELECT 1 FROM ledger_entries WHERE attempt_id = NEW.attempt_id AND kind = 'pending') BEGIN SELECT RAISE(ABORT, 'money is pending before it is anything else'); END

CREATE TRIGGER ledger_entries_adjusted BEFORE INSERT ON ledger_entries WHEN NEW.kind = 'adjusted' AND (NEW.cost_kind IS NOT (SELECT coalesce(cost_kind, 'failed_billed') FROM ledger_entries WHERE attempt_id = NEW.attempt_id AND kind IN ('posted', 'voided')) OR NEW.amount_microusd + (SELECT CASE kind WHEN 'posted' THEN amount_microusd ELSE 0 END FROM ledger_entries WHERE attempt_id = NEW.attempt_id AND kind IN ('posted', 'voided')) + (SELECT coalesce(sum(amount_microusd), 0) FROM ledger_entries WHERE attempt_id = NEW.attempt_id AND kind = 'adjusted') < 0) BEGIN SELECT RAISE(ABORT, 'an adjustment is of closed money and its kind, and leaves no less than nothing'); END

CREATE TRIGGER attempts_frozen BEFORE UPDATE OF id, job_id, number, offering_id, provider, upstream_model, seconds, quote_microusd, submitted_at ON attempts BEGIN SELECT RAISE(ABORT, 'what an attempt is, and its price, never change'); END

CREATE TRIGGER attempts_begin BEFORE INSERT ON attempts WHEN NOT EXISTS (SELECT 1 FROM jobs WHERE id = NEW.job_id AND state = 'in_progress') OR NEW.number > 1 AND NOT EXISTS (SELECT 1 FROM attempts WHERE job_id = NEW.job_id AND number = NEW.number - 1) BEGIN SELECT RAISE(ABORT, 'an attempt is the next one of a job in progress'); END

CREATE TRIGGER attempts_remote_id BEFORE UPDATE OF remote_id ON attempts WHEN NEW.remote_id IS NOT OLD.remote_id AND OLD.remote_id IS NOT NULL BEGIN SELECT RAISE(ABORT, 'an attempt stays the remote job that it was found to be'); END

CREATE TRIGGER attempts_succeeded BEFORE UPDATE OF state ON attempts WHEN NEW.state = 'succeeded' AND NOT EXISTS (SELECT 1 FROM ledger_entries WHERE attempt_id = NEW.id AND kind IN ('posted', 'voided') AND cost_kind IN ('delivered', 'duplicate')) BEGIN SELECT RAISE(ABORT, 'an attempt succeeds with its money posted'); END

CREATE TRIGGER attempts_failed BEFORE UPDATE OF state ON attempts WHEN NEW.state = 'failed' AND NOT EXISTS (SELECT 1 FROM ledger_entries WHERE attempt_id = NEW.id AND kind IN ('posted', 'voided') AND coalesce(cost_kind, 'failed_billed') = 'failed_billed') BEGIN SELECT RAISE(ABORT, 'an attempt fails with its money posted or voided'); END

CREATE TRIGGER attempts_open BEFORE UPDATE OF state ON attempts WHEN NEW.state NOT IN ('succeeded', 'failed') AND EXISTS (SELECT 1 FROM ledger_entries WHERE attempt_id = NEW.id AND kind IN ('posted', 'voided')) BEGIN SELECT RAISE(ABORT, 'an attempt whose money is closed has ended'); END

CREATE TRIGGER decisions_no_update BEFORE UPDATE ON decisions BEGIN SELECT RAISE(ABORT, 'what was decided, and why, never changes'); END

CREATE TRIGGER jobs_frozen BEFORE UPDATE OF id, caller, model, seconds, size, request, created_at ON jobs BEGIN SELECT RAISE(ABORT, 'what was asked for never changes'); END

CREATE TRIGGER jobs_ended BEFORE UPDATE OF state ON jobs WHEN OLD.state IN ('completed', 'failed') AND NEW.state <> OLD.state BEGIN SELECT RAISE(ABORT, 'a job ends once'); END

CREATE TRIGGER jobs_completed BEFORE UPDATE OF state ON jobs WHEN NEW.state = 'completed' AND NOT EXISTS (SELECT 1 FROM ledger_entries WHERE job_id = NEW.id AND kind = 'posted' AND cost_kind = 'delivered') BEGIN SELECT RAISE(ABORT, 'a job is completed by a video that is paid for'); END

CREATE TABLE alembic_version (
    version_num VARCHAR(32) NOT NULL,
    CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
)

INSERT INTO alembic_version (version_num) VALUES ('0005')
