/// Tells secrets from other text: by the name of the setting that holds them, or by their own shape.
public enum SecretShapes {
    /// Whether a variable's name says that its value is nobody else's business.
    public static func isSecret(name: String) -> Bool {
        let name = name.uppercased().replacing("AUTHORIZATION", with: "AUTH").replacing("AUTHOR", with: "")
            .replacing("TOKENIZER", with: "")
        return ["KEY", "TOKEN", "SECRET", "PASSW", "CREDENTIAL", "AUTH", "HTTP_HEADERS"].contains { name.contains($0) }
    }

    /// Whether bytes surely or probably hold a key: one with a recognisable prefix (`wandb_v1_…`, `local-…`, a Hugging
    /// Face token `hf_…`, one of GitHub's), or 40 hexadecimal digits, as W&B's older keys are, behind a key's name;
    /// also in a text of wider characters than UTF-8's.
    ///
    /// 40 digits behind any other name are a commit's or a file's hash: lock files are full of them, and keys that are
    /// in use are known by their values.
    public static func occur(in bytes: [UInt8]) -> Bool { stands(in: bytes) { isNamedAsKey($0, before: $1) } }

    /// Whether a text may hold a key: what ``occur(in:)`` finds, or any 40 hexadecimal digits.
    ///
    /// For texts in which nobody misses a hash.
    public static func mayOccur(in text: String) -> Bool { stands(in: Array(text.utf8)) { _, _ in true } }

    /// A setting's value for a message, or a word on why it is not shown: it may hold a secret that was meant for
    /// another setting.
    static func quoted(_ value: String) -> String {
        mayBeOne(value) ? "(its value may hold a key and is not shown)" : "'\(value)'"
    }

    /// Whether a setting's value may hold a secret, by far more than what a key looks like: `http://host/?token=…` too.
    public static func mayBeOne(_ value: String) -> Bool {
        let words = value.split { !$0.isLetter && !$0.isNumber }
        return value.count > 80 || value.contains("@") || mayOccur(in: value) || isSecret(name: value)
            || words.contains { $0.count >= 16 && $0.contains(where: \.isNumber) }
            || value.unicodeScalars.contains { $0.properties.generalCategory == .control }
    }

    /// How tokens with a recognisable prefix begin, and how many letters, digits and other characters follow.
    private static let prefixes: [(text: [UInt8], minimum: Int, others: [UInt8])] = [
        (Array("wandb_v".utf8), 20, Array("_-".utf8)), (Array("hf_".utf8), 30, []), (Array("api_org_".utf8), 30, []),
        (Array("local-".utf8), 40, []), (Array("ghp_".utf8), 30, []), (Array("github_pat_".utf8), 30, Array("_".utf8)),
    ]

    private static func stands(
        in bytes: [UInt8], isKey: (_ bytes: UnsafeBufferPointer<UInt8>, _ start: Int) -> Bool
    ) -> Bool {
        bytes.withUnsafeBufferPointer { stand(in: $0, isKey) }
            || bytes.contains(0) && bytes.filter { $0 != 0 }.withUnsafeBufferPointer { stand(in: $0, isKey) }
    }

    private static func stand(
        in bytes: UnsafeBufferPointer<UInt8>, _ isKey: (UnsafeBufferPointer<UInt8>, Int) -> Bool
    ) -> Bool {
        var digits = 0
        for index in bytes.indices {
            let byte = bytes[index]
            if isHexadecimal(byte) {
                digits += 1
                if digits == 40, index + 1 == bytes.count || !isHexadecimal(bytes[index + 1]),
                    isKey(bytes, index - 39)
                {
                    return true
                }
            } else {
                digits = 0
            }
            for prefix in prefixes where byte == prefix.text[0] && bytes[index...].starts(with: prefix.text) {
                let rest = bytes[(index + prefix.text.count)...]
                let part = rest.prefix { isAlphanumeric($0) || prefix.others.contains($0) }
                if part.count >= prefix.minimum { return true }
            }
        }
        return false
    }

    /// Words that stand between a key's name and the key: types, headers, keys of lists of variables.
    private static let fillers: Set = [
        "str", "string", "bytes", "optional", "final", "basic", "bearer", "is", "value", "default", "echo", "api",
        "user",
    ]
    /// Words of names whose values are hashes, whatever else the names say.
    private static let hashWords: Set = [
        "rev", "revision", "sha", "sha1", "commit", "hash", "digest", "checksum", "ref", "reference", "oid", "blob",
        "tree", "integrity",
    ]
    /// Words of names whose values are keys that `isSecret` knows by no part of theirs.
    private static let keyWords: Set = ["login", "relogin", "pwd", "netrc"]

    /// Whether the names before `start` are a key's: on the same line the first one that is a key's or a hash's decides,
    /// and further up there is nothing but punctuation, fillers, numbers and other hashes in between.
    private static func isNamedAsKey(_ bytes: UnsafeBufferPointer<UInt8>, before start: Int) -> Bool {
        // As in https://api:KEY@host.
        let end = start + 40
        if start > 0, bytes[start - 1] == UInt8(ascii: ":"), end < bytes.count, bytes[end] == UInt8(ascii: "@") {
            return true
        }
        // The name that W&B's keys log in with.
        if start >= 4, bytes[(start - 4)..<start].elementsEqual("api:".utf8), start == 4 || !isWord(bytes[start - 5]) {
            return true
        }
        // A part of an address, or a version of what stands before.
        if start > 0, "#@/?&".utf8.contains(bytes[start - 1]) { return false }
        var place = start
        var isOnSameLine = true
        for _ in 0..<24 {
            while place > 0, !isWord(bytes[place - 1]) {
                place -= 1
                if bytes[place] == UInt8(ascii: "\n") { isOnSameLine = false }
            }
            let end = place
            while place > 0, isWord(bytes[place - 1]), end - place < 200 { place -= 1 }
            guard place < end else { return false }
            let name = String(decoding: bytes[place..<end], as: UTF8.self)
            let words = name.lowercased().split { !$0.isLetter && !$0.isNumber }.map(String.init)
            let isPassedOver = words.allSatisfy { word in
                fillers.contains(word) || word.allSatisfy(\.isNumber)
                    || word.count == 40 && word.allSatisfy(\.isHexDigit)
            }
            if isPassedOver { continue }
            if words.contains(where: hashWords.contains) { return false }
            if isSecret(name: name) || words.contains(where: keyWords.contains) { return true }
            // As in KEY = os.environ.get("OTHER", "…"); what a diff puts at the beginning of its lines is not a name.
            guard isOnSameLine else { return false }
        }
        return false
    }

    /// Whether a byte is a part of a name, as in `WANDB_API_KEY`, `wandb.login` or `wandb-key.txt`.
    private static func isWord(_ byte: UInt8) -> Bool { isAlphanumeric(byte) || "_.-".utf8.contains(byte) }

    private static func isHexadecimal(_ byte: UInt8) -> Bool {
        switch byte | 0x20 {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte < 0x40
        case UInt8(ascii: "a")...UInt8(ascii: "f"): true
        default: false
        }
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "A")...UInt8(ascii: "Z"):
            true
        default: false
        }
    }
}
