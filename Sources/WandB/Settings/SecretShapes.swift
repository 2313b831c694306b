/// Tells secrets from other text: by the name of the setting that holds them, or by their own shape.
public enum SecretShapes {
    /// Whether a variable's name says that its value is nobody else's business.
    public static func isSecret(name: String) -> Bool {
        let name = name.uppercased().replacing("AUTHOR", with: "")
        return ["KEY", "TOKEN", "SECRET", "PASSW", "CREDENTIAL", "AUTH", "HTTP_HEADERS"].contains { name.contains($0) }
    }

    /// Whether bytes hold something of the shape of a W&B key (40 hexadecimal digits, or `wandb_v1_…`) or of a Hugging
    /// Face token (`hf_…`), also in a text of wider characters than UTF-8's.
    public static func occur(in bytes: [UInt8]) -> Bool {
        if stand(in: bytes) { return true }
        return bytes.contains(0) && stand(in: bytes.filter { $0 != 0 })
    }

    /// Whether a text holds something of such a shape.
    public static func occur(in text: String) -> Bool { occur(in: Array(text.utf8)) }

    /// A setting's value for a message, or a word on why it is not shown: it may hold a secret that was meant for
    /// another setting.
    static func quoted(_ value: String) -> String {
        let words = value.split { !$0.isLetter && !$0.isNumber }
        let mayHoldSecret =
            value.count > 80 || value.contains("@") || occur(in: value) || isSecret(name: value)
            || words.contains { $0.count >= 16 && $0.contains(where: \.isNumber) }
            || value.unicodeScalars.contains { $0.properties.generalCategory == .control }
        return mayHoldSecret ? "(its value may hold a key and is not shown)" : "'\(value)'"
    }

    /// How tokens that tell what they are begin, and how many letters, digits and other characters follow.
    private static let prefixes: [(text: [UInt8], minimum: Int, others: [UInt8])] = [
        (Array("wandb_v".utf8), 20, Array("_-".utf8)), (Array("hf_".utf8), 30, []), (Array("api_org_".utf8), 30, []),
    ]

    private static func stand(in bytes: [UInt8]) -> Bool {
        bytes.withUnsafeBufferPointer { bytes in
            var digits = 0
            for index in bytes.indices {
                let byte = bytes[index]
                if isHexadecimal(byte) {
                    digits += 1
                    if digits == 40, index + 1 == bytes.count || !isHexadecimal(bytes[index + 1]) { return true }
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
    }

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
