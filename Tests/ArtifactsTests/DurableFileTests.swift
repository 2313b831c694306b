import Foundation
import Glibc
import TestFiles
import Testing

@testable import Artifacts

@Suite struct DurableFileTests {
    private func message(
        sourceLocation: SourceLocation = #_sourceLocation, _ body: () throws -> Void
    ) -> String {
        #expect(throws: FileError.self, sourceLocation: sourceLocation, performing: body)?.description ?? ""
    }

    @Test func aFileIsReplacedWhole() throws {
        let folder = try TemporaryFolder()
        try DurableFile.write("first", to: folder("file"))
        try DurableFile.write("second, longer", to: folder("file"))
        #expect(try DurableFile.read(folder("file"), limit: 100) == Array("second, longer".utf8))
        try DurableFile.write([], to: folder("file"))
        #expect(try DurableFile.read(folder("file"), limit: 0) == [])
        let large = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        try DurableFile.write(large, to: folder("file"))
        #expect(try DurableFile.read(folder("file"), limit: large.count) == large)
        #expect(try folder.names == ["file"])
    }

    @Test func aFileThatOthersMayNotReadIsTheirsAtNoMoment() throws {
        let folder = try TemporaryFolder()
        try DurableFile.write("open", to: folder("file"), flush: .nothing)
        try DurableFile.write("secret", to: folder("file"), mode: 0o600, flush: .nothing)
        var info = stat()
        #expect(stat(folder("file"), &info) == 0)
        #expect(info.st_mode & 0o777 == 0o600)
        #expect(try DurableFile.read(folder("file"), limit: 100) == Array("secret".utf8))
    }

    @Test func errorsCarryTheSystemsNumber() throws {
        let folder = try TemporaryFolder()
        let error = #expect(throws: FileError.self) { try DurableFile.read(folder("none"), limit: 1) }
        #expect(error?.code == ENOENT)
        #expect(FileError(.write, "x", code: ENOSPC).isOutOfRoom)
        #expect(FileError(.write, "x", reason: "No space left on device").code == nil)
    }

    @Test(arguments: [false, true]) func whatIsAppendedToAFileWithOtherNamesDoesNotReachThem(isLink: Bool) throws {
        let folder = try TemporaryFolder()
        try DurableFile.write("one\n", to: folder("original"))
        let made = isLink ? symlink("original", folder("copy")) : link(folder("original"), folder("copy"))
        #expect(made == 0)
        for line in ["two\n", "three\n"] {
            let descriptor = try DurableFile.openToAppend(folder("copy"))
            #expect(write(descriptor, line, line.utf8.count) == line.utf8.count)
            close(descriptor)
        }
        #expect(try DurableFile.read(folder("original"), limit: 100) == Array("one\n".utf8))
        #expect(try DurableFile.read(folder("copy"), limit: 100) == Array("one\ntwo\nthree\n".utf8))
        #expect(try Set(folder.names) == ["original", "copy"])
        let text = message { _ = try DurableFile.openToAppend(folder("none/copy")) }
        #expect(text.contains("none/copy"), "\(text)")
    }

    @Test func whatKilledWritersLeftOfTheSameFilesIsRemoved() throws {
        let folder = try TemporaryFolder()
        let left = ["a.b.png.123-456.tmp", "other.png.123-456.tmp", "a.b.png.123-457.tmp", "a.b.png.tmp.txt"]
        for name in left { try DurableFile.write("half", to: folder(name)) }
        var times = [timespec(tv_sec: 1_000_000, tv_nsec: 0), timespec(tv_sec: 1_000_000, tv_nsec: 0)]
        for name in left where name != left[2] { utimensat(AT_FDCWD, folder(name), &times, 0) }

        DurableFile.removeUnfinished(of: ["a.b.png"], in: folder.path)

        // The third may still be written.
        #expect(try Set(folder.names) == Set(left.dropFirst()))
    }

    @Test func readersSeeTheOldFileOrTheNewOne() async throws {
        let folder = try TemporaryFolder()
        let path = folder("file")
        let versions = [[UInt8](repeating: 1, count: 70_000), [UInt8](repeating: 2, count: 30_000)]
        try DurableFile.write(versions[0], to: path)
        let writer = Task.detached {
            for turn in 0..<30 { try DurableFile.write(versions[turn % 2], to: path) }
        }
        var seen: Set<[UInt8]> = []
        for _ in 0..<60 {
            seen.insert(try DurableFile.read(path, limit: 1 << 20))
            await Task.yield()
        }
        try await writer.value
        #expect(seen.isSubset(of: versions))
        #expect(try folder.names == ["file"])
    }

    @Test func twoWritersAtOnceDoNotMeet() async throws {
        let folder = try TemporaryFolder()
        let path = folder("file")
        try await withThrowingTaskGroup { group in
            for writer in 0..<8 {
                group.addTask {
                    try DurableFile.write([UInt8](repeating: UInt8(writer), count: 50_000), to: path)
                }
            }
            try await group.waitForAll()
        }
        let bytes = try DurableFile.read(path, limit: 50_000)
        #expect(bytes.count == 50_000 && Set(bytes).count == 1)
        #expect(try folder.names == ["file"])
    }

    @Test func aFileInTheWorkingFolderNeedsNoPath() throws {
        let name = "durable-\(UUID().uuidString)"
        defer { unlink(name) }
        try DurableFile.write("here", to: name)
        #expect(try DurableFile.read(name, limit: 4) == Array("here".utf8))
    }

    @Test func aPlaceThatCannotHoldAFileIsNamed() throws {
        let folder = try TemporaryFolder()
        #expect(
            message { try DurableFile.write("x", to: folder("none/file")) }
                == "cannot create \(folder("none/file")): No such file or directory")
        try DurableFile.write("x", to: folder("file"))
        #expect(
            message { try DurableFile.write("x", to: folder("file/below")) }
                == "cannot create \(folder("file/below")): Not a directory")
        try DurableFile.createFolder(folder("folder"))
        #expect(
            message { try DurableFile.write("x", to: folder("folder")) }
                == "cannot write \(folder("folder")): Is a directory")
        #expect(try folder.names == ["file", "folder"])
    }

    @Test func whatCannotBeReadIsNamed() throws {
        let folder = try TemporaryFolder()
        #expect(
            message { _ = try DurableFile.read(folder("none"), limit: 1) }
                == "cannot read \(folder("none")): No such file or directory")
        #expect(
            message { _ = try DurableFile.read(folder.path, limit: 1) }
                == "cannot read \(folder.path): it is not a regular file")
        #expect(mkfifo(folder("pipe"), 0o600) == 0)
        #expect(
            message { _ = try DurableFile.read(folder("pipe"), limit: 1) }
                == "cannot read \(folder("pipe")): it is not a regular file")
    }

    @Test func foldersAreCreatedWithThoseAboveThem() throws {
        let folder = try TemporaryFolder()
        try DurableFile.createFolder(folder("a/b/c"))
        try DurableFile.createFolder(folder("a/b/c"))
        try DurableFile.createFolder(folder("a/b/d/"))
        try DurableFile.createFolder("/")
        try DurableFile.write("x", to: folder("a/b/c/file"))
        #expect(
            message { try DurableFile.createFolder(folder("a/b/c/file")) }
                == "cannot create \(folder("a/b/c/file")): File exists")
        #expect(
            message { try DurableFile.createFolder(folder("a/b/c/file/below")) }
                == "cannot create \(folder("a/b/c/file/below")): Not a directory")
    }

    // MARK: In a process of its own

    /// Root may write anywhere, so a child process becomes nobody.
    @Test func anUnwritableFolderIsNamedAndItsFileStays() async {
        await #expect(processExitsWith: .success) {
            let folder = try TemporaryFolder()
            try DurableFile.write("old", to: folder("file"))
            chmod(folder.path, 0o555)
            if geteuid() == 0 { #expect(setegid(65534) == 0 && seteuid(65534) == 0) }
            let error = #expect(throws: FileError.self) { try DurableFile.write("new", to: folder("file")) }
            #expect(
                error?.description == """
                    cannot create \(folder("file")): Permission denied; check its permissions or choose another \
                    folder (of the cache: SPD_CACHE_DIR)
                    """)
            #expect(try DurableFile.read(folder("file"), limit: 10) == Array("old".utf8))
            #expect(throws: FileError.self) { try DurableFile.createFolder(folder("below/it")) }
            if getuid() == 0 { #expect(seteuid(0) == 0) }
            chmod(folder.path, 0o755)
            #expect(try folder.names == ["file"])
        }
    }

    /// The limit on a file's size stops a write in the middle, as a full disk does.
    @Test func aWriteThatBreaksOffLeavesTheOldFileAndNothingElse() async {
        await #expect(processExitsWith: .success) {
            let folder = try TemporaryFolder()
            try DurableFile.write("old", to: folder("file"))
            signal(SIGXFSZ, SIG_IGN)
            var limit = rlimit(rlim_cur: 10_000, rlim_max: 10_000)
            #expect(setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit) == 0)
            let error = #expect(throws: FileError.self) {
                try DurableFile.write([UInt8](repeating: 1, count: 100_000), to: folder("file"))
            }
            #expect(error?.description == "cannot write \(folder("file")): File too large")
            #expect(try DurableFile.read(folder("file"), limit: 10) == Array("old".utf8))
            #expect(try folder.names == ["file"])
        }
    }

    static let canMount = geteuid() == 0 && mounts()

    private static func mounts() -> Bool {
        guard let folder = try? TemporaryFolder(), mount("none", folder.path, "tmpfs", 0, "size=4k") == 0
        else {
            return false
        }
        return umount(folder.path) == 0
    }

    @Test(.enabled(if: canMount, "only root can mount a small file system to fill it up"))
    func aFullDiskLeavesTheOldFileAndSaysWhatToDo() throws {
        let folder = try TemporaryFolder()
        try #require(mount("none", folder.path, "tmpfs", 0, "size=64k") == 0)
        defer { umount(folder.path) }
        try DurableFile.write("old", to: folder("file"))
        #expect(
            message { try DurableFile.write([UInt8](repeating: 1, count: 100_000), to: folder("file")) }
                == """
                cannot write \(folder("file")): No space left on device; free some space or choose another \
                folder (of the cache: SPD_CACHE_DIR)
                """)
        #expect(try DurableFile.read(folder("file"), limit: 10) == Array("old".utf8))
        #expect(try folder.names == ["file"])
        try DurableFile.write([UInt8](repeating: 1, count: 20_000), to: folder("file"))
    }
}
