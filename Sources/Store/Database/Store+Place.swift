import Foundation
import GRDB

/// The cache that another one was copied from.
public struct Original: Sendable, Equatable {
    /// Its folder.
    public let path: String
    /// Whether that was noticed only now.
    public let isNews: Bool
}

extension Store {
    /// Finds out whether the cache was moved or copied since it was used last.
    ///
    /// A copy becomes its own cache: jobs with work left get new names, for theirs are in SLURM's queue, and what the
    /// original's agents hold waits again.
    ///
    /// - Returns: The cache that this one is a copy of, if it still exists with the same runs.
    /// - Throws: What keeps the file from being used.
    func settleIn() throws(StoreError) -> Original? {
        let kept = try read { db in
            try Row.fetchOne(db, sql: "SELECT path, original FROM place").map {
                (path: $0["path"] as String, original: $0["original"] as String?)
            }
        }
        let here = URL(filePath: cache.path).resolvingSymlinksInPath().path
        guard let kept else {
            try write { db in
                try db.execute(sql: "INSERT OR IGNORE INTO place (one, path) VALUES (1, ?)", arguments: [here])
            }
            return nil
        }
        if kept.path != here {
            switch try relation(to: kept.path) {
            case .linked: throw .linked(path: path, original: kept.path)
            case .same, .unknown: break
            case .none:
                // Of several caches that share the file, the one that was moved is not known.
                if hasOtherNames { throw .linked(path: path, original: "another folder") }
                try write { db in try db.execute(sql: "UPDATE place SET path = ?", arguments: [here]) }
            case .sharesRuns:
                guard try isCopied(from: kept.path, to: here) else { return nil }
                try becomeCacheOfItsOwn(copiedFrom: kept.path)
                return Original(path: kept.path, isNews: true)
            }
        }
        guard let original = kept.original, try relation(to: original) == .sharesRuns else { return nil }
        return Original(path: original, isNews: false)
    }

    /// Whether the state file is a link, or has other names.
    private var hasOtherNames: Bool {
        var info = stat()
        return lstat(path, &info) == 0 && (info.st_mode & S_IFMT == S_IFLNK || info.st_nlink > 1)
    }

    private enum Relation {
        /// It is this one by another name.
        case same
        /// It has its own folder, and the other one's state file.
        case linked
        /// It is another one that has some of the same runs.
        case sharesRuns
        /// It is not there, or has nothing to do with this one.
        case none
        /// It can't be looked at.
        case unknown
    }

    private func relation(to folder: String) throws(StoreError) -> Relation {
        let other = CacheFolder(path: folder)
        var (ours, theirs) = (stat(), stat())
        guard stat(other.stateFile, &theirs) == 0 else {
            return errno == ENOENT || errno == ENOTDIR ? .none : .unknown
        }
        // The same disk may have other numbers where it is mounted twice; two files of the same number are one.
        guard stat(path, &ours) == 0, ours.st_ino != theirs.st_ino else {
            return stat(cache.path, &ours) == 0 && stat(folder, &theirs) == 0 && ours.st_ino != theirs.st_ino
                ? .linked : .same
        }
        let runs = { (db: Database) in try Set(String.fetchAll(db, sql: "SELECT id FROM run")) }
        let own = try read(runs)
        do {
            let others = try StateView(cache: other, configuration: Configuration()).read(runs)
            return own.isDisjoint(with: others) ? .none : .sharesRuns
        } catch {
            return .unknown
        }
    }

    /// Records where this cache is now, and whether the one at its former place cannot learn of that.
    ///
    /// If it does they are one, on a file system whose files have other numbers at each place where it is mounted.
    ///
    /// - Returns: False also if another process was quicker.
    private func isCopied(from former: String, to here: String) throws(StoreError) -> Bool {
        let isFirst = try write { db in
            try db.execute(
                sql: "UPDATE place SET path = ?, original = ? WHERE path = ?", arguments: [here, former, former])
            return db.changesCount == 1
        }
        guard isFirst else { return false }
        let view = StateView(cache: CacheFolder(path: former), configuration: Configuration())
        let others: String?
        do {
            others = try view.read { db in try String.fetchOne(db, sql: "SELECT path FROM place") }
        } catch {
            throw StoreError(error, path: view.cache.stateFile)
        }
        guard others == here else { return true }
        try write { db in try db.execute(sql: "UPDATE place SET original = NULL") }
        return false
    }

    private func becomeCacheOfItsOwn(copiedFrom original: String) throws(StoreError) {
        let now = now().rawValue
        let reason = "the cache was copied from \(original), whose agents go on there"
        try write { db in
            try db.execute(sql: "UPDATE launch SET state = 'refused' WHERE state IN ('planned', 'begun')")
            try db.execute(
                sql: "UPDATE agent SET state = 'ended', ended = ?, reason = ? WHERE state <> 'ended'",
                arguments: [now, reason])
            try db.execute(
                sql: "UPDATE attempt SET outcome = 'released', ended = ?, reason = ? WHERE outcome IS NULL",
                arguments: [now, reason])
            try db.execute(sql: "UPDATE run SET status = 'pending' WHERE status = 'running'")
            let open = "EXISTS (SELECT 1 FROM run WHERE run.job = job.id AND status = 'pending')"
            try db.execute(
                sql: "UPDATE job SET finished = ? WHERE finished IS NULL AND NOT \(open)", arguments: [now])
            for row in try Row.fetchAll(db, sql: "SELECT id, token FROM job WHERE \(open)") {
                var generator = SystemRandomNumberGenerator()
                let parts = (row["token"] as String).split(separator: "-", omittingEmptySubsequences: false).dropLast()
                let token = (parts.map(String.init) + [RunID.random(using: &generator).rawValue]).joined(separator: "-")
                try db.execute(
                    sql: "UPDATE job SET token = ? WHERE id = ?", arguments: [token, row["id"] as Int64])
            }
        }
    }
}
