import GRDB

extension Store {
    /// Gives back the space of deleted jobs in the state file, if that is a good part of it.
    ///
    /// - Returns: By how many bytes the file has become smaller.
    /// - Throws: What keeps the file from being changed; nothing is lost then.
    public func shrink() throws(StoreError) -> Int {
        let (pages, free, size) = try read { db in
            let number = { (pragma: String) in try Int.fetchOne(db, sql: "PRAGMA \(pragma)") ?? 0 }
            return (try number("page_count"), try number("freelist_count"), try number("page_size"))
        }
        guard free > Self.freePagesAtMost, free > pages / 4 else { return 0 }
        try vacuum()
        let left = try read { db in try Int.fetchOne(db, sql: "PRAGMA page_count") ?? pages }
        return max(0, pages - left) * size
    }

    private static let freePagesAtMost = 64
}
