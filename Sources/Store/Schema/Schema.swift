import GRDB

/// The state file's layout and the steps that lead to it.
enum Schema {
    /// Every step so far; a released step never changes, the next change is a new step.
    static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("jobs, specs, runs, attempts, agents") { db in
            try db.execute(sql: v1)
        }
        migrator.registerMigration("options of jobs, batch jobs") { db in
            try db.execute(sql: v2)
        }
        migrator.registerMigration("copies of targets") { db in
            try db.execute(sql: v3)
        }
        migrator.registerMigration("leases that are observed, launches") { db in
            try db.execute(sql: v4)
        }
        migrator.registerMigration("where the cache lies") { db in
            try db.execute(sql: v5)
        }
        migrator.registerMigration("kills for memory") { db in
            try db.execute(sql: v6)
        }
        migrator.registerMigration("options of launches, agents that were lost") { db in
            try db.execute(sql: v7)
        }
        migrator.registerMigration("runs that W&B does not have") { db in
            try db.execute(sql: v8)
        }
        migrator.registerMigration("steering, early stops, costs") { db in
            try db.execute(sql: v9)
        }
        migrator.registerMigration("cores of attempts") { db in
            try db.execute(sql: "ALTER TABLE attempt ADD COLUMN cores REAL")
        }
        migrator.registerMigration("searches") { db in
            try db.execute(sql: v11)
        }
        migrator.registerMigration("latest values of searches") { db in
            try db.execute(sql: v12)
        }
        migrator.registerMigration("settings of submissions") { db in
            try db.execute(
                sql: """
                    ALTER TABLE job ADD COLUMN settings TEXT NOT NULL DEFAULT '[]';
                    ALTER TABLE job ADD COLUMN sweep_seed INTEGER;
                    """)
        }
        return migrator
    }

    /// How many steps there are: what a worker must know to use a current state file.
    static let steps = migrator.migrations.count

    /// Whether a file has this layout.
    ///
    /// - Throws: ``StoreError/createdByNewerVersion(path:)``, and what keeps the file from being read.
    static func isUpToDate(_ database: any DatabaseReader, path: String) throws -> Bool {
        try database.read { db in
            // Looking for the table first starts a consistent view: later queries would otherwise
            // fail if another process makes the table between two of them.
            guard try db.tableExists("grdb_migrations") else {
                let other = try String.fetchOne(db, sql: "SELECT name FROM sqlite_schema WHERE type = 'table' LIMIT 1")
                guard let other else { return false }
                let detail = "it is another program's database, with a table '\(other)'"
                throw StoreError.damaged(path: path, detail: detail)
            }
            if try migrator.hasBeenSuperseded(db) { throw StoreError.createdByNewerVersion(path: path) }
            return try migrator.hasCompletedMigrations(db)
        }
    }

    // `spec` says what to run and never changes; `run` says how it stands and stays small, so looking
    // at ten thousand of them is quick. An attempt's number is the fence: only the number in `run.attempt`
    // may write. Times are unix seconds.
    private static let v1 = """
        CREATE TABLE job (
          id INTEGER PRIMARY KEY AUTOINCREMENT,
          token TEXT NOT NULL UNIQUE,
          suffix TEXT,
          project TEXT,
          created REAL NOT NULL,
          folder TEXT NOT NULL,
          submitted_from TEXT NOT NULL,
          executor TEXT NOT NULL CHECK (executor IN ('local', 'slurm')),
          agent_count INTEGER NOT NULL CHECK (agent_count > 0),
          max_retries INTEGER NOT NULL CHECK (max_retries >= 0),
          create_report INTEGER NOT NULL,
          submission TEXT NOT NULL CHECK (submission IN ('stored', 'submitted', 'uncertain')),
          slurm_job_id INTEGER,
          cancelled REAL
        ) STRICT;

        CREATE TABLE spec (
          run TEXT PRIMARY KEY,
          job INTEGER NOT NULL REFERENCES job ON DELETE CASCADE,
          position INTEGER NOT NULL,
          experiment TEXT NOT NULL,
          config TEXT NOT NULL,
          overrides TEXT NOT NULL,
          target TEXT,
          UNIQUE (job, position)
        ) STRICT;

        CREATE TABLE agent (
          id INTEGER PRIMARY KEY AUTOINCREMENT,
          job INTEGER NOT NULL REFERENCES job ON DELETE CASCADE,
          number INTEGER,
          state TEXT NOT NULL CHECK (state IN ('starting', 'running', 'ended')),
          host TEXT,
          pid INTEGER,
          slurm_job_id INTEGER,
          slurm_array_job_id INTEGER,
          slurm_array_task_id INTEGER,
          started REAL NOT NULL,
          heartbeat REAL,
          ended REAL,
          reason TEXT
        ) STRICT;
        CREATE INDEX agent_of_job ON agent (job);

        CREATE TABLE run (
          id TEXT PRIMARY KEY REFERENCES spec ON DELETE CASCADE,
          job INTEGER NOT NULL REFERENCES job ON DELETE CASCADE,
          position INTEGER NOT NULL,
          experiment TEXT NOT NULL,
          status TEXT NOT NULL CHECK (status IN ('pending', 'running', 'done', 'failed', 'cancelled')),
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
          ended REAL
        ) STRICT;
        CREATE INDEX run_of_job ON run (job, status, position);

        CREATE TABLE attempt (
          run TEXT NOT NULL REFERENCES run ON DELETE CASCADE,
          number INTEGER NOT NULL,
          agent INTEGER NOT NULL REFERENCES agent,
          started REAL NOT NULL,
          lease_until REAL NOT NULL,
          ended REAL,
          outcome TEXT CHECK (outcome IN ('done', 'failed', 'released', 'lost', 'cancelled')),
          reason TEXT,
          PRIMARY KEY (run, number)
        ) STRICT, WITHOUT ROWID;
        """

    // One sbatch call per row: a job has several when its array had to be split or agents were added.
    // `job.finished` is when its last agent wrote the summary, `job.links` the W&B pages made for it (JSON).
    private static let v2 = """
        ALTER TABLE job ADD COLUMN options TEXT NOT NULL DEFAULT '{}';
        ALTER TABLE job ADD COLUMN finished REAL;
        ALTER TABLE job ADD COLUMN links TEXT;
        ALTER TABLE agent ADD COLUMN allocation_end REAL;

        CREATE TABLE batch (
          job INTEGER NOT NULL REFERENCES job ON DELETE CASCADE,
          slurm_job_id INTEGER NOT NULL,
          agents INTEGER NOT NULL,
          submitted REAL NOT NULL,
          PRIMARY KEY (job, slurm_job_id)
        ) STRICT, WITHOUT ROWID;
        """

    // Whether a finished run keeps data that W&B is known to lack.
    private static let v8 = "ALTER TABLE run ADD COLUMN unsent INTEGER NOT NULL DEFAULT 0"

    private static let v3 = "ALTER TABLE spec ADD COLUMN target_files TEXT"

    // `attempt.lease` is how many seconds without a renewal release the run to others, `from_step` the step that the
    // run had reported when the attempt began; attempts up to `run.forgiven` no longer count against the run. A
    // `launch` is one sbatch call; its row is there before the call, so a crash around it is found out.
    private static let v4 = """
        ALTER TABLE attempt ADD COLUMN lease REAL NOT NULL DEFAULT 60;
        ALTER TABLE attempt ADD COLUMN from_step INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE run ADD COLUMN forgiven INTEGER NOT NULL DEFAULT 0;

        DROP TABLE batch;
        CREATE TABLE launch (
          id INTEGER PRIMARY KEY AUTOINCREMENT,
          job INTEGER NOT NULL REFERENCES job ON DELETE CASCADE,
          script TEXT NOT NULL,
          agents INTEGER NOT NULL CHECK (agents > 0),
          state TEXT NOT NULL CHECK (state IN ('planned', 'begun', 'submitted', 'refused')),
          host TEXT NOT NULL,
          begun REAL,
          slurm_job_id INTEGER
        ) STRICT;
        CREATE INDEX launch_of_job ON launch (job);
        """

    // `place` holds where the cache was when it was used last, and the one that it is a copy of. `job.steps_known` is how
    // many of these steps the job's worker knows. Folders are named relative to the cache's; nobody reads them but workers
    // of earlier versions, so jobs that those are working on keep theirs as they are.
    private static let v5 = """
        CREATE TABLE place (
          one INTEGER PRIMARY KEY CHECK (one = 1),
          path TEXT NOT NULL,
          original TEXT
        ) STRICT;
        INSERT INTO place (one, path)
          SELECT 1, substr(folder, 1, length(folder) - length('/jobs/' || id))
          FROM job WHERE folder LIKE '/%/jobs/' || id ORDER BY id DESC LIMIT 1;
        ALTER TABLE job ADD COLUMN steps_known INTEGER;
        UPDATE run SET folder = 'runs/' || id WHERE job NOT IN (SELECT job FROM agent WHERE state <> 'ended');
        UPDATE job SET folder = 'jobs/' || id WHERE id NOT IN (SELECT job FROM agent WHERE state <> 'ended');
        """

    // What the node's kernel had counted when the agent registered: more of them later suggest what ended it.
    private static let v6 = "ALTER TABLE agent ADD COLUMN memory_kills INTEGER"

    // `launch.options` is what the launch's agents get, if they differ from those of the job's first ones. An agent is
    // `lost` when others have found out that it is gone, `replaced` when SLURM was asked to start it again. A
    // `slurm_ending` is what SLURM said about an agent that ended badly.
    private static let v7 = """
        ALTER TABLE launch ADD COLUMN options TEXT;
        ALTER TABLE agent ADD COLUMN lost INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE agent ADD COLUMN replaced REAL;

        CREATE TABLE slurm_ending (
          job INTEGER NOT NULL REFERENCES job ON DELETE CASCADE,
          number INTEGER NOT NULL,
          name TEXT NOT NULL,
          array_job INTEGER NOT NULL,
          state TEXT NOT NULL,
          reason TEXT NOT NULL,
          nodes TEXT NOT NULL,
          PRIMARY KEY (job, number)
        ) STRICT, WITHOUT ROWID;

        CREATE INDEX run_begun ON run (job, position) WHERE status = 'pending' AND attempt > 0;
        """
}
