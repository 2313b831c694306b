import Foundation
import TextData

/// All texts of a file's column.
func texts(of path: String, column: String) throws -> [String?] {
    var texts: [String?] = []
    try DatasetFile(path: path).forEachText(column: column) { text in
        texts.append(text.map { String(decoding: $0, as: UTF8.self) })
    }
    return texts
}

/// Random numbers that are the same in each run.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
