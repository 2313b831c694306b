private import Foundation
private import Yams

extension SourceNode {
    /// What a config may hold at most; a real one is a few kilobytes, a handful of levels deep.
    private enum Limit {
        static let bytes = 1 << 20
        static let depth = 32
        static let nodes = 200_000
        /// Few enough that aliases of aliases cannot multiply into something that does not end.
        static let aliases = 20
    }

    /// Reads a file of at most a megabyte and parses it.
    static func parse(path: String) throws(ConfigError) -> SourceNode {
        try parse(yaml: text(ofFile: path), source: path)
    }

    /// Reads a file as ``parse(path:)`` does; nil if it holds nothing but comments.
    static func parseIfNotEmpty(path: String) throws(ConfigError) -> SourceNode? {
        try parseIfNotEmpty(yaml: text(ofFile: path), source: path)
    }

    /// Parses one YAML or JSON document.
    static func parse(yaml text: String, source: String) throws(ConfigError) -> SourceNode {
        guard let node = try parseIfNotEmpty(yaml: text, source: source) else {
            throw ConfigError([ConfigProblem(source: source, place: nil, path: "", cause: .malformed("it is empty"))])
        }
        return node
    }

    /// Parses one YAML or JSON document; nil if there is nothing but comments.
    static func parseIfNotEmpty(yaml text: String, source: String) throws(ConfigError) -> SourceNode? {
        func failure(_ cause: ConfigProblem.Cause, _ place: SourcePlace? = nil) -> ConfigError {
            ConfigError([ConfigProblem(source: source, place: place, path: "", cause: cause)])
        }
        guard text.utf8.count <= Limit.bytes else {
            throw failure(.unreadable("it is larger than 1 MB, which no config is"))
        }
        guard aliases(in: text) <= Limit.aliases else {
            throw failure(.malformed("more than \(Limit.aliases) aliases (*name); write the values out"))
        }
        let body = text.unicodeScalars.first == "\u{FEFF}" ? String(text.unicodeScalars.dropFirst()) : text
        do {
            // The basic resolver leaves the meaning of scalars to ConfigValue(plainScalar:), and without its
            // regular expressions keys are compared as the text they are.
            let parser = try Parser(yaml: body, resolver: .basic, encoding: .utf8)
            guard let root = try parser.singleRoot() else { return nil }
            var budget = Limit.nodes
            return try converted(root, depth: 0, budget: &budget)
        } catch let error as ConfigError {
            throw error
        } catch let error as ConversionFailure {
            throw failure(error.cause, error.place)
        } catch let error as YamlError {
            throw failure(cause(of: error), place(of: error))
        } catch {
            throw failure(.malformed("\(error)"))
        }
    }

    private static func text(ofFile path: String) throws(ConfigError) -> String {
        func failure(_ reason: String) -> ConfigError {
            ConfigError([ConfigProblem(source: path, place: nil, path: "", cause: .unreadable(reason))])
        }
        let data: Data
        do {
            let attributes = try FileManager.default.attributesOfItem(
                atPath: URL(fileURLWithPath: path).resolvingSymlinksInPath().path)
            guard attributes[.type] as? FileAttributeType == .typeRegular else {
                throw failure("it is not a file")
            }
            let file = try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
            defer { file.closeFile() }
            data = try file.read(upToCount: Limit.bytes + 1) ?? Data()
        } catch let error as ConfigError {
            throw error
        } catch let error as CocoaError
            where error.code == .fileReadNoSuchFile || error.code == .fileNoSuchFile
        {
            throw failure("no such file")
        } catch let error as CocoaError where error.code == .fileReadNoPermission {
            throw failure("no permission to read it")
        } catch {
            throw failure(error.localizedDescription)
        }
        guard let text = String(validating: data, as: UTF8.self) else {
            throw failure("it is not UTF-8 text")
        }
        return text
    }

    /// Counts what may be aliases; text in comments and quotes counts too, which the limit leaves room for.
    private static func aliases(in text: String) -> Int {
        var count = 0
        var hasAnchor = false
        var previous = UInt8(ascii: "\n")
        var beforePrevious = previous
        for byte in text.utf8 {
            // The character before the sigil decides whether a token can begin there.
            if " \t\r\n[]{},:?-".utf8.contains(beforePrevious), byte > UInt8(ascii: " ") {
                if previous == UInt8(ascii: "*") { count += 1 }
                if previous == UInt8(ascii: "&") { hasAnchor = true }
            }
            (beforePrevious, previous) = (previous, byte)
        }
        return hasAnchor ? count : 0
    }
}

private struct ConversionFailure: Error {
    let cause: ConfigProblem.Cause
    let place: SourcePlace?
}

extension SourceNode {
    fileprivate static func converted(_ node: Node, depth: Int, budget: inout Int) throws -> SourceNode {
        let place = node.mark.map { SourcePlace(line: $0.line, column: $0.column) }
        budget -= 1
        guard depth < Limit.depth, budget > 0 else {
            throw ConversionFailure(cause: .malformed("it is nested too deeply or too large"), place: place)
        }
        switch node {
        case .scalar(let scalar):
            return SourceNode(content: .scalar(try value(of: scalar, place: place)), place: place)
        case .sequence(let sequence):
            var items: [SourceNode] = []
            for item in sequence {
                items.append(try converted(item, depth: depth + 1, budget: &budget))
            }
            return SourceNode(content: .list(items), place: place)
        case .mapping(let mapping):
            var entries: [Entry] = []
            for (key, value) in mapping {
                let keyPlace = key.mark.map { SourcePlace(line: $0.line, column: $0.column) }
                guard let name = key.scalar?.string else {
                    throw ConversionFailure(cause: .malformed("a key must be a word"), place: keyPlace)
                }
                let converted = try converted(value, depth: depth + 1, budget: &budget)
                entries.append(Entry(key: name, place: keyPlace, value: converted))
            }
            return SourceNode(content: .map(entries), place: place)
        case .alias:
            throw ConversionFailure(cause: .malformed("an alias without its anchor"), place: place)
        }
    }

    private static func value(of scalar: Node.Scalar, place: SourcePlace?) throws -> ConfigValue {
        switch scalar.tag.rawValue {
        case "" where scalar.style == .plain: .init(plainScalar: scalar.string)
        case "", Tag.Name.str.rawValue, Tag.Name.nonSpecific.rawValue: .string(scalar.string)
        case Tag.Name.int.rawValue, Tag.Name.float.rawValue, Tag.Name.bool.rawValue, Tag.Name.null.rawValue:
            .init(plainScalar: scalar.string)
        case let tag:
            throw ConversionFailure(cause: .malformed("the tag \(tag) means nothing here"), place: place)
        }
    }

    fileprivate static func cause(of error: YamlError) -> ConfigProblem.Cause {
        switch error {
        case .scanner(let context, let problem, _, _), .parser(let context, let problem, _, _),
            .composer(let context, let problem, _, _):
            .malformed((context.map { $0.text + " " } ?? "") + problem)
        case .reader(let problem, _, _, _): .malformed(problem)
        case .duplicatedKeysInMapping(let keys, _):
            .duplicateKey(keys.sorted().joined(separator: ", "))
        default: .malformed("\(error)")
        }
    }

    fileprivate static func place(of error: YamlError) -> SourcePlace? {
        switch error {
        case .scanner(_, _, let mark, _), .parser(_, _, let mark, _), .composer(_, _, let mark, _):
            SourcePlace(line: mark.line, column: mark.column)
        case .duplicatedKeysInMapping(_, let context):
            SourcePlace(line: context.mark.line, column: context.mark.column)
        case .reader(_, let offset?, _, let yaml):
            place(ofCharacter: offset, in: yaml)
        default: nil
        }
    }

    private static func place(ofCharacter offset: Int, in text: String) -> SourcePlace {
        let before = text.prefix(offset)
        let line = before.reduce(into: 1) { $0 += $1.isNewline ? 1 : 0 }
        let lastLine = before.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).last
        return SourcePlace(line: line, column: (lastLine?.count ?? 0) + 1)
    }
}
