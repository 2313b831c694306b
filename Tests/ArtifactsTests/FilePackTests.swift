import Foundation
import Testing

@testable import Artifacts

/// Files that were packed into one, read back by us and as the zip archive that it is.
struct FilePackTests {
    private let folder = NSTemporaryDirectory() + "spd-pack-\(UUID().uuidString)"
    private var path: String { folder + "/pack.zip" }
    private let files: [(name: String, bytes: [UInt8])] = [
        ("run.json", Array("{}".utf8)), ("media/bild-ü.png", (0..<70_000).map { UInt8(truncatingIfNeeded: $0) }),
        ("empty", []),
    ]

    init() throws { try DurableFile.createFolder(folder) }

    @Test func filesComeBackAsTheyWere() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try FilePack.write(files, to: path)
        let pack = try FilePack(contentsOf: path)
        #expect(pack.entries.map(\.name) == files.map(\.name))
        for (file, entry) in zip(files, pack.entries) {
            #expect(try pack.bytes(of: file.name) == file.bytes)
            #expect(try FilePack.bytes(entry.place, of: path) == file.bytes)
        }
        #expect(try pack.bytes(of: "other") == nil)
        #expect(try FilePack(contentsOf: path, upTo: "run.json").entries.count == 1)
    }

    @Test func itIsAZipArchive() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try FilePack.write(files, to: path)
        let archive = try ZipArchive(DurableFile.read(path, limit: 1 << 20))
        #expect(Set(archive.names) == Set(files.map(\.name)))
        for file in files { #expect(try archive.contents(of: file.name).map { Array($0) } == file.bytes) }
    }

    @Test func theSameFilesGiveTheSameBytes() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try FilePack.write(files, to: path)
        try FilePack.write(files, to: path + "2", flush: .nothing)
        #expect(FileManager.default.contentsEqual(atPath: path, andPath: path + "2"))
    }

    @Test func nothingAtAllCanBePacked() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try FilePack.write([], to: path)
        #expect(try FilePack(contentsOf: path).entries.isEmpty)
    }

    @Test func damageIsNoticed() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let place = try FilePack.write(files, to: path).entries[1].place
        var bytes = try DurableFile.read(path, limit: 1 << 20)
        bytes[place.lowerBound + 7] ^= 1
        try DurableFile.write(bytes, to: path)
        let pack = try FilePack(contentsOf: path)
        #expect(throws: FileError.self) { try pack.bytes(of: "media/bild-ü.png") }
        try DurableFile.write(Array(bytes.prefix(place.upperBound - 1)), to: path)
        #expect(throws: FileError.self) { try FilePack(contentsOf: path) }
        try DurableFile.write("no archive, but long enough to look like one", to: path)
        #expect(throws: FileError.self) { try FilePack(contentsOf: path) }
    }
}
