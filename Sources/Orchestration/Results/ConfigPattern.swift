import Glibc
import JSON

/// A config's text, which those of the same sweep are compared with: they differ in few places, and reading all of each
/// would take ten times as long.
struct ConfigPattern {
    /// A member of the config's object.
    struct Member {
        let name: String
        /// Where its value stands in the text.
        let value: Range<Int>
    }

    let members: [Member]
    private let text: [UInt8]

    /// Parses a text; nil if it is not an object, or has names with escapes.
    init?(_ config: String) {
        text = Array(config.utf8)
        members =
            text.withUnsafeBytes { bytes in
                var scanner = Scanner(bytes: bytes)
                return scanner.members()
            } ?? []
        if members.isEmpty { return nil }
    }

    /// The members whose values have another text in another config, and these; nil if it is not written alike.
    func differences(in config: String) throws(JSONError) -> [(member: Int, value: JSONValue)]? {
        var config = config
        let found = config.withUTF8 { other in
            text.withUnsafeBytes { ranges(in: UnsafeRawBufferPointer(other), pattern: $0) }
        }
        guard let found else { return nil }
        let bytes = Array(config.utf8)
        var differences: [(member: Int, value: JSONValue)] = []
        for (member, range) in found { differences.append((member, try JSONValue(parsing: Array(bytes[range])))) }
        return differences
    }

    private func ranges(
        in other: UnsafeRawBufferPointer, pattern: UnsafeRawBufferPointer
    ) -> [(member: Int, value: Range<Int>)]? {
        func agree(_ range: Range<Int>, at place: Int) -> Bool {
            guard place + range.count <= other.count, let text = pattern.baseAddress, let start = other.baseAddress
            else { return false }
            return memcmp(text + range.lowerBound, start + place, range.count) == 0
        }
        var found: [(member: Int, value: Range<Int>)] = []
        var place = members[0].value.lowerBound
        guard agree(0..<place, at: 0) else { return nil }
        for (index, member) in members.enumerated() {
            let next = index + 1 < members.count ? members[index + 1].value.lowerBound : pattern.count
            // Including what follows, or 0.1 would match 0.12.
            if agree(member.value.lowerBound..<next, at: place) {
                place += next - member.value.lowerBound
                continue
            }
            var scanner = Scanner(bytes: other, place: place)
            guard scanner.skipValue(), agree(member.value.upperBound..<next, at: scanner.place) else { return nil }
            found.append((index, place..<scanner.place))
            place = scanner.place + next - member.value.upperBound
        }
        return place == other.count ? found : nil
    }

    /// Finds where values end.
    private struct Scanner {
        let bytes: UnsafeRawBufferPointer
        var place = 0

        private func isNext(_ letter: Unicode.Scalar) -> Bool {
            place < bytes.count && bytes[place] == UInt8(ascii: letter)
        }

        private mutating func take(_ letter: Unicode.Scalar) -> Bool {
            while isNext(" ") { place += 1 }
            guard isNext(letter) else { return false }
            place += 1
            return true
        }

        mutating func members() -> [Member]? {
            guard take("{") else { return nil }
            var members: [Member] = []
            repeat {
                guard take("\"") else { return nil }
                let start = place
                while !isNext("\"") {
                    guard place < bytes.count, !isNext("\\") else { return nil }
                    place += 1
                }
                let name = String(decoding: bytes[start..<place], as: UTF8.self)
                place += 1
                guard take(":") else { return nil }
                while isNext(" ") { place += 1 }
                let value = place
                guard skipValue() else { return nil }
                members.append(Member(name: name, value: value..<place))
            } while take(",")
            return take("}") && place == bytes.count ? members : nil
        }

        /// Steps behind a value; what it holds is not looked at.
        mutating func skipValue() -> Bool {
            let start = place
            var depth = 0
            while place < bytes.count {
                switch bytes[place] {
                case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
                case UInt8(ascii: "}"), UInt8(ascii: "]"):
                    if depth == 0 { return place > start }
                    depth -= 1
                case UInt8(ascii: ","): if depth == 0 { return place > start }
                case UInt8(ascii: "\""):
                    place += 1
                    while place < bytes.count, bytes[place] != UInt8(ascii: "\"") {
                        place += bytes[place] == UInt8(ascii: "\\") ? 2 : 1
                    }
                default: break
                }
                place += 1
            }
            return false
        }
    }
}
