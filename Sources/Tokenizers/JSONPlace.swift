import JSON

/// A value in a JSON file that knows where it stands, so every complaint names the file and the path.
struct JSONPlace {
    let file: String
    let path: String
    let value: JSONValue

    init(file: String, path: String = "", value: JSONValue) {
        self.file = file
        self.path = path
        self.value = value
    }

    /// The whole of a file.
    init(file: String, parsing contents: [UInt8]) throws(TokenizerError) {
        do throws(JSONError) {
            self.init(file: file, value: try JSONValue(parsing: contents))
        } catch {
            throw .unreadable(file: file, reason: "not JSON: \(error)")
        }
    }

    /// The member of that name; nil if it is absent or null.
    func member(_ name: String) throws(TokenizerError) -> JSONPlace? {
        guard case .object(let members) = value else { throw unexpected("an object") }
        guard let member = members.last(where: { $0.name == name }), member.value != .null else { return nil }
        return at(name, member.value)
    }

    /// The member of that name, which must be there.
    func required(_ name: String) throws(TokenizerError) -> JSONPlace {
        guard let member = try member(name) else { throw unexpected("a member \"\(name)\"", found: "none") }
        return member
    }

    func elements() throws(TokenizerError) -> [JSONPlace] {
        guard case .array(let elements) = value else { throw unexpected("an array") }
        return elements.enumerated().map { JSONPlace(file: file, path: "\(path)[\($0)]", value: $1) }
    }

    func members() throws(TokenizerError) -> [JSONPlace] {
        guard case .object(let members) = value else { throw unexpected("an object") }
        return members.map { at($0.name, $0.value) }
    }

    func string() throws(TokenizerError) -> String {
        guard case .string(let text) = value else { throw unexpected("a string") }
        return text
    }

    func bool() throws(TokenizerError) -> Bool {
        guard case .bool(let flag) = value else { throw unexpected("true or false") }
        return flag
    }

    /// A whole number from 0 on.
    func count() throws(TokenizerError) -> Int {
        guard let number = value.integer, number >= 0, case .number = value else {
            throw unexpected("a whole number from 0 on")
        }
        return number
    }

    /// A token's number.
    func id() throws(TokenizerError) -> UInt32 {
        guard let id = UInt32(exactly: try count()) else { throw unexpected("a number below 2^32") }
        return id
    }

    func number() throws(TokenizerError) -> Double {
        guard let number = value.double else { throw unexpected("a number") }
        return number
    }

    /// The one character of a string.
    func scalar() throws(TokenizerError) -> Unicode.Scalar {
        let scalars = try string().unicodeScalars
        guard let scalar = scalars.first, scalars.count == 1 else { throw unexpected("a string of one character") }
        return scalar
    }

    /// A member that is true or false, with the value that its absence means.
    func flag(_ name: String, default absent: Bool) throws(TokenizerError) -> Bool {
        try member(name)?.bool() ?? absent
    }

    /// The type that a part says it is of.
    func type() throws(TokenizerError) -> String { try required("type").string() }

    func unexpected(_ expected: String) -> TokenizerError { unexpected(expected, found: value.summary) }

    func unexpected(_ expected: String, found: String) -> TokenizerError {
        .unexpected(file: file, path: path, expected: expected, found: found)
    }

    func unsupported(_ part: String, advice: String) -> TokenizerError {
        .unsupported(file: file, path: path, part: part, advice: advice)
    }

    private func at(_ name: String, _ value: JSONValue) -> JSONPlace {
        JSONPlace(file: file, path: path.isEmpty ? name : "\(path).\(name)", value: value)
    }
}

extension JSONValue {
    /// The value in a few words, for a complaint about it.
    fileprivate var summary: String {
        switch self {
        case .array(let elements): "an array of \(elements.count)"
        case .object(let members): "an object with \(members.count) members"
        default: String(text.prefix(60))
        }
    }
}
