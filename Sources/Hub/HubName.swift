/// The name of a model or a data set on the hub, such as `SimpleStories/SimpleStories-1.25M`.
public struct HubName: Sendable, Hashable, CustomStringConvertible {
    /// What a name names.
    public enum Kind: String, Sendable {
        /// A model.
        case model = "models"
        /// A data set.
        case dataset = "datasets"
    }

    /// What it names.
    public let kind: Kind
    /// The name as written.
    public let description: String

    /// Takes a name, or nil if it is none: one or two words of letters, digits, `-`, `_` and `.`.
    public init?(_ name: String, kind: Kind) {
        let parts = name.split(separator: "/", omittingEmptySubsequences: false)
        guard (1...2).contains(parts.count), name.utf8.count <= 200, parts.allSatisfy(Self.isPart) else { return nil }
        self.kind = kind
        description = name
    }

    private static func isPart(_ part: Substring) -> Bool {
        guard let first = part.utf8.first, let last = part.utf8.last, !part.contains("..") else { return false }
        let isWord = { (byte: UInt8) in
            (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                || byte == UInt8(ascii: "_")
        }
        return isWord(first) && isWord(last)
            && part.utf8.allSatisfy { isWord($0) || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: ".") }
    }

    /// The folder that the hub's own tools keep it in, such as `models--ORG--NAME`.
    var folder: String { kind.rawValue + "--" + description.split(separator: "/").joined(separator: "--") }

    /// The folder below `$HF_DATASETS_CACHE` that the `datasets` package keeps it in, such as `roneneldan___tiny_stories`.
    var datasetsFolder: String {
        let parts = description.split(separator: "/").map(String.init)
        return (parts.dropLast() + [snakeCased]).joined(separator: "___")
    }

    /// The name's last part as the `datasets` package writes it, such as `tiny_stories` for `TinyStories`.
    var snakeCased: String {
        let letters = Array(description.split(separator: "/").last ?? "")
        var out = ""
        for (index, letter) in letters.enumerated() {
            if index > 0, letter.isUppercase {
                let before = letters[index - 1]
                let isFollowedByLower = index + 1 < letters.count && letters[index + 1].isLowercase
                if before.isLowercase || before.isNumber || (before.isUppercase && isFollowedByLower) { out += "_" }
            }
            out += letter.lowercased()
        }
        return out
    }
}
