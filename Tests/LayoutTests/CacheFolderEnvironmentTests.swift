import Foundation
import Layout
import Testing

struct CacheFolderEnvironmentTests {
    @Test func theFolderComesFromTheEnvironment() throws {
        #expect(try CacheFolder(environment: ["HOME": "/home/me"]).path == "/home/me/spd_cache")
        #expect(try CacheFolder(environment: ["HOME": "/home/me", "SPD_CACHE_DIR": "/x//y/./"]).path == "/x/y")
        #expect(try CacheFolder(environment: ["HOME": "/home/me", "SPD_CACHE_DIR": ""]).path == "/home/me/spd_cache")
        #expect(try CacheFolder(environment: ["SPD_CACHE_DIR": "/x~/$y 'z'"]).path == "/x~/$y 'z'")
    }

    @Test func withoutAVariableTheUsersHomeIsTaken() throws {
        #expect(try CacheFolder(environment: [:]).path.hasSuffix("/spd_cache"))
    }

    @Test(arguments: [
        ("~", "write /home/me"), ("~/x", "write /home/me/x"), ("~you/x", "write the whole path"),
        ("$HOME/x", "was not expanded"), ("${SCRATCH}", "was not expanded"), ("'/x'", "quotes"), ("\"/x\"", "quotes"),
        ("/x\r", "control character"), ("/x\n/y", "control character"), (" /x", "space"), ("/x ", "space"),
    ])
    func aValueThatNobodyMeansAsAPathIsRefused(value: String, words: String) {
        let error = #expect(throws: CacheFolderError.self) {
            try CacheFolder(environment: ["HOME": "/home/me", "SPD_CACHE_DIR": value])
        }
        #expect(error?.isUsersMistake == true)
        #expect(error?.description.contains(words) == true, "\(String(describing: error))")
        #expect(error?.description.allSatisfy { !$0.isNewline } == true)
    }
}

struct CacheFolderConditionTests {
    private let base: String
    private let cache: CacheFolder

    init() throws {
        base = NSTemporaryDirectory() + "spd-layout-" + UUID().uuidString
        cache = CacheFolder(path: base + "/cache")
        try FileManager.default.createDirectory(atPath: base, withIntermediateDirectories: true)
    }

    private func make(_ folder: String) throws {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    }

    @Test func whatIsNotThereIsUnused() throws {
        defer { try? FileManager.default.removeItem(atPath: base) }
        #expect(try cache.condition() == .unused)
        try make(cache.jobs + "/.new-spd-x")
        #expect(try cache.condition() == .unused)
        try Data().write(to: URL(filePath: cache.stateFile))
        #expect(try cache.condition() == .unused, "a first submission begins")
    }

    @Test func jobsWithoutAWholeStateFileAreNoticed() throws {
        defer { try? FileManager.default.removeItem(atPath: base) }
        for job in 1...3 { try make("\(cache.jobs)/\(job)") }
        #expect(try cache.condition() == .stateless(jobs: 3))
        try Data().write(to: URL(filePath: cache.stateFile))
        #expect(try cache.condition() == .emptied(jobs: 3))
        try Data("\n".utf8).write(to: URL(filePath: cache.stateFile))
        #expect(try cache.condition() == .emptied(jobs: 3), "SQLite would make a new one of it")
        try Data("xy".utf8).write(to: URL(filePath: cache.stateFile))
        #expect(try cache.condition() == .kept)
    }

    @Test func whatIsNoFolderIsTold() throws {
        defer { try? FileManager.default.removeItem(atPath: base) }
        try Data("x".utf8).write(to: URL(filePath: cache.path))
        #expect(throws: CacheFolderError.notAFolder(path: cache.path)) { try cache.condition() }
        #expect(throws: CacheFolderError.self) { try CacheFolder(path: cache.path + "/deeper").condition() }
        try FileManager.default.removeItem(atPath: cache.path)
        try FileManager.default.createSymbolicLink(atPath: cache.path, withDestinationPath: base + "/none")
        #expect(throws: CacheFolderError.self) { try cache.condition() }
        try FileManager.default.removeItem(atPath: cache.path)
        try make(cache.stateFile)
        #expect(throws: CacheFolderError.self) { try cache.condition() }
    }
}
