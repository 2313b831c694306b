import Foundation

/// A W&B API key, which no description, dump or reflection shows.
public struct APIKey: Sendable, Equatable {
    private let text: String

    /// Takes a key of W&B's format: at least 40 letters, digits, `_` or `-` (after the first `-`, if it has
    /// one), or three such parts joined by dots.
    ///
    /// - Throws: `WandBSettingsError.badAPIKey`, which names the fault and not the key.
    public init(_ text: String) throws(WandBSettingsError) {
        guard text.first?.isWhitespace != true, text.last?.isWhitespace != true else {
            throw .badAPIKey("it has spaces around it")
        }
        let isWord = { (part: Substring) in
            !part.isEmpty && part.utf8.allSatisfy { $0.isWordByte }
        }
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        if parts.count == 3, parts.allSatisfy(isWord) {
            self.text = text
            return
        }
        let secret = text.firstIndex(of: "-").map { text[text.index(after: $0)...] } ?? text[...]
        guard secret.utf8.count >= 40 else {
            throw .badAPIKey("it has \(secret.utf8.count) characters, W&B's keys have 40 or more")
        }
        guard isWord(secret) else {
            throw .badAPIKey("it holds characters other than letters, digits, '_' and '-'")
        }
        self.text = text
    }

    /// The value of the `Authorization` header.
    var authorization: String { "Basic " + Data("api:\(text)".utf8).base64EncodedString() }

    /// A text from outside, in which the key, plain or as it is sent, is hidden.
    func redacted(from message: String) -> String {
        message.replacingOccurrences(of: text, with: "<hidden>")
            .replacingOccurrences(of: authorization.dropFirst("Basic ".count), with: "<hidden>")
    }
}

extension UInt8 {
    fileprivate var isWordByte: Bool {
        switch self {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"):
            true
        default: false
        }
    }
}

extension APIKey: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// Always `<hidden>`.
    public var description: String { "<hidden>" }
    /// Always `<hidden>`.
    public var debugDescription: String { "<hidden>" }
    /// A mirror without children.
    public var customMirror: Mirror { Mirror(self, children: EmptyCollection<Mirror.Child>()) }
}
