extension Schema {
    // The tables `run` and `attempt` are created again, because SQLite changes no CHECK in place: a run may be `stopped`,
    // early and as its sweep asks. `held` runs and those of a `held` job wait until they are released; a `halted` job
    // hands out nothing because of its failures. `leaving` agents end after their current runs, as do new ones beyond
    // `agents_limit`. `failures_before` is how many runs had failed when `halted` was lifted last, `failures_told` when
    // the user's command last got a report, `run.told` the last attempt whose failure was reported.
    static let v9 = """
        CREATE TABLE new_run (
          id TEXT PRIMARY KEY REFERENCES spec ON DELETE CASCADE,
          job INTEGER NOT NULL REFERENCES job ON DELETE CASCADE,
          position INTEGER NOT NULL,
          experiment TEXT NOT NULL,
          status TEXT NOT NULL CHECK (status IN ('pending', 'running', 'done', 'failed', 'cancelled', 'stopped')),
          attempt INTEGER NOT NULL DEFAULT 0,
          agent INTEGER REFERENCES agent,
          step INTEGER NOT NULL DEFAULT 0,
          steps INTEGER NOT NULL,
          steps_per_second REAL,
          losses TEXT,
          folder TEXT NOT NULL,
          error TEXT,
          metrics TEXT,
          started REAL,
          ended REAL,
          forgiven INTEGER NOT NULL DEFAULT 0,
          unsent INTEGER NOT NULL DEFAULT 0,
          held INTEGER NOT NULL DEFAULT 0,
          priority INTEGER NOT NULL DEFAULT 0,
          note TEXT,
          tags TEXT,
          told INTEGER NOT NULL DEFAULT 0
        ) STRICT;
        INSERT INTO new_run (id, job, position, experiment, status, attempt, agent, step, steps, steps_per_second, losses,
            folder, error, metrics, started, ended, forgiven, unsent)
          SELECT id, job, position, experiment, status, attempt, agent, step, steps, steps_per_second, losses,
            folder, error, metrics, started, ended, forgiven, unsent FROM run;
        DROP TABLE run;
        ALTER TABLE new_run RENAME TO run;
        CREATE INDEX run_of_job ON run (job, status, position);
        CREATE INDEX run_begun ON run (job, position) WHERE status = 'pending' AND attempt > 0;
        CREATE INDEX run_waiting ON run (job, held, priority DESC, position) WHERE status = 'pending';

        CREATE TABLE new_attempt (
          run TEXT NOT NULL REFERENCES run ON DELETE CASCADE,
          number INTEGER NOT NULL,
          agent INTEGER NOT NULL REFERENCES agent,
          started REAL NOT NULL,
          lease_until REAL NOT NULL,
          ended REAL,
          outcome TEXT CHECK (outcome IN ('done', 'failed', 'released', 'lost', 'cancelled', 'stopped')),
          reason TEXT,
          lease REAL NOT NULL DEFAULT 60,
          from_step INTEGER NOT NULL DEFAULT 0,
          cpu_seconds REAL,
          peak_memory INTEGER,
          PRIMARY KEY (run, number)
        ) STRICT, WITHOUT ROWID;
        INSERT INTO new_attempt (run, number, agent, started, lease_until, ended, outcome, reason, lease, from_step)
          SELECT run, number, agent, started, lease_until, ended, outcome, reason, lease, from_step FROM attempt;
        DROP TABLE attempt;
        ALTER TABLE new_attempt RENAME TO attempt;

        ALTER TABLE agent ADD COLUMN leaving INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE agent ADD COLUMN cores INTEGER;
        ALTER TABLE agent ADD COLUMN cpu_seconds REAL;
        ALTER TABLE agent ADD COLUMN peak_memory INTEGER;

        ALTER TABLE job ADD COLUMN title TEXT;
        ALTER TABLE job ADD COLUMN note TEXT;
        ALTER TABLE job ADD COLUMN tags TEXT;
        ALTER TABLE job ADD COLUMN held REAL;
        ALTER TABLE job ADD COLUMN halted TEXT;
        ALTER TABLE job ADD COLUMN after INTEGER;
        ALTER TABLE job ADD COLUMN max_running INTEGER CHECK (max_running > 0);
        ALTER TABLE job ADD COLUMN agents_limit INTEGER;
        ALTER TABLE job ADD COLUMN fail_fast INTEGER CHECK (fail_fast > 0);
        ALTER TABLE job ADD COLUMN failures_before INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE job ADD COLUMN failures_told REAL;
        """
}
