import ArgumentParser
import Experiments
import Orchestration

/// How a sweep's parameters are combined.
struct SweepOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Draw n random samples per experiment instead of every combination; with method: bayes, the number of runs.",
            valueName: "n"))
    var samples: Int?

    @Option(
        name: [.customLong("sweep-seed"), .customLong("sweep_seed")],
        help: ArgumentHelp(
            "The seed of samples and searches; the same seed draws the same samples (default: 0).", valueName: "n"))
    var sweepSeed: Int?

    func validate() throws {
        if let samples, !(1...SweepFile.specLimit).contains(samples) {
            throw ValidationError("--samples is \(samples); it takes 1 to \(SweepFile.specLimit)")
        }
        if let sweepSeed, sweepSeed < 0 { throw ValidationError("--sweep-seed is \(sweepSeed); it takes 0 or more") }
    }

    /// What to draw; `nil` for every combination.
    var sampling: Sampling? { samples.map { Sampling(count: $0, seed: sweepSeed ?? 0) } }

    /// Checks the options against the one that names the file.
    func validate(sweep: String?) throws {
        if samples != nil, sweep == nil {
            throw ValidationError("--samples draws from a sweep file; name it with --sweep")
        }
        if sweepSeed != nil, samples == nil, sweep == nil {
            throw ValidationError("--sweep-seed is the seed of --samples; give --samples N too")
        }
    }
}
