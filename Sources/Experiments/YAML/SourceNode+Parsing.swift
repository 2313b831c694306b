private import Foundation
private import Yams

extension SourceNode {
    /// What a config may hold at most; a real one is a few kilobytes, a handful of levels deep.
    private enum Limit {
        static let bytes = 1 << 20
        /// Its size with every alias expanded.
        static let expandedBytes = 16 << 20
    }

    /// Reads a file of at most a megabyte and parses it.
    static func parse(path: String) throws(ConfigError) -> SourceNode {
        try parse(yaml: text(ofFile: path), source: path)
    }

    /// Reads a file as ``parse(path:)`` does; nil if it holds nothing but comments.
    static func parseIfNotEmpty(
        path: String, _ reading: ScalarReading = .yaml11
    ) throws(ConfigError) -> SourceNode? {
        try parseIfNotEmpty(yaml: text(ofFile: path), source: path, reading)
    }

    /// Parses one YAML or JSON document.
    static func parse(yaml text: String, source: String) throws(ConfigError) -> SourceNode {
        guard let node = try parseIfNotEmpty(yaml: text, source: source) else {
            throw ConfigError([ConfigProblem(source: source, place: nil, path: "", cause: .malformed("it is empty"))])
        }
        return node
    }

    /// Parses one YAML or JSON document; nil if there is nothing but comments.
    static func parseIfNotEmpty(
        yaml text: String, source: String, _ reading: ScalarReading = .yaml11
    ) throws(ConfigError) -> SourceNode? {
        func failure(_ cause: ConfigProblem.Cause, _ place: SourcePlace? = nil) -> ConfigError {
            ConfigError([ConfigProblem(source: source, place: place, path: "", cause: cause)])
        }
        guard text.utf8.count <= Limit.bytes else {
            throw failure(.unreadable("it is larger than 1 MB, too large for a config"))
        }
        guard AliasExpansion(of: text).bytes <= Limit.expandedBytes else {
            throw failure(.malformed("its aliases (*name) stand for more than 16 MB of text; write the values out"))
        }
        let body = text.unicodeScalars.first == "\u{FEFF}" ? String(text.unicodeScalars.dropFirst()) : text
        var readable = AdjacentValues(body)
        do {
            let (parser, root) = try parsed(&readable)
            guard let root else { return nil }
            var conversion = NodeConversion(readable, reading)
            // Nodes know their anchors for as long as the parser lives.
            let node = try withExtendedLifetime(parser) { try conversion.convert(root) }
            if case .scalar = node.content, let kind = ForeignText.kind(of: body) {
                throw failure(.foreign(kind), node.place)
            }
            return node
        } catch let error as ConfigError {
            throw error
        } catch let error as ConversionFailure {
            throw failure(error.cause, error.place)
        } catch let error as YamlError {
            if let kind = ForeignText.kind(of: body) { throw failure(.foreign(kind), SourcePlace(line: 1, column: 1)) }
            let place = place(of: error)
            throw failure(cause(of: error, in: readable.text, at: place), place.map { readable.original($0) })
        } catch {
            throw failure(.malformed("\(error)"))
        }
    }

    /// The parser and its tree.
    ///
    /// The basic resolver leaves the meaning of scalars to ``ConfigValue``, and without its regular
    /// expressions keys are compared as the text they are.
    private static func parsed(_ readable: inout AdjacentValues) throws -> (Parser, Node?) {
        while true {
            let parser = try Parser(yaml: readable.text, resolver: .basic, encoding: .utf8)
            do {
                return (parser, try parser.singleRoot())
            } catch YamlError.duplicatedKeysInMapping(["<<"], let context) {
                guard let toldApart = MergeKeys.toldApart(in: readable.text) else {
                    throw YamlError.duplicatedKeysInMapping(duplicates: ["<<"], context: context)
                }
                readable.replace(by: toldApart)
            } catch let error as YamlError {
                guard case .scanner(_, let problem, _, _) = error, let place = place(of: error),
                    readable.takesApart(problem, at: place)
                else { throw error }
            }
        }
    }

    /// A file of at most a megabyte, as text.
    static func text(ofFile path: String) throws(ConfigError) -> String {
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
        // What Windows calls Unicode: sixteen bits a character, marked by its first character.
        if data.starts(with: [0xFF, 0xFE]) || data.starts(with: [0xFE, 0xFF]), data.count % 2 == 0,
            let text = String(data: data, encoding: .utf16)
        {
            return text
        }
        guard let text = String(validating: data, as: UTF8.self) else {
            throw failure("it is not UTF-8 text")
        }
        return text
    }
}

extension SourceNode {
    /// How the YAML library's word for it begins, which continues about its own call.
    private static let tooDeep = "Maximum nesting level"

    fileprivate static func cause(
        of error: YamlError, in text: String, at place: SourcePlace?
    ) -> ConfigProblem.Cause {
        switch error {
        case .scanner(_, let problem, _, _) where problem.contains(Self.tooDeep),
            .parser(_, let problem, _, _) where problem.contains(Self.tooDeep),
            .composer(_, let problem, _, _) where problem.contains(Self.tooDeep):
            .malformed("it is nested too deeply")
        case .scanner(let context, let problem, _, _), .parser(let context, let problem, _, _),
            .composer(let context, let problem, _, _):
            .malformed((context.map { $0.text + " " } ?? "") + problem + advice(on: text, at: place))
        case .reader(let problem, _, _, _): .malformed(problem)
        case .duplicatedKeysInMapping(let keys, _):
            .duplicateKey(keys.map(MergeKeys.restored).sorted().joined(separator: ", "))
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

    /// The invisible part of a line that the parser stumbled over.
    private static func advice(on text: String, at place: SourcePlace?) -> String {
        guard let place else { return "" }
        let lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
        for number in [place.line, place.line - 1] where lines.indices.contains(number - 1) {
            let line = lines[number - 1]
            if line.prefix(while: \.isWhitespace).contains("\t") {
                return "; line \(number) is indented with a tab, YAML allows only spaces"
            }
            if let note = Lookalike.note(on: line) { return "; \(note) (line \(number))" }
        }
        return ""
    }

    private static func place(ofCharacter offset: Int, in text: String) -> SourcePlace {
        let before = text.prefix(offset)
        let line = before.reduce(into: 1) { $0 += $1.isNewline ? 1 : 0 }
        let lastLine = before.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).last
        return SourcePlace(line: line, column: (lastLine?.count ?? 0) + 1)
    }
}
