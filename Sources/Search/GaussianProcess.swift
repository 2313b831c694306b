/// A Gaussian process over the points of a search: a Matérn kernel with ν = 5/2 and a length for each dimension.
///
/// From: Rasmussen and Williams, Gaussian Processes for Machine Learning, 2006, equations 2.25, 2.26, 4.17.
///
/// Values are expected to have mean 0 and deviation 1. Everything is computed one number after another, with
/// `Elementary`'s functions, so the same points give the same bits on every machine.
struct GaussianProcess {
    /// The settings to which the kernel is fitted.
    struct Settings: Equatable {
        /// One for each dimension, in units of its range.
        var lengths: [Double]
        /// The noise's variance, as a share of the values'.
        var noise: Double
    }

    let dimensions: [SearchDimension]
    let settings: Settings
    private let points: [[Double]]
    /// The Cholesky factor's rows, the diagonal last.
    private let factor: [[Double]]
    /// The inverse covariance times the values.
    private let weights: [Double]
    /// The variance that fits the values best, with this kernel.
    private let variance: Double
    /// The logarithm of the values' likelihood, without its constant.
    let likelihood: Double

    /// A process with fixed settings; nil if the covariance cannot be factored.
    init?(_ dimensions: [SearchDimension], points: [[Double]], values: [Double], _ settings: Settings) {
        self.dimensions = dimensions
        self.settings = settings
        self.points = points
        var rows: [[Double]] = []
        rows.reserveCapacity(points.count)
        var logDeterminant = 0.0
        for i in points.indices {
            var row = [Double](repeating: 0, count: i + 1)
            for j in 0...i {
                var sum =
                    i == j
                    ? 1 + settings.noise : Self.correlation(dimensions, points[i], points[j], settings.lengths)
                let other = j == i ? row : rows[j]
                for k in 0..<j { sum -= row[k] * other[k] }
                if i == j {
                    guard sum > 1e-14 else { return nil }
                    row[j] = sum.squareRoot()
                    logDeterminant += 2 * Elementary.log(row[j])
                } else {
                    row[j] = sum / other[j]
                }
            }
            rows.append(row)
        }
        factor = rows
        let half = Self.solve(rows, values)
        var weights = half
        for i in rows.indices.reversed() {
            weights[i] /= rows[i][i]
            for j in 0..<i { weights[j] -= rows[i][j] * weights[i] }
        }
        self.weights = weights
        let count = Double(values.count)
        variance = max(half.reduce(0) { $0 + $1 * $1 } / count, 1e-12)
        likelihood = -0.5 * (count * Elementary.log(variance) + logDeterminant)
    }

    /// The mean and the deviation of the value at a point.
    func prediction(at point: [Double]) -> (mean: Double, deviation: Double) {
        let covariances = points.map { Self.correlation(dimensions, $0, point, settings.lengths) }
        let mean = zip(covariances, weights).reduce(0) { $0 + $1.0 * $1.1 }
        let half = Self.solve(factor, covariances)
        let explained = half.reduce(0) { $0 + $1 * $1 }
        return (mean, (variance * max(1 - explained, 1e-12)).squareRoot())
    }

    /// The factor's inverse times a vector.
    private static func solve(_ factor: [[Double]], _ vector: [Double]) -> [Double] {
        var solution = vector
        for i in factor.indices {
            factor[i].withUnsafeBufferPointer { row in
                var sum = solution[i]
                for j in 0..<i { sum -= row[j] * solution[j] }
                solution[i] = sum / row[i]
            }
        }
        return solution
    }

    private static func correlation(
        _ dimensions: [SearchDimension], _ a: [Double], _ b: [Double], _ lengths: [Double]
    ) -> Double {
        var squares = 0.0
        for index in dimensions.indices {
            var difference = a[index] - b[index]
            // Values without an order are all equally far from each other.
            if case .choice = dimensions[index] { difference = difference == 0 ? 0 : 1 }
            let scaled = difference / lengths[index]
            squares += scaled * scaled
        }
        let distance = (5 * squares).squareRoot()
        guard distance < 700 else { return 0 }
        return (1 + distance + distance * distance / 3) * Elementary.exp(-distance)
    }
}

extension GaussianProcess {
    /// The process that makes the values likeliest, found by changing one setting after another.
    static func fitted(_ dimensions: [SearchDimension], points: [[Double]], values: [Double]) -> GaussianProcess? {
        var best: GaussianProcess?
        func consider(_ settings: Settings) {
            guard let candidate = GaussianProcess(dimensions, points: points, values: values, settings) else { return }
            if candidate.score > best?.score ?? -.infinity { best = candidate }
        }
        for length in [0.1, 0.3, 1, 3] {
            for noise in [1e-6, 1e-2] {
                consider(Settings(lengths: dimensions.map { _ in length }, noise: noise))
            }
        }
        for factor in [3, 3, 1.7, 1.3] {
            guard let start = best?.settings else { return nil }
            for index in dimensions.indices {
                for change in [factor, 1 / factor] {
                    guard var settings = best?.settings else { continue }
                    settings.lengths[index] = min(max(settings.lengths[index] * change, 0.02), 30)
                    consider(settings)
                }
            }
            for change in [10, 0.1] {
                guard var settings = best?.settings else { continue }
                settings.noise = min(max(settings.noise * change, 1e-8), 1)
                consider(settings)
            }
            if best?.settings == start, factor < 1.5 { break }
        }
        return best
    }

    /// The likelihood with a mild preference for lengths near half the range: few points say little about them.
    private var score: Double {
        settings.lengths.reduce(likelihood) { sum, length in
            let distance = Elementary.log(length / 0.5)
            return sum - distance * distance / 8
        }
    }
}
