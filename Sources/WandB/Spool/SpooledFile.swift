import JSON

/// A line of `files.jsonl`: what to upload.
struct SpooledFile: Equatable, Sendable {
    /// Its name in the run, or in the artifact.
    let name: String
    /// Absolute, or relative to the run's folder.
    let path: String
    let size: Int
    /// Where it begins in the file at `path`, if it is a part of it.
    var offset: Int?
    /// The artifact that it becomes a version of; nil for a file of the run's.
    var artifact: SpooledArtifact?

    /// Where it is in the file at `path`, if it is a part of it.
    var place: Range<Int>? { offset.map { $0..<$0 + size } }

    init(name: String, path: String, size: Int, offset: Int? = nil, artifact: SpooledArtifact? = nil) {
        self.name = name
        self.path = path
        self.size = size
        self.offset = offset
        self.artifact = artifact
    }

    init?(_ line: SpoolReader.Line) {
        guard let row = line.row, let name = row["name"]?.string, let path = row["path"]?.string else { return nil }
        self.init(
            name: name, path: path, size: row["size"]?.integer ?? 0, offset: row["offset"]?.integer,
            artifact: row["artifact"].flatMap(SpooledArtifact.init))
    }

    /// The line; another `modified` stands for another state of the file.
    func line(modified: String) -> String {
        var members: [JSONValue.Member] = [
            .init("name", .string(name)), .init("path", .string(path)), .init("size", .number(size)),
            .init("modified", .string(modified)),
        ]
        if let offset { members.append(.init("offset", .number(offset))) }
        if let artifact { members.append(.init("artifact", artifact.json)) }
        return JSONValue.object(members).text
    }
}
