import Foundation

/// A patch of git's, file by file.
package struct Patch {
    /// What it does to one file.
    package struct Section {
        package let bytes: ArraySlice<UInt8>

        /// The file's name, as the first line has it.
        package var name: String {
            let line = String(
                decoding: bytes.prefix { $0 != UInt8(ascii: "\n") }.dropFirst(Patch.start.count), as: UTF8.self)
            // Both names are the same, as nothing is renamed.
            return line.hasPrefix("a/") ? String(line.dropFirst(2).prefix((line.count - 5) / 2)) : line
        }

        /// Whether a secret stands in it; what is in a binary file can't be seen here.
        package func holds(_ secrets: Secrets) -> Bool {
            let isBinary = bytes.firstRange(of: Array("\nGIT binary patch\n".utf8))
            let text = isBinary.map { bytes[..<$0.lowerBound] } ?? bytes
            // Hashes that git adds look like keys, but are not.
            let lines = text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
            let hunks = lines.firstIndex { $0.starts(with: "@@".utf8) } ?? lines.endIndex
            let shown = lines[..<hunks].filter { !$0.starts(with: "index ".utf8) } + lines[hunks...]
            return secrets.occur(in: Array(shown.joined(separator: [UInt8(ascii: "\n")])))
        }
    }

    fileprivate static let start = Array("diff --git ".utf8)

    package let sections: [Section]

    /// Takes what `git diff` prints.
    package init(_ bytes: [UInt8]) {
        var starts: [Int] = []
        var lineStart = 0
        while lineStart < bytes.count {
            // No line of a hunk begins so.
            if bytes[lineStart...].starts(with: Self.start) { starts.append(lineStart) }
            lineStart = (bytes[lineStart...].firstIndex(of: UInt8(ascii: "\n")) ?? bytes.count - 1) + 1
        }
        sections = zip(starts, starts.dropFirst() + [bytes.count]).map { Section(bytes: bytes[$0..<$1]) }
    }
}
