import Foundation
import TestFiles
import Testing

@testable import Store

struct SearchTests {
    let folder: TemporaryFolder
    let clock = HandClock()
    let store: Store

    init() throws {
        folder = try TemporaryFolder()
        store = try Store(folder.cache, now: clock.now)
    }

    /// A job of specs that a search has left open.
    private func openJob(_ count: Int) throws -> (job: JobID, agent: AgentID) {
        let job = try store.addJob(0)
        #expect(try store.add(open(count), to: job.id) {} == count)
        return (job.id, try store.addAgent(to: job.id))
    }

    private func open(_ count: Int) -> [NewSpec] {
        (0..<count).map { _ in
            var spec = NewSpec(experiment: "tms_5-2", config: "{}", overrides: "[]", target: nil, steps: 10)
            (spec.search, spec.isOpen) = ("a search", true)
            return spec
        }
    }

    private func choice(_ open: OpenSpec) -> ChosenSpec {
        ChosenSpec(
            config: #"{"lr": \#(open.number)}"#, overrides: #"[["lr", "\#(open.number)"]]"#, steps: 20 + open.number,
            point: [Double(open.number) / 10])
    }

    @Test func whoClaimsASpecFirstChoosesItsConfigOnce() throws {
        let (job, agent) = try openJob(2)
        let first = try #require(try store.claimNext(of: job, by: agent, lease: lease, choose: choice))
        #expect(first.spec.config == #"{"lr": 0}"# && first.spec.search == "a search")
        #expect(try store.run(first.run).progress.steps == 20)
        try store.release(first, reason: "test")
        let again = try #require(
            try store.claimNext(of: job, by: agent, lease: lease) {
                Issue.record("it has its config")
                return choice($0)
            })
        #expect(again.spec == first.spec && again.attempt == 2)
    }

    @Test func whatASearchIsStillToChooseIsNull() throws {
        let (job, agent) = try openJob(0)
        let specs = [#"[["lr","null"],["task.p","null"]]"#, "[]"].map { overrides in
            var spec = NewSpec(
                experiment: "a", config: #"{"lr":0.25,"seed":7,"task":{"p":1e-05,"q":true}}"#, overrides: overrides,
                target: nil, steps: 10)
            (spec.search, spec.isOpen) = ("a search", true)
            return spec
        }
        #expect(try store.add(specs, to: job) {} == 2)
        let runs = try store.snapshot(of: job).runs
        #expect(runs.map(\.overrides) == ["[]", "[]"])
        var configs: [String] = []
        try store.forEachConfig(of: job) { configs.append($1) }
        #expect(configs[0] == #"{"lr":null,"seed":7,"task":{"p":null,"q":true}}"#)
        #expect(configs[1] == "{}", "nobody has noted what is searched")
        #expect(try store.specs(of: job).map(\.knownConfig) == configs)
        #expect(try store.spec(of: runs[0].id).knownConfig == configs[0])
        let values = try store.configValues(of: job, ["lr", "seed", "task.p", "task.q"])
        #expect(values[runs[0].id] == [nil, "7", nil, "true"])
        #expect(values[runs[1].id] == [nil, nil, nil, nil])
        let rows = try store.listing(of: job, settings: ["lr", "seed", "task.p", "task.q"]).rows
        #expect(rows.contains(",null,7,null,true]") && rows.hasSuffix(",null,null,null,null]]"), "\(rows)")
        #expect(try store.sweptSettings(of: job) == ["lr", "task.p"])
        let claim = try #require(try store.claimNext(of: job, by: agent, lease: lease, choose: choice))
        #expect(claim.spec.knownConfig == claim.spec.config)
        #expect(try store.configValues(of: job, ["lr"])[claim.run] == ["0"])
        #expect(try store.run(claim.run).overrides == #"[["lr", "0"]]"#)
    }

    @Test func whoCannotChooseClaimsNoOpenSpec() throws {
        let (job, agent) = try openJob(1)
        let error = #expect(throws: StoreError.self) { try store.claimNext(of: job, by: agent, lease: lease) }
        #expect(error.map { "\($0)".contains("its search is to choose its config") } == true)
        #expect(try store.snapshot(of: job).runs.map(\.status) == [.pending])
    }

    @Test func aChoiceThatFailsClaimsNothing() throws {
        struct Trouble: Error {}
        let (job, agent) = try openJob(1)
        #expect(throws: StoreError.self) {
            try store.claimNext(of: job, by: agent, lease: lease) { _ in throw Trouble() }
        }
        #expect(try store.snapshot(of: job).runs.map(\.status) == [.pending])
        #expect(try store.claimNext(of: job, by: agent, lease: lease, choose: choice)?.attempt == 1)
    }

    @Test func laterChoicesSeeWhatEarlierOnesHaveReached() throws {
        let (job, agent) = try openJob(3)
        let first = try #require(try store.claimNext(of: job, by: agent, lease: lease, choose: choice))
        let second = try #require(try store.claimNext(of: job, by: agent, lease: lease, choose: choice))
        try store.complete(first, metrics: [:], reached: Reached(best: 0.25, latest: 0.75))
        try store.settle(second, as: .stopped("stopped early", step: 3, isUnsent: false), reached: Reached(best: 0.5))
        var seen: OpenSpec?
        _ = try store.claimNext(of: job, by: agent, lease: lease) { open in
            seen = open
            return choice(open)
        }
        #expect(seen?.number == 2)
        #expect(seen?.trials.map(\.point) == [[0], [0.1]])
        #expect(seen?.trials.map(\.reached) == [Reached(best: 0.25, latest: 0.75), Reached(best: 0.5)])
        #expect(seen?.trials.map(\.status) == [.done, .stopped])
        let stopped = try store.run(second.run)
        #expect(stopped.status == .stopped && stopped.error == "stopped early" && stopped.progress.step == 3)
    }

    @Test func furtherSpecsOfASearchBelongToIt() throws {
        let (job, agent) = try openJob(1)
        let first = try #require(try store.claimNext(of: job, by: agent, lease: lease, choose: choice))
        try store.complete(first, metrics: [:], reached: Reached(best: 1))
        #expect(try store.add(open(2), to: job) {} == 2)
        var seen: OpenSpec?
        _ = try store.claimNext(of: job, by: agent, lease: lease) { open in
            seen = open
            return choice(open)
        }
        #expect(seen?.number == 1 && seen?.trials.map(\.reached.best) == [1])
    }

    @Test func aBandJudgesARunOnceHoweverOftenItGetsThere() throws {
        let (job, agent) = try openJob(2)
        let first = try #require(try store.claimNext(of: job, by: agent, lease: lease, choose: choice))
        let second = try #require(try store.claimNext(of: job, by: agent, lease: lease, choose: choice))
        func reach(_ claim: Claim, _ value: Double) throws -> Double? {
            try store.reach(claim, band: 3, value: value, judged: value) { $0.min() }
        }
        #expect(try reach(first, 0.5) == nil)
        #expect(try reach(second, 0.7) == 0.5)
        // By now it would be stopped, too.
        #expect(try store.reach(first, band: 3, value: 0.5, judged: 9) { $0.min() } == nil)
        #expect(try store.reach(second, band: 3, value: 0.7, judged: 0) { $0.min() } == 0.5)
        try store.release(first, reason: "test")
        #expect(throws: StoreError.self) { try reach(first, 0.5) }
    }

    @Test func whatRunsAtWorkAndFailedOnesHaveReachedIsSeen() throws {
        let (job, agent) = try openJob(3)
        let first = try #require(try store.claimNext(of: job, by: agent, lease: lease, choose: choice))
        let second = try #require(try store.claimNext(of: job, by: agent, lease: lease, choose: choice))
        try store.renew(
            first, Progress(step: 5, steps: 20, reached: Reached(best: 0.1, latest: 0.3)), lease: lease)
        try store.settle(second, as: .failed("test", retry: false), reached: Reached(best: 0.2, latest: 0.4))
        var seen: OpenSpec?
        _ = try store.claimNext(of: job, by: agent, lease: lease) { open in
            seen = open
            return choice(open)
        }
        #expect(seen?.trials.map(\.reached.best) == [0.1, 0.2])
        #expect(seen?.trials.map(\.reached.latest) == [0.3, 0.4])
    }

    @Test func aRunThatReachesTheTargetEndsWhatHasNotBegun() throws {
        let (job, agent) = try openJob(4)
        let first = try #require(try store.claimNext(of: job, by: agent, lease: lease, choose: choice))
        let begun = try #require(try store.claimNext(of: job, by: agent, lease: lease, choose: choice))
        try store.release(begun, reason: "test")
        let good = Reached(best: 0.1, latest: 0.1, ending: "not begun: test")
        try store.renew(first, Progress(step: 5, steps: 20, reached: good), lease: lease)
        #expect(try store.snapshot(of: job).runs.map(\.status) == [.running, .pending, .stopped, .stopped])
        #expect(try store.snapshot(of: job).runs.map(\.error) == [nil, nil, "not begun: test", "not begun: test"])
        // A run tells it once: what is asked for afterwards is wanted all the same.
        #expect(try store.add(open(1), to: job) {} == 1)
        try store.complete(first, metrics: [:], reached: good)
        #expect(try store.snapshot(of: job).runs.map(\.status) == [.done, .pending, .stopped, .stopped, .pending])
        let again = try #require(try store.claimNext(of: job, by: agent, lease: lease, choose: choice))
        #expect(again.run == begun.run)
        try store.complete(again, metrics: [:], reached: good)
        #expect(try store.snapshot(of: job).counts[.stopped] == 3)
        #expect(try store.snapshot(of: job).counts[.pending] == 0)
    }

    @Test func whatATargetHasKeptFromBeginningIsRunOnceItIsNamed() throws {
        let (job, agent) = try openJob(3)
        let first = try #require(try store.claimNext(of: job, by: agent, lease: lease, choose: choice))
        let good = Reached(best: 0.1, latest: 0.1, ending: "not begun: test")
        try store.complete(first, metrics: [:], reached: good)
        let runs = try store.snapshot(of: job).runs.map(\.id)
        #expect(try store.retry(job, [.failed, .cancelled]) == 0, "nobody has asked for them")
        try store.retry([runs[1]], of: job)
        #expect(try store.snapshot(of: job).runs.map(\.status) == [.done, .pending, .stopped])
        let second = try #require(try store.claimNext(of: job, by: agent, lease: lease, choose: choice))
        #expect(second.run == runs[1])
        let settled = try store.settle(
            second, as: .stopped("by its band", step: 3, metrics: ["loss/total": 0.125], isUnsent: false))
        #expect(try store.run(second.run).metrics == ["loss/total": 0.125], "of its last row, not of a heartbeat")
        #expect(settled.status == .stopped)
        #expect(throws: StoreError.notRetryable(runs[1], .stopped)) { try store.retry([runs[1]], of: job) }
    }

    @Test func aTargetEndsItsOwnSearchOnly() throws {
        let (job, agent) = try openJob(2)
        let other = open(1).map { spec in
            var spec = spec
            spec.search = "another search"
            return spec
        }
        #expect(try store.add(other, to: job) {} == 1)
        let first = try #require(try store.claimNext(of: job, by: agent, lease: lease, choose: choice))
        try store.complete(first, metrics: [:], reached: Reached(best: 0.1, ending: "enough"))
        #expect(try store.snapshot(of: job).runs.map(\.status) == [.done, .stopped, .pending])
    }
}
