import Foundation
import Testing

@testable import Layout

struct CacheFolderTests {
    private let cache = CacheFolder(path: "/a/cache")

    @Test(arguments: ["/a/cache", "/a/cache/", "//a/./cache", "/a/cache/."])
    func aFolderHasOneSpelling(path: String) {
        #expect(CacheFolder(path: path) == cache)
    }

    @Test func aRelativePathIsTakenFromTheCurrentFolder() {
        #expect(CacheFolder(path: "x/y").path == FileManager.default.currentDirectoryPath + "/x/y")
    }

    @Test func whereAJobOrARunLiesFollowsFromItsName() throws {
        #expect(cache.folder(of: JobID(rawValue: 7)).path == "/a/cache/jobs/7")
        #expect(cache.folder(of: try #require(RunID(rawValue: "k3j9x0qa"))).path == "/a/cache/runs/k3j9x0qa")
    }

    @Test func pathsBelowTheFolderAreKeptRelativeToIt() {
        #expect(cache.relative("/a/cache/targets/copy-12/tms.pth") == "targets/copy-12/tms.pth")
        #expect(cache.absolute("targets/copy-12/tms.pth") == "/a/cache/targets/copy-12/tms.pth")
        #expect(cache.relative("/a/cached/x") == "/a/cached/x")
    }

    @Test(arguments: [
        ("/old/place/targets/copy-12ab", "/a/cache/targets/copy-12ab"),
        ("/old/targets/copy-1/targets/copy-12ab/tms.pth", "/a/cache/targets/copy-12ab/tms.pth"),
        ("/home/me/weights/tms.pth", "/home/me/weights/tms.pth"),
        ("/home/me/copy-3/tms.pth", "/home/me/copy-3/tms.pth"),
    ])
    func anotherCachesCopyOfATargetIsTakenFromThisOne(stored: String, path: String) {
        #expect(cache.absolute(stored) == path)
    }

    @Test func checkpointsAreKnownByTheirNames() {
        #expect(RunFolder.step(ofCheckpoint: "checkpoint_1200.safetensors") == 1200)
        #expect(RunFolder.step(ofCheckpoint: "checkpoint_x.safetensors") == nil)
        #expect(RunFolder.step(ofCheckpoint: "model_1200.safetensors") == nil)
    }
}
