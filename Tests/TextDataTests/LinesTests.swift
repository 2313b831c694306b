import Foundation
import TestFiles
import Testing

@testable import TextData

/// Lines of text and JSON as people's editors and scripts leave them.
struct LinesTests {
    private func read(_ text: String, as name: String, column: String = "text") throws -> [String?] {
        try TemporaryFolder.with { folder in
            let path = folder(name)
            try Data(text.utf8).write(to: URL(filePath: path))
            return try texts(of: path, column: column)
        }
    }

    private func refusal(_ text: String, as name: String) -> String? {
        #expect(throws: TextDataError.self) { try read(text, as: name) }?.reason
    }

    @Test func linesEndInAnySystemsWay() throws {
        #expect(try read("\u{FEFF}one\r\n\r\ntwo\nthree", as: "a.txt") == ["one", "", "two", "three"])
        #expect(try read("one\rtwo\r\r\nthree\r", as: "a.txt") == ["one", "two", "", "three"])
        #expect(try read("{\"text\": \"a\"}\r{\"text\": \"b\"}\r", as: "a.jsonl") == ["a", "b"])
        // An end of two bytes where one piece of the file ends and the next begins.
        let long = String(repeating: "x", count: (1 << 18) - 1)
        for length in [long.utf8.count - 1, long.utf8.count, long.utf8.count + 1] {
            let line = String(repeating: "x", count: length)
            #expect(try read("\(line)\r\nb\n", as: "a.txt") == [line, "b"])
        }
    }

    @Test func anArrayOfObjectsIsReadLikeLines() throws {
        let text = "[{\"text\": \"a\"},\n {\"text\": null},\n {\"other\": 1}]"
        #expect(try read(text, as: "a.json") == ["a", nil, nil])
    }

    @Test func ofTwoMembersOfOneNameTheLastCounts() throws {
        #expect(try read(#"{"text": "a", "text": "b"}"#, as: "a.jsonl") == ["b"])
    }

    @Test func aZstandardFileMayBeginWithAFrameToSkip() throws {
        try TemporaryFolder.with { folder in
            let whole = try Data(contentsOf: URL(filePath: PublishedFilesTests.folder + "/lines.jsonl.zst"))
            let skipped = Data([0x53, 0x2A, 0x4D, 0x18, 3, 0, 0, 0, 1, 2, 3])
            let path = folder("lines.jsonl.zst")
            try (skipped + whole).write(to: URL(filePath: path))
            let rows = PublishedFilesTests.expected.first { $0.name == "lines.jsonl.zst" }?.rows
            #expect(try texts(of: path, column: "story") == rows)
        }
    }

    @Test func blankLinesBetweenObjectsArePassedOver() throws {
        #expect(try read("{\"text\": \"a\"}\n\n{\"text\": \"b\"}\n", as: "a.jsonl") == ["a", "b"])
    }

    @Test func rowsThatLackTheColumnAreNullWhereverTheyStand() throws {
        let text = "{\"id\": 1}\n{\"id\": 2}\n{\"text\": \"a\"}\n{}\n"
        #expect(try read(text, as: "a.jsonl") == [nil, nil, "a", nil])
        #expect(try read("[{\"id\": 1}, {\"text\": null}]", as: "a.json") == [nil, nil])
        #expect(
            refusal("{\"id\": 1}\n{\"id\": 2, \"name\": \"b\"}\n", as: "a.jsonl")
                == "has no column 'text'; it has 'id', 'name'")
        #expect(refusal("{}\n", as: "a.jsonl") == "has no column 'text', nor any other")
    }

    @Test func mistakesInLinesAreToldWithTheirNumber() {
        #expect(refusal("{\"text\": \"a\"}\n{\"text\": ", as: "a.jsonl")?.hasPrefix("line 2: no JSON") == true)
        #expect(
            refusal("{\"text\": \"a\"}\n{\"text\": 3}", as: "a.jsonl")
                == "line 2: expected a text or null as 'text', found 3")
        #expect(refusal("[1, 2]\n", as: "a.jsonl")?.hasPrefix("row 1: expected an object") == true)
    }

    @Test func whatIsNoDataIsCalledByItsName() {
        let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0\n"
        #expect(refusal(pointer, as: "train.parquet")?.hasPrefix("is a Git LFS pointer") == true)
        #expect(refusal("<!DOCTYPE html><html>", as: "train.parquet")?.hasPrefix("is a web page") == true)
        #expect(refusal("", as: "train.jsonl") == "is empty")
        #expect(refusal("a,b\n1,2\n", as: "train.csv")?.hasPrefix("has an unknown format") == true)
    }

    @Test func bytesThatAreNoTextAreRefused() throws {
        try TemporaryFolder.with { folder in
            try Data([0x61, 0x0A, 0xFF, 0x0A]).write(to: URL(filePath: folder("a.txt")))
            let error = #expect(throws: TextDataError.self) { try texts(of: folder("a.txt"), column: "text") }
            #expect(error?.reason == "row 2 of 'text' is not UTF-8 text")
            let row = Array("{\"text\": \"a\"}\n{\"text\": \"".utf8) + [0xFF] + Array("\"}\n".utf8)
            try Data(row).write(to: URL(filePath: folder("a.jsonl")))
            let other = #expect(throws: TextDataError.self) { try texts(of: folder("a.jsonl"), column: "text") }
            #expect(other?.reason == "line 2 is not UTF-8 text")
        }
    }
}
