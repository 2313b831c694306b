import Kernels

/// Which subcomponents of two decompositions of one module are the same: the pairing with the largest sum of cosines.
public struct SubcomponentMatch: Equatable, Sendable {
    /// Two subcomponents.
    public struct Pair: Equatable, Sendable {
        /// Their indices in the first and in the second decomposition.
        public let first: Int, second: Int
        /// The cosine of their rank-one matrices.
        public let cosine: Double
        /// Their Frobenius norms.
        public let firstNorm: Double, secondNorm: Double
    }

    /// The pairs, by falling norm of the first's.
    public let pairs: [Pair]
    /// Subcomponents whose norm is so small that what they point at is noise; they are in no pair.
    public let firstDead: [Int], secondDead: [Int]
    /// Subcomponents that found no partner because the other has fewer.
    public let firstAlone: [Int], secondAlone: [Int]

    /// What share of the largest norm a subcomponent must have to be matched.
    public static let smallestShare = 0.05

    /// Matches the subcomponents of a module.
    ///
    /// - Precondition: both are of the same inputs and outputs.
    public init(_ first: RankOneMatrices, _ second: RankOneMatrices) {
        precondition(first.inputs == second.inputs && first.outputs == second.outputs, "two different modules")
        let norms = (first.norms, second.norms)
        let (alive, dead) = Self.alive(norms.0)
        let (otherAlive, otherDead) = Self.alive(norms.1)
        // <V_a U_a, V_b U_b> = (V_a · V_b)(U_a · U_b).
        let inputs = first.v.transposed.times(second.v)
        let outputs = first.u.times(second.u.transposed)
        let cosines = alive.map { a in
            otherAlive.map { b in
                let place = a * second.count + b
                return Double(inputs.values[place]) * Double(outputs.values[place]) / (norms.0[a] * norms.1[b])
            }
        }
        let columns = Assignment(costs: cosines.map { $0.map { -$0 } }).columns
        pairs = columns.enumerated().compactMap { row, column in
            column.map {
                Pair(
                    first: alive[row], second: otherAlive[$0], cosine: cosines[row][$0], firstNorm: norms.0[alive[row]],
                    secondNorm: norms.1[otherAlive[$0]])
            }
        }.sorted { ($1.firstNorm, $0.first) < ($0.firstNorm, $1.first) }
        firstAlone = columns.indices.filter { columns[$0] == nil }.map { alive[$0] }
        let taken = Set(columns.compactMap { $0 })
        secondAlone = otherAlive.indices.filter { !taken.contains($0) }.map { otherAlive[$0] }
        (firstDead, secondDead) = (dead, otherDead)
    }

    /// The subcomponents that are large enough to be matched, and the others.
    public static func alive(_ norms: [Double]) -> (alive: [Int], dead: [Int]) {
        let smallest = smallestShare * (norms.max() ?? 0)
        return (
            norms.indices.filter { norms[$0] > 0 && norms[$0] >= smallest },
            norms.indices.filter { !(norms[$0] > 0 && norms[$0] >= smallest) }
        )
    }

    /// The mean cosine of the pairs; not a number without any.
    public var meanCosine: Double { pairs.reduce(0) { $0 + $1.cosine } / Double(pairs.count) }
}
