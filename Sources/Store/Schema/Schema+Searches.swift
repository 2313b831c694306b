extension Schema {
    // A `search` is a sweep whose runs are compared, of one experiment: agents read its definition. A spec
    // that is `open` has no config of its own yet; the first claim chooses one, and records where it is (`point`,
    // a JSON array of numbers). `run.cost` is the best value that a run has reached (lower is better). A `milestone`
    // is a band that a run has reached: its value there, the limit, and whether it stops the run. Band 0
    // is no comparison: there the run has reached its search's target.
    static let v11 = """
        CREATE TABLE search (
          job INTEGER NOT NULL REFERENCES job ON DELETE CASCADE,
          number INTEGER NOT NULL,
          experiment TEXT NOT NULL,
          definition TEXT NOT NULL,
          PRIMARY KEY (job, number)
        ) STRICT, WITHOUT ROWID;
        ALTER TABLE spec ADD COLUMN search INTEGER;
        ALTER TABLE spec ADD COLUMN open INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE spec ADD COLUMN point TEXT;
        CREATE INDEX spec_of_search ON spec (job, search, position) WHERE search IS NOT NULL;
        ALTER TABLE run ADD COLUMN cost REAL;

        CREATE TABLE milestone (
          run TEXT NOT NULL REFERENCES run ON DELETE CASCADE,
          band INTEGER NOT NULL,
          value REAL NOT NULL,
          threshold REAL,
          stops INTEGER NOT NULL,
          PRIMARY KEY (run, band)
        ) STRICT, WITHOUT ROWID;
        """

    // Besides the best value, the one that the run has logged last.
    static let v12 = "ALTER TABLE run ADD COLUMN latest_cost REAL"
}
