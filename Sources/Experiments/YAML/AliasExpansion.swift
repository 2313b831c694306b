/// How large a text becomes when every alias is replaced by what it stands for.
///
/// An upper bound from the text alone, before anything is built from it: aliases of aliases multiply, and a few hundred
/// bytes can stand for more than any machine holds.
struct AliasExpansion {
    /// In bytes.
    let bytes: Int

    private struct Anchor {
        let start: Int
        /// Known from the first alias on, which cannot stand inside of what it stands for.
        var size: Int?
    }

    init(of text: String) {
        var anchors: [[UInt8]: Anchor] = [:]
        var total = 0
        var sigil: UInt8?
        var name: [UInt8] = []
        var previous = UInt8(ascii: "\n")
        func isNameByte(_ byte: UInt8) -> Bool {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"):
                true
            default: false
            }
        }
        func close() {
            guard let kind = sigil else { return }
            if kind == UInt8(ascii: "&") {
                anchors[name] = Anchor(start: total)
            } else if let anchor = anchors[name] {
                let size = anchor.size ?? total - anchor.start
                anchors[name]?.size = size
                total = total.addingReportingOverflow(size).overflow ? .max : total + size
            }
            sigil = nil
            name = []
        }
        for byte in text.utf8 {
            if sigil != nil, isNameByte(byte) {
                name.append(byte)
            } else {
                close()
                // The character before decides whether a token can begin here; what stands in comments and quotes is
                // taken for tokens too, which only makes the bound larger.
                let isSigil = byte == UInt8(ascii: "*") || byte == UInt8(ascii: "&")
                if isSigil, " \t\r\n[]{},:?-".utf8.contains(previous) { sigil = byte }
            }
            if total < .max { total += 1 }
            previous = byte
        }
        close()
        bytes = total
    }
}
