import Artifacts
import Foundation
import Layout
import Store

/// Two nodes and the machine that waits for them, in one folder: the first node locks a file, the second looks at it.
///
/// Each leaves a note with what it found; nobody waits forever.
package struct NodesMeeting {
    package let folder: String

    package init(folder: String) {
        self.folder = folder
    }

    /// A node's notes.
    package struct Note: Codable {
        package let host: String
        /// Its clock, seconds since 1970, when it wrote this.
        package let time: Double
        /// Another node's locks as it sees them: while they are held, and afterwards.
        package var held: LockReport?
        package var free: LockReport?
        /// Whether it read what the other node had changed in the locked file, once it had the lock.
        package var isFresh: Bool?
        /// How many seconds after it was written the other node's note was seen, by this node's clock.
        package var delay: Double?
        /// The interpreters it has for observers.
        var python: String?
        /// Why it could not do its part.
        package var trouble: String?
    }

    /// NFS lets a node believe for up to a minute that a file is not there.
    package static let patience = Duration.seconds(75)

    private var lock: String { folder + "/lock" }

    /// The note that is left under a name, once it can be seen here.
    package func note(_ name: String) -> Note? {
        guard let data = FileManager.default.contents(atPath: path(name)) else { return nil }
        do { return try JSONDecoder().decode(Note.self, from: data) } catch { return nil }
    }

    /// The first node: locks, says so, waits until the other has looked, gives the lock back.
    package func hold() throws {
        do throws(FileError) {
            let locks = try HeldLocks(taking: lock)
            try locks.write(1)
            try leave(Note(host: host, time: now), as: "held")
            let hasLooked = wait { note("looked") != nil }
            try locks.write(2)
            locks.close()
            var last = Note(host: host, time: now)
            if !hasLooked { last.trouble = "it never saw what the other node had written" }
            try leave(last, as: "given back")
        } catch {
            var note = Note(host: host, time: now)
            note.trouble = "\(error)"
            try leave(note, as: "held")
        }
    }

    /// The second node: waits for the lock to be taken, looks, waits for its release, looks again.
    package func look() throws {
        var mine = Note(host: host, time: now)
        mine.python =
            ObserverCheck(
                cache: CacheFolder(path: folder), environment: ProcessInfo.processInfo.environment
            ).words
        guard wait({ note("held") != nil }), let held = note("held") else {
            mine.trouble = "it never saw what the other node had written"
            return try leave(mine, as: "looked")
        }
        mine.delay = now - held.time
        // Kept open and read before, like a database, so an old page may be cached.
        let file = try HeldLocks(opening: lock)
        defer { file.close() }
        mine.held = LockReport(lookingAt: lock)
        _ = file.byte
        try leave(mine, as: "looked")
        _ = wait { note("given back") != nil }
        // First, because reopening the file would refresh the cache.
        mine.isFresh = file.takeRange() == 0 && file.byte == 2
        mine.free = LockReport(lookingAt: lock)
        try leave(mine, as: "done")
    }

    /// Waits for a condition, but not forever; false if it is never met.
    private func wait(_ condition: () -> Bool) -> Bool {
        let end = ContinuousClock.now + Self.patience
        while !condition() {
            guard .now < end else { return false }
            usleep(50_000)
        }
        return true
    }

    /// SLURM's name for this node: several may share a machine.
    private var host: String {
        ProcessInfo.processInfo.environment["SLURMD_NODENAME"] ?? AgentIdentity.thisHost
    }

    private var now: Double { Date().timeIntervalSince1970 }

    private func path(_ name: String) -> String { "\(folder)/\(name).json" }

    private func leave(_ note: Note, as name: String) throws(FileError) {
        do {
            try DurableFile.write(Array(JSONEncoder().encode(note)), to: path(name))
        } catch let error as FileError {
            throw error
        } catch {
            throw FileError(.write, path(name), reason: "\(error)")
        }
    }
}
