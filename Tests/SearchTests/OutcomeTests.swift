import Search
import Testing

@testable import Experiments
@testable import Store
@testable import Worker

/// What a run counts with in its search, by how it stands and by what the sweep file says of it.
struct OutcomeTests {
    private static let statuses: [RunStatus] = [.done, .stopped, .failed, .cancelled, .pending, .running]

    /// What a run of each status counts with that has reached 2, and has logged 3 last.
    private func outcomes(_ impute: Imputation?, running: Imputation? = nil) -> [Trial.Outcome] {
        outcomes(impute, running, Reached(best: 2, latest: 3))
    }

    private func outcomes(_ impute: Imputation?, _ running: Imputation?, _ reached: Reached) -> [Trial.Outcome] {
        let settings = SearchSettings(
            metric: "loss/total", isMaximized: false, choosesConfigs: true, hyperband: nil, target: nil, impute: impute,
            imputeWhileRunning: running)
        return Self.statuses.map { status in
            Searching.outcome(
                of: OpenSpec.Trial(point: [0.5], overrides: "[]", status: status, reached: reached), settings)
        }
    }

    @Test func withoutAWordFailuresAreTheWorstAndEarlyStopsCountAsEndsDo() {
        #expect(outcomes(nil) == [.value(2), .value(2), .failed, .open, .open, .open])
    }

    @Test func imputeSaysWhatCountsOfRunsThatDidNotComeToTheirEnd() {
        #expect(outcomes(.best) == [.value(2), .value(2), .value(2), .value(2), .open, .open])
        #expect(outcomes(.latest) == [.value(2), .value(3), .value(3), .value(3), .open, .open])
        #expect(outcomes(.worst) == [.value(2), .failed, .failed, .failed, .open, .open])
    }

    @Test func imputeWhileRunningSaysWhatCountsOfRunsAtWork() {
        #expect(outcomes(nil, running: .best).suffix(2) == [.value(2), .value(2)])
        #expect(outcomes(nil, running: .latest).suffix(2) == [.value(3), .value(3)])
        #expect(outcomes(nil, running: .worst) == [.value(2), .value(2), .failed, .open, .failed, .failed])
    }

    @Test func aRunWithoutAnyValueIsTheWorstOnceItIsOver() {
        for imputation in [nil, Imputation.best, .latest, .worst] {
            let found = outcomes(imputation, imputation, Reached())
            #expect(found.prefix(3) == [.failed, .failed, .failed], "\(String(describing: imputation))")
            // Who was called off, or is at work, has not had the time to reach anything.
            #expect(found.suffix(3).allSatisfy { $0 == (imputation == .worst ? .failed : .open) })
        }
    }
}
