import Artifacts
import JSON

/// A W&B artifact with one file, as a run asks for it.
///
/// Its ids follow from the run and the file: a process that sends it again, after a crash or from another machine,
/// means the same version, and a history row can name it before it is there.
struct SpooledArtifact: Equatable, Sendable {
    /// The artifact's name within the project; its versions are the files of one run under one name.
    let collection: String
    /// `model` or `run_table`.
    let type: String
    /// The step of the row that shows it.
    var step: Int?

    /// The artifact of a table that a row shows in the column `key`, named as W&B's own client does.
    static func table(run: String, key: String, step: Int) -> SpooledArtifact {
        SpooledArtifact(collection: name("run-\(run)-\(key)"), type: "run_table", step: step)
    }

    /// The artifact of a run's weights.
    static func model(run: String) -> SpooledArtifact {
        SpooledArtifact(collection: name("run-\(run)-model"), type: "model")
    }

    init(collection: String, type: String, step: Int? = nil) {
        self.collection = collection
        self.type = type
        self.step = step
    }

    init?(_ json: JSONValue) {
        guard let collection = json["collection"]?.string, let type = json["type"]?.string else { return nil }
        self.init(collection: collection, type: type, step: json["step"]?.integer)
    }

    var json: JSONValue {
        var members: [JSONValue.Member] = [.init("collection", .string(collection)), .init("type", .string(type))]
        if let step { members.append(.init("step", .number(step))) }
        return .object(members)
    }

    /// The client's id of the version that holds the file `name`: 128 letters and digits.
    func clientID(run: String, name: String) -> String {
        Self.identifier("\(run)/\(collection)/\(step.map(String.init) ?? "")/\(name)")
    }

    /// The client's id of all versions together.
    func sequenceClientID(run: String) -> String { Self.identifier("\(run)/\(collection)") }

    private static func identifier(_ text: String) -> String {
        SHA256.hex(Array(text.utf8)) + SHA256.hex(Array(("sequel/" + text).utf8))
    }

    /// W&B takes letters, digits, `_`, `-` and `.`, at most 128 of them.
    private static func name(_ text: String) -> String {
        String(text.filter { $0.isASCII && ($0.isLetter || $0.isNumber || "_-.".contains($0)) }.prefix(128))
    }
}
