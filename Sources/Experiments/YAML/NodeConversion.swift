private import Foundation
internal import Yams

/// Why a document's tree is refused.
struct ConversionFailure: Error {
    let cause: ConfigProblem.Cause
    let place: SourcePlace?
}

/// Turns Yams's tree into ours: aliases and merge keys replaced by what they stand for, scalars by what they mean.
struct NodeConversion {
    let reading: ScalarReading
    /// How many further nodes a document may have.
    private var budget = 200_000
    private let readable: AdjacentValues
    /// The lines of the text, from the first alias on.
    private var lines: [[Unicode.Scalar]]?
    /// Everything before was already visited: a node there comes out of an alias.
    private var cursor = Position(line: 1, column: 0)
    /// The line of the alias whose content is being converted.
    private var aliasLine: Int?

    private static let depth = 32

    private struct Position: Comparable {
        var line: Int
        var column: Int

        static func < (a: Position, b: Position) -> Bool { (a.line, a.column) < (b.line, b.column) }
    }

    init(_ readable: AdjacentValues, _ reading: ScalarReading) {
        self.readable = readable
        self.reading = reading
    }

    /// The document's root.
    ///
    /// - Throws: `ConversionFailure` for what no config holds.
    mutating func convert(_ root: Node) throws -> SourceNode { try convert(root, depth: 0) }

    private mutating func convert(_ node: Node, depth: Int) throws -> SourceNode {
        let isAlias = enter(node)
        defer { if isAlias { aliasLine = nil } }
        let place = place(of: node)
        budget -= 1
        guard depth < Self.depth, budget > 0 else {
            throw ConversionFailure(cause: .malformed("it is nested too deeply or too large"), place: place)
        }
        switch node {
        case .scalar(let scalar):
            return SourceNode(content: .scalar(try value(of: scalar, place)), place: place)
        case .sequence(let sequence):
            try check(sequence.tag, is: .seq, place)
            var items: [SourceNode] = []
            for item in sequence { items.append(try convert(item, depth: depth + 1)) }
            return SourceNode(content: .list(items), place: place)
        case .mapping(let mapping):
            try check(mapping.tag, is: .map, place)
            return SourceNode(content: .map(try entries(of: mapping, depth: depth)), place: place)
        case .alias:
            throw ConversionFailure(cause: .malformed("an alias without its anchor"), place: place)
        }
    }

    /// A mapping's own entries and the merged ones: these come first, and give way to own ones of the same key.
    private mutating func entries(of mapping: Node.Mapping, depth: Int) throws -> [SourceNode.Entry] {
        var merged: [SourceNode.Entry] = []
        var own: [SourceNode.Entry] = []
        for (key, value) in mapping {
            let isAlias = enter(key)
            let keyPlace = place(of: key)
            if isAlias { aliasLine = nil }
            guard let name = key.scalar?.string else {
                throw ConversionFailure(cause: .malformed("a key must be a word"), place: keyPlace)
            }
            let content = try convert(value, depth: depth + 1)
            if key.scalar?.style == .plain, MergeKeys.isOne(name) {
                merged += try Self.merged(content, at: keyPlace)
            } else {
                own.append(SourceNode.Entry(key: MergeKeys.restored(name), place: keyPlace, value: content))
            }
        }
        return merged.isEmpty ? own : Self.latest(merged + own)
    }

    /// What a merge key brings; of a list's mappings the first goes before the others.
    private static func merged(_ node: SourceNode, at place: SourcePlace?) throws -> [SourceNode.Entry] {
        let mappings: [SourceNode] = if case .list(let items) = node.content { items.reversed() } else { [node] }
        return try mappings.flatMap { mapping in
            guard case .map(let entries) = mapping.content else {
                let reason = "'<<' merges mappings: one, or a list of them; found \(mapping.value)"
                throw ConversionFailure(cause: .malformed(reason), place: place)
            }
            return entries
        }
    }

    /// Every key once, where it stood first, with what it held last: as PyYAML builds a dictionary.
    private static func latest(_ entries: [SourceNode.Entry]) -> [SourceNode.Entry] {
        var places: [String: Int] = [:]
        var result: [SourceNode.Entry] = []
        for entry in entries {
            if let place = places[entry.key] {
                result[place] = entry
            } else {
                places[entry.key] = result.count
                result.append(entry)
            }
        }
        return result
    }

    private func value(of scalar: Node.Scalar, _ place: SourcePlace?) throws -> ConfigValue {
        let text = MergeKeys.restored(scalar.string)
        let plain = ConfigValue(plainScalar: text, reading)
        switch (scalar.tag.rawValue, plain) {
        case ("", _) where scalar.style == .plain: return plain
        case ("", _), (Tag.Name.str.rawValue, _), (Tag.Name.nonSpecific.rawValue, _), (Tag.Name.timestamp.rawValue, _):
            return .string(text)
        case (Tag.Name.float.rawValue, .int(let whole)): return .number(Double(whole))
        case (Tag.Name.float.rawValue, .number), (Tag.Name.int.rawValue, .int), (Tag.Name.bool.rawValue, .bool):
            return plain
        case (Tag.Name.null.rawValue, _): return .null
        case (Tag.Name.float.rawValue, _), (Tag.Name.int.rawValue, _), (Tag.Name.bool.rawValue, _):
            let tag = scalar.tag.rawValue.split(separator: ":").last ?? ""
            throw ConversionFailure(cause: .malformed("'\(text)' is not what the tag !!\(tag) says"), place: place)
        default: throw Self.unknown(scalar.tag, place)
        }
    }

    private func check(_ tag: Tag, is expected: Tag.Name, _ place: SourcePlace?) throws {
        guard [Tag.Name.implicit.rawValue, Tag.Name.nonSpecific.rawValue, expected.rawValue].contains(tag.rawValue)
        else { throw Self.unknown(tag, place) }
    }

    private static func unknown(_ tag: Tag, _ place: SourcePlace?) -> ConversionFailure {
        ConversionFailure(cause: .malformed("the tag \(tag.rawValue) means nothing here"), place: place)
    }
}

// MARK: - Where aliases stand

extension NodeConversion {
    /// Records a visited node.
    ///
    /// The parser puts an anchored node where its alias stands and forgets the alias: such a node stands before what
    /// has been met last.
    ///
    /// - Returns: Whether it came out of an alias, and is not inside another one.
    private mutating func enter(_ node: Node) -> Bool {
        guard aliasLine == nil, let mark = node.mark else { return false }
        let position = Position(line: mark.line, column: mark.column)
        if position < cursor, let anchor = node.anchor {
            aliasLine = find(anchor.rawValue)
            return true
        }
        cursor = max(cursor, position)
        // What follows a scalar follows it, even if the scalar's own anchor is what it names.
        if let scalar = node.scalar, !scalar.string.isEmpty { cursor.column += 1 }
        return false
    }

    private func place(of node: Node) -> SourcePlace? {
        node.mark.map { readable.original(SourcePlace(line: $0.line, column: $0.column, aliasLine: aliasLine)) }
    }

    /// The line of the next alias with a name, which the cursor is put behind.
    private mutating func find(_ name: String) -> Int {
        let lines = lines ?? Self.lines(of: readable.text)
        self.lines = lines
        let token = ["*"] + Array(name.unicodeScalars)
        var line = cursor.line
        while line <= lines.count {
            let scalars = lines[line - 1]
            var column = line == cursor.line ? max(0, cursor.column - 1) : 0
            while column + token.count <= scalars.count {
                let end = column + token.count
                // What follows is a comment.
                if scalars[column] == "#", column == 0 || scalars[column - 1].properties.isWhitespace { break }
                if scalars[column..<end].elementsEqual(token), end == scalars.count || !Self.isNamePart(scalars[end]) {
                    cursor = Position(line: line, column: end + 1)
                    return line
                }
                column += 1
            }
            line += 1
        }
        return cursor.line
    }

    private static func isNamePart(_ scalar: Unicode.Scalar) -> Bool {
        scalar == "_" || scalar == "-" || scalar.isASCII && scalar.properties.isAlphabetic || ("0"..."9") ~= scalar
    }

    private static func lines(of text: String) -> [[Unicode.Scalar]] {
        text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).map { Array($0.unicodeScalars) }
    }
}

/// Merge keys (`<<`) that stand more than once in one mapping, which PyYAML takes and the parser does not.
///
/// Their second sign is then replaced by one of the private use area, a different one for each, until the text is
/// parsed; lines and columns stay what they are.
enum MergeKeys {
    private static let markers: ClosedRange<UInt32> = 0xE000...0xF8FF

    /// The text with every merge key made distinct; nil if that is not possible.
    static func toldApart(in text: String) -> String? {
        guard !text.unicodeScalars.contains(where: { markers.contains($0.value) }) else { return nil }
        var number: UInt32 = 0
        return text.replacing(/<<(?=\s*:)/) { _ in
            defer { number += 1 }
            let marker = Unicode.Scalar(markers.lowerBound + number % UInt32(markers.count))
            return "<" + (marker.map { String($0) } ?? "<")
        }
    }

    static func isOne(_ key: String) -> Bool { restored(key) == "<<" }

    /// The text as it was before its merge keys were made distinct.
    static func restored(_ text: String) -> String {
        guard !text.utf8.allSatisfy({ $0 < 0x80 }), text.contains("<") else { return text }
        var result = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            result.append(markers.contains(scalar.value) && result.last == "<" ? "<" : scalar)
        }
        return String(result)
    }
}
