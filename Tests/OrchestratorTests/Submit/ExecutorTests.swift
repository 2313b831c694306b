import Slurm
import Store
import Testing

@testable import Orchestration
@testable import Orchestrator

/// Where agents start when nobody says where.
struct ExecutorTests {
    let bench: Workbench

    init() throws { bench = try Workbench() }

    private func choose(
        _ option: ExecutorOption = .auto, isSlurmExpected: Bool = false, patience: Duration = .milliseconds(200)
    ) async throws -> Executor {
        try await Executor.choose(
            option, slurm: SlurmCommands(environment: ["PATH": bench.path + "/bin"]), isSlurmExpected: isSlurmExpected,
            patience: patience)
    }

    private func addCommands(ping: String) throws {
        _ = try bench.writeProgram("exit 0", to: "bin/sbatch")
        _ = try bench.writeProgram(ping, to: "bin/scontrol")
    }

    @Test func withoutSbatchTheyStartHere() async throws {
        #expect(try await choose().kind == .local)
    }

    @Test func aControllerThatIsDownIsNoReasonToStartThemOnALoginNode() async throws {
        try addCommands(ping: "echo 'Slurmctld(primary) at head is DOWN'; exit 1")
        do {
            _ = try await choose()
            Issue.record("agents would start here")
        } catch let error as Failure {
            #expect(error.exitCode == 1)
            #expect(error.message.contains("head is DOWN"))
            #expect(error.message.contains("--executor local"))
        }
        #expect(try await choose(.local).kind == .local)
    }

    @Test func aControllerThatRestartsIsWaitedFor() async throws {
        let folder = bench.path
        try addCommands(ping: "exit 1")
        _ = try bench.writeProgram(
            "[ -e \(folder)/up ] && echo 'Slurmctld(primary) at head is UP' || touch \(folder)/up", to: "bin/scontrol")
        #expect(try await choose(patience: .seconds(8)).kind == .slurm)
    }

    @Test func sbatchWithoutAConfigurationMeansHereUnlessSlurmIsSpokenOf() async throws {
        try addCommands(ping: "echo 'scontrol: fatal: Could not establish a configuration source' >&2; exit 1")
        #expect(try await choose().kind == .local)
        await #expect(throws: Failure.self) { try await choose(isSlurmExpected: true) }
        await #expect(throws: Failure.self) { try await choose(.slurm) }
    }
}
