import Artifacts
import Foundation
import Layout
import Testing

struct AsideTests {
    private let folder = NSTemporaryDirectory() + "spd-aside-" + UUID().uuidString

    private var names: [String] { get throws { try FolderListing.names(in: folder).sorted() } }

    @Test func aFolderAppearsWholeAndItsLockGoes() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let aside = try Aside(in: folder, named: "x")
        try DurableFile.write("1", to: aside.path + "/file")
        #expect(throws: FileError.self, "another would fill the same") { try Aside(in: folder, named: "x") }
        try aside.publish(as: folder + "/place")
        #expect(try names == ["place"])
        aside.discard()
        #expect(try FolderListing.names(in: folder + "/place") == ["file"], "what has its name is kept")
    }

    @Test func aPlaceThatIsTakenIsKeptAndTheFolderStaysItsMakers() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let place = folder + "/place"
        try DurableFile.createFolder(place)
        try DurableFile.write("old", to: place + "/file")
        let aside = try Aside(in: folder, named: "x")
        try DurableFile.write("new", to: aside.path + "/file")
        let error = #expect(throws: FileError.self) { try aside.publish(as: place) }
        #expect(error?.code == ENOTEMPTY || error?.code == EEXIST)
        #expect(try DurableFile.read(place + "/file", limit: 10) == Array("old".utf8))
        #expect(try FileLock(path: Aside.lock(of: aside.path)) == nil)
        aside.discard()
        #expect(try names == ["place"])
    }

    @Test func whoeverHoldsAPlacesLockFillsAnEmptyFolderAndRemovesWhatOthersLeft() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let place = folder + "/place"
        // Of a killed process, of an earlier version, of other places.
        for name in ["place.77.tmp", "place.new", "place2.77.tmp", "place.x.tmp"] {
            try DurableFile.createFolder(folder + "/" + name + "/in")
        }
        let lock = try #require(try FileLock(path: Aside.lock(of: place)))
        try Aside.removeUnfinished(of: place)
        #expect(try names == ["place.lock", "place.x.tmp", "place2.77.tmp"])
        let first = try Aside(for: place)
        try DurableFile.write("half", to: first.path + "/file")
        // The same process begins again.
        let second = try Aside(for: place)
        #expect(try FolderListing.names(in: second.path).isEmpty)
        try second.publish(as: place)
        lock.release()
        #expect(try names == ["place", "place.lock", "place.x.tmp", "place2.77.tmp"])
    }
}
