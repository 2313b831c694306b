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
