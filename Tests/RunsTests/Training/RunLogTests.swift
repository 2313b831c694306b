import Artifacts
import Foundation
import Layout
import TestFiles
import Testing

@testable import Worker

struct RunLogTests {
    @Test func aLogThatCannotBeKeptIsNoticedAndTheRunGoesOn() throws {
        let folder = try TemporaryFolder()
        let run = RunFolder(path: folder.path + "/run")
        try FileManager.default.createDirectory(atPath: run.log, withIntermediateDirectories: true)
        let log = try RunLog(run: "k3j9x0qa", folder: run, isQuiet: true)
        log.say("a line")
        #expect(log.trouble?.path == run.log)
        #expect(
            try RunLog(run: "k3j9x0qa", folder: RunFolder(path: folder.path + "/other"), isQuiet: true).trouble == nil)
    }
}
