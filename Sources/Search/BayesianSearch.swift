/// Chooses points one after another: the first ones at random, each later one where most improvement is expected.
///
/// What a Gaussian process expects counts, beyond the best value so far. From: Donald Jones, Matthias Schonlau, William
/// Welch, Efficient Global Optimization of Expensive Black-Box Functions, 1998, equation 15.
///
/// As Weights & Biases' own search does, points that are still at work count with the value that the process expects of
/// them, failed ones with the worst value there is. What is chosen is a function of the seed and of the trials alone.
package struct BayesianSearch: Sendable {
    package let dimensions: [SearchDimension]
    private let numbers: SeededNumbers
    /// The names of the dimensions' streams of random numbers.
    private let streams: [String]

    /// The most points that a process is fitted to: time grows with their third power.
    private static let mostPoints = 120
    /// Values further above the lowest than this many times the median count as less far; a process bends what it fits
    /// where the values of all are bent, and finds minima of curved valleys later.
    private static let ordinaryRange = 30.0

    package init(_ dimensions: [SearchDimension], streams: [String], seed: Int) {
        self.dimensions = dimensions
        self.streams = streams
        numbers = SeededNumbers(seed: seed)
    }

    /// How many points are drawn at random before any is chosen.
    package static func warmUp(dimensions: Int) -> Int { max(4, min(2 * dimensions + 1, 10)) }

    /// Points worth trying, best first.
    ///
    /// - Parameters:
    ///   - number: The place of the point to be among all of the search, from 0.
    ///   - trials: The points that there are, in their order.
    /// - Returns: Points; several, for not all may be allowed.
    package func candidates(_ number: Int, after trials: [Trial]) -> [[Double]] {
        let drawn = (0..<64).map { random(number, round: $0) }
        let known = trials.filter { if case .value(let value) = $0.outcome { value.isFinite } else { false } }
        guard trials.count >= Self.warmUp(dimensions: dimensions.count { !$0.isFixed }), known.count >= 2,
            let (process, best) = process(of: trials)
        else { return drawn }
        var pool = (0..<500).map { random(number, round: $0 + 100) }.map { (point: $0, gain: gain(process, best, $0)) }
        let leaders = trials.filter { $0.outcome != .open }.sorted { value($0) < value($1) }.prefix(3).map(\.point)
        for (round, scale) in [0.2, 0.07, 0.02, 0.007, 0.002].enumerated() {
            pool.sort { $0.gain > $1.gain }
            pool.removeLast(max(0, pool.count - 100))
            let centres = (round == 0 ? leaders : []) + pool.prefix(5).map(\.point)
            for (place, centre) in centres.enumerated() {
                for repetition in 0..<20 {
                    let point = near(centre, scale, (number * 8 + place) * 1000 + round * 100 + repetition)
                    pool.append((point, gain(process, best, point)))
                }
            }
        }
        pool.sort { $0.gain > $1.gain }
        return pool.map(\.point) + drawn
    }

    /// The point that a spec gets while nothing is known.
    package func drawn(_ number: Int) -> [Double] { random(number, round: 0) }

    private func random(_ number: Int, round: Int) -> [Double] {
        zip(dimensions, streams).map { dimension, stream in
            dimension.snapped(numbers.uniform(round == 0 ? stream : "\(stream) \(round)", number))
        }
    }

    /// A point near another: every number a little off, now and then another choice.
    private func near(_ centre: [Double], _ scale: Double, _ index: Int) -> [Double] {
        dimensions.indices.map { place in
            let stream = streams[place]
            let turn = numbers.uniform("\(stream) turn", index)
            guard turn < max(0.5, 1 / Double(dimensions.count)) else { return centre[place] }
            let uniform = numbers.uniform("\(stream) near", index)
            switch dimensions[place] {
            case .number: return dimensions[place].snapped(centre[place] + scale * Elementary.normalQuantile(uniform))
            case .ordered(let count):
                let step = max(scale, 0.7 / Double(count))
                return dimensions[place].snapped(centre[place] + step * Elementary.normalQuantile(uniform))
            case .choice: return turn < 0.2 ? dimensions[place].snapped(uniform) : centre[place]
            }
        }
    }

    private func value(_ trial: Trial) -> Double {
        if case .value(let value) = trial.outcome, value.isFinite { value } else { .infinity }
    }

    /// The process over all trials, and the best value in its units.
    private func process(of all: [Trial]) -> (GaussianProcess, best: Double)? {
        var trials = all
        if trials.count > Self.mostPoints {
            // The best ones show where to search, the latest ones where it has searched.
            let best = trials.indices.sorted { (value(trials[$0]), $0) < (value(trials[$1]), $1) }
                .prefix(Self.mostPoints / 2)
            let kept = Set(best).union(trials.indices.suffix(Self.mostPoints / 2))
            trials = trials.indices.filter(kept.contains).map { trials[$0] }
        }
        let finite = trials.map(value).filter(\.isFinite).sorted()
        guard let lowest = finite.first else { return nil }
        let range = max(finite[finite.count / 2] - lowest, 1e-300)
        func warped(_ value: Double) -> Double {
            // Bad runs may end with huge values: how huge says nothing, while differences between good ones matter.
            let excess = min((value - lowest) / range, 1e6) - Self.ordinaryRange
            return Self.ordinaryRange + (excess <= 0 ? excess : Elementary.log(1 + excess))
        }
        let worst = finite.last ?? lowest
        let closed = trials.filter { $0.outcome != .open }
        let values = closed.map { warped(min(value($0), worst)) }
        let mean = values.reduce(0, +) / Double(values.count)
        let deviation = (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count)).squareRoot()
        let unit = deviation > 0 ? deviation : 1
        let scaled = values.map { ($0 - mean) / unit }
        guard let fitted = GaussianProcess.fitted(dimensions, points: closed.map(\.point), values: scaled) else {
            return nil
        }
        let open = trials.filter { $0.outcome == .open }.map(\.point)
        let best = -mean / unit
        guard !open.isEmpty else { return (fitted, best) }
        let expected = open.map { fitted.prediction(at: $0).mean }
        let full = GaussianProcess(
            dimensions, points: closed.map(\.point) + open, values: scaled + expected, fitted.settings)
        return (full ?? fitted, min(best, expected.min() ?? best))
    }

    /// How much better than the best value the process expects a point to be.
    private func gain(_ process: GaussianProcess, _ best: Double, _ point: [Double]) -> Double {
        let (mean, deviation) = process.prediction(at: point)
        let z = (best - mean) / deviation
        return deviation * (z * Elementary.normalShare(below: z) + Elementary.density(z))
    }
}
