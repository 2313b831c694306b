import Foundation
import JSON
import TestFiles
import Testing

@testable import TextData

/// The rows of files that the usual tools wrote, in every format and encoding that is read.
struct PublishedFilesTests {
    static let folder = Checkout.fixture("datasets")
    static let expected: [(name: String, rows: [String?])] = {
        let text = try? String(contentsOfFile: folder + "/expected.json", encoding: .utf8)
        guard let text, case .object(let files)? = (try? JSONValue(parsing: text))?["files"] else { return [] }
        return files.map { ($0.name, ($0.value.elements ?? []).map(\.string)) }
    }()

    @Test func thereAreFilesToRead() {
        #expect(Self.expected.count == 22)
    }

    @Test(arguments: expected.map(\.name)) func everyRowIsRead(name: String) throws {
        let rows = try #require(Self.expected.first { $0.name == name }?.rows)
        #expect(try texts(of: Self.folder + "/" + name, column: "story") == rows)
    }

    @Test(arguments: expected.map(\.name).filter { $0 != "lines.txt" })
    func aMissingColumnListsThoseThereAre(name: String) throws {
        let error = #expect(throws: TextDataError.self) {
            try texts(of: Self.folder + "/" + name, column: "storey")
        }
        #expect(error?.description.contains("has no column 'storey'; it has ") == true)
        #expect(error?.concernsColumn == true)
        #expect(error?.description.contains("'story'") == true)
        #expect(error?.path.hasSuffix(name) == true)
    }

    @Test func aParquetFileMayHoldNoRows() throws {
        #expect(try texts(of: Self.folder + "/no_rows.parquet", column: "story") == [])
    }

    @Test func aColumnOfNumbersIsNoText() {
        let error = #expect(throws: TextDataError.self) {
            try texts(of: Self.folder + "/snappy_plain_v1_row_groups.parquet", column: "num_words")
        }
        #expect(error?.reason == "the column 'num_words' holds no text: it is a 64-bit integer")
    }

    /// Cut off anywhere, a file gives an error, or fewer rows where lines simply end; it never traps.
    @Test(arguments: expected.map(\.name)) func aFileThatIsCutOffIsRefused(name: String) throws {
        let bytes = try [UInt8](Data(contentsOf: URL(filePath: Self.folder + "/" + name)))
        let whole = try #require(Self.expected.first { $0.name == name }?.rows.count)
        try TemporaryFolder.with { folder in
            let path = folder(name)
            for count in stride(from: 0, to: bytes.count - 1, by: max(1, bytes.count / 23)) {
                try Data(bytes[..<count]).write(to: URL(filePath: path))
                guard let rows = try? texts(of: path, column: "story").count else { continue }
                #expect(!name.hasSuffix(".parquet"), "\(count) bytes")
                // The end of a plain text shows nowhere, and a stream may lack its closing mark.
                let mayBeWhole = name == "lines.txt" || name.hasSuffix(".arrow")
                #expect(mayBeWhole ? rows <= whole : rows < whole, "\(count) bytes")
            }
        }
    }

    /// With any byte changed, a file gives an error or some rows; it never traps.
    @Test(arguments: expected.map(\.name)) func aDamagedFileDoesNoHarm(name: String) throws {
        let bytes = try [UInt8](Data(contentsOf: URL(filePath: Self.folder + "/" + name)))
        var random = SeededGenerator(seed: 7)
        try TemporaryFolder.with { folder in
            let path = folder(name)
            for _ in 0..<30 {
                var damaged = bytes
                for _ in 0..<Int.random(in: 1...4, using: &random) {
                    // Metadata stands at one of the ends.
                    let near = Int.random(in: 0..<min(600, bytes.count), using: &random)
                    let place = Bool.random(using: &random) ? near : bytes.count - 1 - near
                    damaged[place] = UInt8.random(in: 0...255, using: &random)
                }
                try Data(damaged).write(to: URL(filePath: path))
                do {
                    _ = try texts(of: path, column: "story")
                } catch {
                    #expect(error is TextDataError)
                }
            }
        }
    }
}
