import Foundation
import Testing

@testable import Orchestration
@testable import Orchestrator

/// Where a command's words can't be written.
struct OutputTests {
    let bench: Workbench

    init() throws { bench = try Workbench() }

    /// Runs a line of shell in which `$0` is a program.
    private func shell(_ line: String, _ program: String = "orchestrator") async throws -> Workbench.Answer {
        try await bench.run("/bin/sh", ["-c", line, Workbench.products + "/" + program])
    }

    @Test(arguments: ["experiments tms_5-2", "list", "--help", "list --help", "--version", "status --json"])
    func outputThatIsNotTakenIsToldAndNoSuccess(arguments: String) async throws {
        let answer = try await shell("\"$0\" \(arguments) > /dev/full")
        #expect(answer.code == 1)
        #expect(answer.error.contains("cannot write standard output: "), "\(answer.error)")
    }

    @Test(arguments: ["--version", "--help", "help agent"], ["> /dev/full", ">&-"])
    func theWorkerSaysSoToo(arguments: String, place: String) async throws {
        let answer = try await shell("\"$0\" \(arguments) \(place)", "worker")
        #expect(answer.code == 1)
        #expect(answer.error.contains("worker: cannot write standard output: "), "\(answer.error)")
    }

    @Test(arguments: ["show k3j9 --json", "submit --experiments nosuch --json", "show --json"])
    func aRefusalKeepsItsExitCodeWhereItsReasonIsNotTaken(arguments: String) async throws {
        let whole = try await shell("\"$0\" \(arguments)")
        #expect(whole.code == 2 && whole.output.contains(#""exit_code" : 2"#), "\(whole.output)")
        let answer = try await shell("\"$0\" \(arguments) > /dev/full")
        #expect(answer.code == 2)
        #expect(answer.error.hasPrefix(whole.error), "\(answer.error)")
        #expect(answer.error.contains("cannot write standard output: "), "\(answer.error)")
    }

    @Test(arguments: ["experiments tms_5-2", "list --json"])
    func aClosedOutputTakesNothingAndIsNoSuccess(arguments: String) async throws {
        let answer = try await shell("\"$0\" \(arguments) >&-")
        #expect(answer.code == 1)
        #expect(answer.error == "orchestrator: cannot write standard output: Bad file descriptor\n")
    }

    @Test func aClosedPipeStaysQuiet() async throws {
        let answer = try await shell("\"$0\" experiments tms_5-2 | true")
        #expect(answer.error == "" && answer.output == "")
    }

    @Test(arguments: ["2> /dev/full", "2>&-"]) func errorsThatNobodyReadsAreNoCrash(place: String) async throws {
        #expect(try await shell("\"$0\" bogus \(place)").code == 2)
        #expect(try await shell("\"$0\" --job-id 1 \(place)", "worker").code == 2)
    }

    @Test func whatIsPrintedNeverGoesIntoAFileThatTookTheNumberOfAClosedStream() async throws {
        _ = try bench.write(sixSpecs, to: "sweeps/sweep_params.yaml")
        let answer = try await shell("\"$0\" submit --experiments tms_5-2 --sweep --watch <&- >&- 2>&-")
        #expect(answer.code == 1, "nobody has read what it said")
        #expect(try await bench.status(of: 1).counts.done == 6)
        for file in bench.files() where file.hasSuffix(".lock") {
            #expect(FileManager.default.contents(atPath: bench.cache + "/" + file)?.isEmpty == true, "\(file)")
        }
    }
}
