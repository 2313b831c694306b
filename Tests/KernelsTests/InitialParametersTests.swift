import Testing

@testable import Kernels

@Suite struct InitialParametersTests {
    private func initial(_ scene: Scene, seed: Int = 3) throws -> (StateDict, [TargetModule]) {
        let decomposition = try FeatureDecomposition.example(scene, seed: seed, batchSize: 2)
        return (decomposition.trainedTensors, decomposition.modules)
    }

    @Test(arguments: [
        Scene(network: .tms(features: 7, hidden: 4, layers: 1), subcomponents: 20),
        Scene(network: .tms(features: 7, hidden: 4, tied: true), patterns: ["linear1"], subcomponents: 20),
        Scene(network: .mlp(features: 5, width: 3, neurons: 6, layers: 2), subcomponents: 20),
    ])
    func columnsOfVHaveUnitNormAndRowsOfUTheirOverlapWithW(scene: Scene) throws {
        let (tensors, modules) = try initial(scene)
        for module in modules {
            let w = Matrix(module.weight)
            let v = Matrix(try #require(tensors["components.\(module.name).V"]))
            let u = Matrix(try #require(tensors["components.\(module.name).U"]))
            let uw = u * w
            for c in 0..<scene.subcomponents {
                let column = (0..<v.rows).reduce(0) { $0 + v[$1, c] * v[$1, c] }
                #expect(abs(column - 1) < 1e-5)
                // U_c = (û W v) û, so that its squared norm is U_c W V_c.
                let row = (0..<u.columns).reduce(0) { $0 + u[c, $1] * u[c, $1] }
                let overlap = (0..<v.rows).reduce(0) { $0 + uw[c, $1] * v[$1, c] }
                #expect(abs(row - overlap) < 1e-5 * max(row, 0.1))
                #expect(row > 0)
            }
        }
    }

    @Test func tiedModulesStartTransposed() throws {
        let (tensors, _) = try initial(Scene(network: .tms(tied: true), subcomponents: 6))
        #expect(tensors["components.linear2.V"] == tensors["components.linear1.U"]?.transposed)
        #expect(tensors["components.linear2.U"] == tensors["components.linear1.V"]?.transposed)
    }

    @Test func tiedModulesStayTransposedWhileTheirGatesPart() throws {
        let decomposition = try FeatureDecomposition.example(
            Scene(network: .tms(layers: 1, tied: true)), seed: 3, batchSize: 10)
        for _ in 0..<20 { try decomposition.advance(reporting: false) }
        let tensors = decomposition.trainedTensors
        #expect(tensors["components.linear2.V"] == tensors["components.linear1.U"]?.transposed)
        #expect(tensors["components.linear2.U"] == tensors["components.linear1.V"]?.transposed)
        #expect(tensors["gates.linear2.mlp_in"] != tensors["gates.linear1.mlp_in"])
    }

    @Test func gatesStartWithTheirSpreadAndWithoutBiases() throws {
        let (tensors, _) = try initial(Scene(network: .tms(), gateNeurons: 16, subcomponents: 300))
        func numbers(_ name: String) throws -> [Double] {
            try #require(tensors["gates.linear1." + name]).values.map(Double.init)
        }
        #expect(try abs(mean(numbers("mlp_in"))) < 0.1 && abs(variance(numbers("mlp_in")) - 2) < 0.2)
        #expect(try abs(mean(numbers("mlp_out"))) < 0.02)
        #expect(try abs(variance(numbers("mlp_out")) - 1 / 16.0) < 0.006)
        #expect(try abs(correlation(numbers("mlp_in"), numbers("mlp_out"))) < 0.07)
        #expect(try numbers("in_bias").allSatisfy { $0 == 0 } && numbers("out_bias").allSatisfy { $0 == 0 })

        let (linear, _) = try initial(Scene(network: .tms(), gateNeurons: 0, subcomponents: 3000))
        let weight = try #require(linear["gates.linear2.weight"]).values.map(Double.init)
        #expect(abs(mean(weight)) < 0.1 && abs(variance(weight) - 1) < 0.15)
        #expect(try #require(linear["gates.linear2.bias"]).values.allSatisfy { $0 == 0 })
    }

    @Test func modulesStartDifferently() throws {
        let scene = Scene(network: .tms(features: 3, hidden: 3, layers: 2), subcomponents: 4)
        let (tensors, _) = try initial(scene)
        let names = ["linear1", "hidden_layers.0", "hidden_layers.1", "linear2"]
        for letter in ["V", "U"] {
            #expect(Set(names.map { tensors["components.\($0).\(letter)"]?.values }).count == 4)
        }
        #expect(Set(names.map { tensors["gates.\($0).mlp_in"]?.values }).count == 4)
        let (others, _) = try initial(scene, seed: 4)
        #expect(others["gates.linear1.mlp_in"] != tensors["gates.linear1.mlp_in"])
    }
}
