import Foundation
import Search

/// Functions on which searches are compared: of a point of the unit cube, low values being better.
struct StandardFunction: Sendable {
    let name: String
    let dimensions: [SearchDimension]
    /// How many points a search may ask for.
    let budget: Int
    let minimum: Double
    let value: @Sendable ([Double]) -> Double

    static let all = [branin, hartmann, mixed]

    /// Branin, 1972: two numbers, three minima.
    static let branin = StandardFunction(
        name: "branin", dimensions: [.number, .number], budget: 30, minimum: 0.397887
    ) { point in
        let (x, y) = (15 * point[0] - 5, 15 * point[1])
        let curve = y - 5.1 / (4 * Double.pi * Double.pi) * x * x + 5 / Double.pi * x - 6
        return curve * curve + 10 * (1 - 1 / (8 * Double.pi)) * cos(x) + 10
    }

    /// Hartman, 1973: six numbers.
    static let hartmann = StandardFunction(
        name: "hartmann6", dimensions: Array(repeating: .number, count: 6), budget: 50, minimum: -3.32237
    ) { point in
        let a: [[Double]] = [
            [10, 3, 17, 3.5, 1.7, 8], [0.05, 10, 17, 0.1, 8, 14], [3, 3.5, 1.7, 10, 17, 8], [17, 8, 0.05, 10, 0.1, 14],
        ]
        let p: [[Double]] = [
            [0.1312, 0.1696, 0.5569, 0.0124, 0.8283, 0.5886], [0.2329, 0.4135, 0.8307, 0.3736, 0.1004, 0.9991],
            [0.2348, 0.1451, 0.3522, 0.2883, 0.3047, 0.6650], [0.4047, 0.8828, 0.8732, 0.5743, 0.1091, 0.0381],
        ]
        let weights = [1.0, 1.2, 3.0, 3.2]
        var sum = 0.0
        for term in weights.indices {
            var exponent = 0.0
            for place in point.indices {
                let difference = point[place] - p[term][place]
                exponent += a[term][place] * difference * difference
            }
            sum -= weights[term] * exp(-exponent)
        }
        return sum
    }

    /// A number, a whole number and a choice, as in a sweep: of a rate, a width and a schedule.
    static let mixed = StandardFunction(
        name: "mixed", dimensions: [.number, .ordered(60), .choice(4)], budget: 35, minimum: 0
    ) { point in
        let choice = Int(point[2] * 4)
        let (whole, centre) = (Double(Int(point[1] * 60)), [0.2, 0.7, 0.45, 0.9][choice])
        let number = 4 * (point[0] - centre)
        let schedule = [0.6, 0.0, 0.3, 1.0][choice]
        let width = (whole - 37) * (whole - 37) / 300
        return number * number + width + schedule + 0.2 * (1 - cos(9 * number))
    }

    /// What is left to the minimum after a search of the budget with a seed.
    func regret(seed: Int) -> Double {
        let search = BayesianSearch(
            dimensions, streams: dimensions.indices.map { "\(name) \($0)" }, seed: seed)
        var trials: [Trial] = []
        var best = Double.infinity
        for number in 0..<budget {
            let point = search.candidates(number, after: trials)[0]
            let result = value(point)
            best = min(best, result)
            trials.append(Trial(point, .value(result)))
        }
        return best - minimum
    }
}
