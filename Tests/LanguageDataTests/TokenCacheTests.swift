import Artifacts
import Foundation
import LanguageData
import Testing
import TextData
import Tokenizers

/// Encoded splits and the rows that are cut out of them.
struct TokenCacheTests {
    private static let stories = (0..<300).map { StoryGrammar(seed: 3).story($0) }

    private func withSplit(
        _ texts: [String?] = stories, _ body: (TokenCache, TokenCache.Split, Tokenizer, UInt32) throws -> Void
    ) throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "spd-tokens-\(UUID().uuidString)").path
        try DurableFile.createFolder(folder)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let lines = texts.map {
            $0.map { "{\"story\": \"\($0.replacing("\"", with: "\\\""))\"}" } ?? "{\"story\": null}"
        }
        try DurableFile.write(lines.joined(separator: "\n"), to: folder + "/train.jsonl")
        let json = WordTokenizer.json(words: StoryGrammar.vocabulary)
        try DurableFile.write(json, to: folder + "/tokenizer.json")
        try DurableFile.write(WordTokenizer.config, to: folder + "/tokenizer_config.json")
        let tokenizer = try Tokenizer(folder: folder)
        let split = TokenCache.Split(
            files: [DatasetFile(path: folder + "/train.jsonl")], column: "story", name: "train", source: "stories")
        try body(
            TokenCache(path: folder + "/tokens"), split, tokenizer, try tokenizer.endOfSequence(folder: folder))
    }

    private func row(_ rows: TokenRows, _ pass: TokenRows.Pass, _ number: Int) -> [Int32] {
        [Int32](unsafeUninitializedCapacity: rows.length) { buffer, count in
            if let out = buffer.baseAddress { pass.copy(row: number, to: out) }
            count = rows.length
        }
    }

    @Test func theStreamIsTheDocumentsWithOneTokenBetween() throws {
        let texts = ["ada met ben .", nil, "", "a fox ."]
        try withSplit(texts) { cache, split, tokenizer, end in
            let file = try #require(
                try cache.tokens(of: split, tokenizer: tokenizer, digest: "d", endOfSequence: end, threads: 2))
            let ids = try texts.compactMap { $0 }.map { try tokenizer.encode($0).ids.map { Int32($0) } }
            let stream = Array(ids.joined(separator: [Int32(end)]))
            #expect(file.info.documents == 3)
            #expect(file.info.tokens == stream.count - 2)
            let rows = TokenRows(file, length: 3, order: .asWritten)
            #expect(rows.rowsPerPass == stream.count / 3)
            let pass = rows.pass(0)
            for number in 0..<rows.rowsPerPass {
                #expect(row(rows, pass, number) == Array(stream[number * 3..<number * 3 + 3]))
            }
        }
    }

    @Test func theSameBytesComeOutOnAnyNumberOfThreads() throws {
        try withSplit { cache, split, tokenizer, end in
            var files: [[UInt8]] = []
            for threads in [1, 3] {
                let file = try #require(
                    try cache.tokens(
                        of: split, tokenizer: tokenizer, digest: "\(threads)", endOfSequence: end, threads: threads))
                files.append(try DurableFile.read(file.path + "/tokens.bin", limit: 1 << 30))
            }
            #expect(files[0] == files[1])
        }
    }

    @Test func aSecondReaderEncodesNothing() throws {
        try withSplit { cache, split, tokenizer, end in
            var calls = 0
            for _ in 0..<2 {
                _ = try cache.tokens(
                    of: split, tokenizer: tokenizer, digest: "d", endOfSequence: end, threads: 1,
                    progress: { _ in calls += 1 })
            }
            #expect(calls == 1)
            let left = try FileManager.default.contentsOfDirectory(atPath: cache.path)
            #expect(left.count == 1, "\(left)")
        }
    }

    @Test func whatIsEncodedFollowsFromContent() throws {
        try withSplit { cache, split, _, end in
            let folder = try cache.folder(of: split, tokenizer: "d", endOfSequence: end)
            #expect(try cache.folder(of: split, tokenizer: "e", endOfSequence: end) != folder)
            var other = split
            other.column = "text"
            #expect(try cache.folder(of: other, tokenizer: "d", endOfSequence: end) != folder)
            let copy = split.files[0].path.replacing("train.jsonl", with: "copy.jsonl")
            try FileManager.default.copyItem(atPath: split.files[0].path, toPath: copy)
            other = split
            other.files = [DatasetFile(path: copy)]
            #expect(try cache.folder(of: other, tokenizer: "d", endOfSequence: end) == folder)
            // The same bytes are other rows where the name says that they are plain lines.
            let lines = copy.replacing("copy.jsonl", with: "copy.txt")
            try FileManager.default.copyItem(atPath: copy, toPath: lines)
            var plain = split
            plain.files = [DatasetFile(path: lines)]
            #expect(try cache.folder(of: plain, tokenizer: "d", endOfSequence: end) != folder)
            try DurableFile.write("{\"story\": \"ada\"}", to: copy)
            #expect(try cache.folder(of: other, tokenizer: "d", endOfSequence: end) != folder)
        }
    }

    /// Where there is no tokenizer.json, the names of special tokens are a part of the tokenizer.
    @Test func aTokenizersDigestIsThatOfAllThatItReads() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "spd-digest-\(UUID().uuidString)").path
        try DurableFile.createFolder(folder)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        func digest(writing text: String, to name: String) throws -> String {
            try DurableFile.write(text, to: folder + "/" + name)
            return try TokenizerDigest.hex(folder: folder)
        }
        let bare = try digest(writing: "{}", to: "vocab.json")
        let named = try digest(writing: "{\"pad_token\": \"a\"}", to: "special_tokens_map.json")
        #expect(named != bare)
        let whole = try digest(writing: "{\"model\": {}}", to: "tokenizer.json")
        #expect(try digest(writing: "{}", to: "special_tokens_map.json") == whole)
        #expect(try digest(writing: "{\"model\": 1}", to: "tokenizer.json") != whole)
    }

    @Test func eachPassHasAnOrderOfItsOwnAndHoldsEverything() throws {
        try withSplit { cache, split, tokenizer, end in
            let file = try #require(
                try cache.tokens(of: split, tokenizer: tokenizer, digest: "d", endOfSequence: end, threads: 2))
            let rows = TokenRows(file, length: 16, order: .shuffled(seed: 5))
            func tokens(_ pass: Int, _ rows: TokenRows) -> [Int32] {
                let order = rows.pass(pass)
                return (0..<rows.rowsPerPass).flatMap { row(rows, order, $0) }
            }
            let (first, second) = (tokens(0, rows), tokens(1, rows))
            #expect(first != second)
            #expect(first == tokens(0, TokenRows(file, length: 16, order: .shuffled(seed: 5))))
            #expect(first != tokens(0, TokenRows(file, length: 16, order: .shuffled(seed: 6))))
            // All but the tail, which is shorter than a row.
            let all = tokens(0, TokenRows(file, length: 1, order: .asWritten))
            #expect(tokens(0, TokenRows(file, length: 1, order: .shuffled(seed: 5))).sorted() == all.sorted())
        }
    }

    @Test func aCutOffFileIsRefused() throws {
        try withSplit { cache, split, tokenizer, end in
            let file = try #require(
                try cache.tokens(of: split, tokenizer: tokenizer, digest: "d", endOfSequence: end, threads: 1))
            truncate(file.path + "/tokens.bin", off_t(file.info.tokens))
            #expect(throws: FileError.self) { try TokenFile(folder: file.path) }
        }
    }

    @Test(arguments: ["tokens.bin", "ends.bin", "info.json"], [nil, 3])
    func whatIsDamagedIsEncodedAgain(name: String, bytesLeft: Int?) throws {
        try withSplit { cache, split, tokenizer, end in
            func encoded() throws -> [Int32] {
                let file = try #require(
                    try cache.tokens(of: split, tokenizer: tokenizer, digest: "d", endOfSequence: end, threads: 1))
                let rows = TokenRows(file, length: 1, order: .asWritten)
                let order = rows.pass(0)
                return (0..<rows.rowsPerPass).flatMap { row(rows, order, $0) }
            }
            let whole = try encoded()
            let path = try cache.folder(of: split, tokenizer: "d", endOfSequence: end) + "/" + name
            if let bytesLeft { truncate(path, off_t(bytesLeft)) } else { unlink(path) }
            #expect(try encoded() == whole)
            let left = try FileManager.default.contentsOfDirectory(atPath: cache.path)
            #expect(left.count == 1, "\(left)")
        }
    }

    /// One bit in each of many places: what a disk or a network does to a file, whose size and date stay what they were.
    @Test(arguments: ["tokens.bin", "ends.bin", "info.json"])
    func aBitThatFlippedIsNoticed(name: String) throws {
        try withSplit { cache, split, tokenizer, end in
            func encoded() throws -> TokenFile {
                try #require(
                    try cache.tokens(of: split, tokenizer: tokenizer, digest: "d", endOfSequence: end, threads: 1))
            }
            let folder = try encoded().path
            let file = URL(filePath: "\(folder)/\(name)")
            let whole = try Data(contentsOf: file)
            for place in stride(from: 0, to: whole.count - 1, by: max(whole.count / 40, 1)) {
                var bytes = whole
                bytes[place] ^= 1 << UInt8(place % 7)
                try bytes.write(to: file)
                #expect(throws: FileError.self, "byte \(place)") { try TokenFile(folder: folder) }
            }
            // Whoever needs the text next encodes it again.
            #expect(try encoded().path == folder)
            #expect(try Data(contentsOf: file) == whole)
        }
    }

    @Test(arguments: ["tokens.bin", "ends.bin", "info.json"])
    func whatCannotBeReadNowIsToldAndKept(name: String) throws {
        try withSplit { cache, split, tokenizer, end in
            func encode() throws -> TokenFile? {
                try cache.tokens(of: split, tokenizer: tokenizer, digest: "d", endOfSequence: end, threads: 1)
            }
            let folder = try #require(try encode()).path
            // A file server that fails: root may read whatever has no permissions.
            try FileManager.default.moveItem(atPath: "\(folder)/\(name)", toPath: "\(folder)/kept")
            #expect(symlink(name, "\(folder)/\(name)") == 0)
            let error = #expect(throws: FileError.self) { try encode() }
            #expect(error?.path == "\(folder)/\(name)")
            #expect(FileManager.default.fileExists(atPath: folder + "/kept"), "nothing is deleted")
        }
    }

    @Test func documentsThatEndElsewhereAreRefused() throws {
        try withSplit { cache, split, tokenizer, end in
            let file = try #require(
                try cache.tokens(of: split, tokenizer: tokenizer, digest: "d", endOfSequence: end, threads: 1))
            let ends = URL(filePath: file.path + "/ends.bin")
            var bytes = try Data(contentsOf: ends)
            bytes[7] = 0xFF
            try bytes.write(to: ends)
            let error = #expect(throws: FileError.self) { try TokenFile(folder: file.path) }
            #expect("\(try #require(error))".contains("its bytes are not those that were written"))
        }
    }

    @Test func textThatCannotBeReadLeavesNothing() throws {
        try withSplit { cache, split, tokenizer, end in
            let file = split.files[0].path
            let text = String(decoding: try DurableFile.read(file, limit: 1 << 20), as: UTF8.self)
            for (line, complaint) in [
                ("{\"story\": 5}", "found 5"), ("[\"a\"]", "found [\"a\"]"), ("{\"st", "no JSON"),
            ] {
                try DurableFile.write(text + "\n" + line + "\n", to: file)
                let error = #expect(throws: TextDataError.self) {
                    try cache.tokens(of: split, tokenizer: tokenizer, digest: "d", endOfSequence: end, threads: 1)
                }
                let said = "\(try #require(error))"
                #expect(said.hasPrefix("\(file): line 301: ") && said.contains(complaint), "\(said)")
                #expect(try FileManager.default.contentsOfDirectory(atPath: cache.path) == [])
            }
        }
    }

    @Test func whatIsRefusedOnceItIsEncodedLeavesNothing() throws {
        struct Refusal: Error {}
        try withSplit { cache, split, tokenizer, end in
            func encode(_ check: (TokenFile.Info) throws -> Void) throws -> TokenFile? {
                try cache.tokens(
                    of: split, tokenizer: tokenizer, digest: "d", endOfSequence: end, threads: 1, check: check)
            }
            #expect(throws: Refusal.self) {
                try encode {
                    #expect($0.documents == Self.stories.count)
                    throw Refusal()
                }
            }
            #expect(try FileManager.default.contentsOfDirectory(atPath: cache.path) == [])
            // What is there is looked at, too, and stays for others.
            let file = try #require(try encode { _ in })
            #expect(throws: Refusal.self) { try encode { _ in throw Refusal() } }
            #expect(try TokenFile(folder: file.path).info == file.info)
        }
    }

    @Test func givingUpLeavesNothing() throws {
        let long = String(repeating: "ada met ben . ", count: 700_000)
        try withSplit([long]) { cache, split, tokenizer, end in
            let file = try cache.tokens(
                of: split, tokenizer: tokenizer, digest: "d", endOfSequence: end, threads: 1, isCancelled: { true })
            #expect(file == nil)
            let left = try FileManager.default.contentsOfDirectory(atPath: cache.path)
            #expect(!left.contains { !$0.hasSuffix(".lock") }, "\(left)")
        }
    }
}
