/// Where each trained quantity stands in the one block that holds them all, so the optimiser is one loop.
///
/// The subcomponents come first, the gates after them.
struct ParameterLayout {
    /// One module's places.
    struct Module {
        /// V (inputs, C).
        let v: Int
        /// U (C, outputs).
        let u: Int
        /// The gates' first place; see `gateTensors`.
        let gate: Int
        let inputs: Int
        let outputs: Int
    }

    let modules: [Module]
    let subcomponents: Int
    let neurons: Int
    /// Where the gates begin.
    let gates: Int
    /// All numbers together.
    let count: Int

    init(sizes: [(inputs: Int, outputs: Int)], subcomponents: Int, neurons: Int) {
        var next = 0
        func take(_ count: Int) -> Int {
            defer { next += (count + 15) & ~15 }
            return next
        }
        let places = sizes.map { ($0, take($0.inputs * subcomponents), take(subcomponents * $0.outputs)) }
        gates = next
        let gateCount = neurons == 0 ? 2 * subcomponents : subcomponents * (3 * neurons + 1)
        modules = places.map { size, v, u in
            Module(v: v, u: u, gate: take(gateCount), inputs: size.inputs, outputs: size.outputs)
        }
        self.subcomponents = subcomponents
        self.neurons = neurons
        count = next
    }

    /// The gate tensors of a module: their published names, places and shapes.
    func gateTensors(_ module: Int) -> [(name: String, offset: Int, shape: [Int])] {
        let (first, c, n) = (modules[module].gate, subcomponents, neurons)
        guard n > 0 else { return [("weight", first, [c]), ("bias", first + c, [c])] }
        return [
            ("mlp_in", first, [c, n]), ("in_bias", first + c * n, [c, n]),
            ("mlp_out", first + 2 * c * n, [c, n]), ("out_bias", first + 3 * c * n, [c]),
        ]
    }
}
