import TestFiles
import Testing

@testable import Artifacts

@Suite struct FileLockTests {
    @Test func onlyOneHoldsALock() throws {
        let folder = try TemporaryFolder()
        let first = try #require(try FileLock(path: folder("lock")))
        #expect(try FileLock(path: folder("lock")) == nil)
        let other = try #require(try FileLock(path: folder("other")))
        first.release()
        let second = try #require(try FileLock(path: folder("lock")))
        #expect(try FileLock(path: folder("lock")) == nil)
        second.release()
        other.release()
    }

    @Test func aLockThatCannotBeMadeIsNamed() throws {
        let folder = try TemporaryFolder()
        let error = #expect(throws: FileError.self) { try FileLock(path: folder("none/lock")) }
        #expect(error?.description == "cannot create \(folder("none/lock")): No such file or directory")
    }
}
