public import Kernels

/// A module's subcomponents: rank-one matrices V_c U_c (inputs, outputs).
public struct RankOneMatrices: Equatable, Sendable {
    /// V (inputs, C).
    public let v: Tensor
    /// U (C, outputs).
    public let u: Tensor

    /// Joins a module's matrices.
    ///
    /// - Precondition: both have two dimensions and the same C.
    public init(v: Tensor, u: Tensor) {
        precondition(v.shape.count == 2 && u.shape.count == 2 && v.shape[1] == u.shape[0], "\(v.shape), \(u.shape)")
        (self.v, self.u) = (v, u)
    }

    /// Those of a module in a decomposition's trained tensors; nil if it is not decomposed.
    public init?(of module: String, in tensors: StateDict) {
        guard let v = tensors["components.\(module).V"], let u = tensors["components.\(module).U"] else { return nil }
        self.init(v: v, u: u)
    }

    /// C.
    public var count: Int { v.shape[1] }
    /// The rows of each matrix.
    public var inputs: Int { v.shape[0] }
    /// The columns of each matrix.
    public var outputs: Int { u.shape[1] }

    /// The sum of all (inputs, outputs): the module's weight, transposed.
    public var sum: Tensor { v.times(u) }

    /// One of them (inputs, outputs).
    public subscript(component: Int) -> Tensor {
        let row = u.values[component * outputs..<(component + 1) * outputs]
        return Tensor(
            shape: [inputs, outputs],
            values: (0..<inputs).flatMap { input in row.map { v.values[input * count + component] * $0 } })
    }

    /// All of them (C, inputs, outputs).
    public var all: Tensor {
        Tensor(shape: [count, inputs, outputs], values: (0..<count).flatMap { self[$0].values })
    }

    /// Their Frobenius norms ‖V_c‖ ‖U_c‖.
    public var norms: [Double] {
        (0..<count).map { component in
            let v = (0..<inputs).reduce(0.0) { $0 + square(self.v.values[$1 * count + component]) }
            let u = (0..<outputs).reduce(0.0) { $0 + square(self.u.values[component * outputs + $1]) }
            return (v * u).squareRoot()
        }
    }

    private func square(_ value: Float) -> Double { Double(value) * Double(value) }
}

extension [Double] {
    /// The indices, those of the largest values first; of equal ones the first.
    public var fallingOrder: [Int] { indices.sorted { (self[$1], $0) < (self[$0], $1) } }
}
