import Artifacts
import Foundation
import JSON
import Runs
import TestFiles
import Testing

@Suite struct WeightsReportTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    /// A small model of two features with three subcomponents, as a run publishes it.
    private func weights(_ name: String, scale: [Float], module: String = "linear1") throws -> PublishedWeights {
        let c = scale.count
        var (v, u) = (Array(repeating: Float(0), count: 2 * c), Array(repeating: Float(0), count: 2 * c))
        for (component, scale) in scale.enumerated() {
            v[component % 2 * c + component] = scale
            u[component * 2 + component % 2] = 1
        }
        let path = folder.path + "/" + name
        try SafeTensors(arrays: [
            "model.linear1.weight": .init(shape: [2, 2], [1, 0, 0, 1] as [Float]),
            "model.linear2.weight": .init(shape: [2, 2], [1, 0, 0, 1] as [Float]),
            "model.linear2.bias": .init(shape: [2], [0, -0.5] as [Float]),
            "components.\(module).V": .init(shape: [2, c], v), "components.\(module).U": .init(shape: [c, 2], u),
            "gates.\(module).out_bias": .init(shape: [c], Array(repeating: Float(0), count: c)),
        ]).write(to: path)
        return try PublishedWeights(path: path)
    }

    @Test func aToyModelsRecoveryIsSummedUp() throws {
        let report = try JSONValue(parsing: WeightsReport.json(weights("a.safetensors", scale: [1, 0.5, 0.001])))
        let numbers = try #require(report["recovery"]?["numbers"]?.elements)
        #expect(numbers.map { $0["key"]?.string } == ["max_cosine", "l2_ratio", "bias"])
        #expect(numbers.map { $0["mean"]?.double } == [1, 0.75, -0.25])
        #expect(report["recovery"]?["left_out"]?.elements == [2])
        #expect(report["recovery"]?["matched"] == 2)
    }

    @Test func twoDecompositionsAreMatched() throws {
        let report = try JSONValue(
            parsing: WeightsReport.json(
                weights("a.safetensors", scale: [1, 2]), weights("b.safetensors", scale: [0.001, 2, 3])))
        let module = try #require(report["modules"]?.elements?.first)
        #expect(report["same_target"] == .bool(true))
        let pairs = try #require(module["pairs"]?.elements)
        #expect(pairs.map { $0["first"]?.integer } == [1, 0])
        #expect(pairs.map { $0["second"]?.integer } == [1, 2])
        #expect(pairs.map { $0["moved"] } == [.bool(false), .bool(false)])
        #expect(module["compared_by"]?.string == "feature read")
        #expect(pairs.map { $0["first_feature"]?.integer } == [1, 0])
        #expect(module["second_left_out"]?.elements == [0])
    }

    @Test func weightsThatAreNotFiniteAreNotCompared() throws {
        let (sound, broken) = (
            try weights("a.safetensors", scale: [1, 2]), try weights("b.safetensors", scale: [.nan, 2])
        )
        for pair in [(sound, broken), (broken, sound)] {
            #expect {
                _ = try WeightsReport.json(pair.0, pair.1)
            } throws: {
                "\($0)".contains("b.safetensors: 'components.linear1.V' holds NaN or infinity")
            }
        }
    }

    /// A residual MLP of three features in two dimensions, with one subcomponent in each of its two modules.
    private func residual(_ name: String, reads: [Float], writes: [Float]) throws -> PublishedWeights {
        let path = folder.path + "/" + name
        let embedding: [Float] = [1, 0, 0, 1, 0.6, 0.6]
        try SafeTensors(arrays: [
            "model.W_E": .init(shape: [3, 2], embedding),
            "model.W_U": .init(shape: [2, 3], [1, 0, 0.6, 0, 1, 0.6] as [Float]),
            "model.layers.0.mlp_in.weight": .init(shape: [1, 2], reads),
            "model.layers.0.mlp_out.weight": .init(shape: [2, 1], writes),
            "components.layers-0-mlp_in.V": .init(shape: [2, 1], reads),
            "components.layers-0-mlp_in.U": .init(shape: [1, 1], [1] as [Float]),
            "components.layers-0-mlp_out.V": .init(shape: [1, 1], [1] as [Float]),
            "components.layers-0-mlp_out.U": .init(shape: [1, 2], writes),
        ]).write(to: path)
        return try PublishedWeights(path: path)
    }

    @Test func whatMovedIsToldByFeaturesWhereverTheyAre() throws {
        let report = try JSONValue(
            parsing: WeightsReport.json(
                residual("a.safetensors", reads: [1, 0.1], writes: [0, 1]),
                residual("b.safetensors", reads: [1, 1], writes: [0.1, 1])))
        let modules = try #require(report["modules"]?.elements)
        #expect(modules.map { $0["compared_by"]?.string } == ["feature read", "feature written"])
        let pairs = modules.compactMap { $0["pairs"]?.elements?.first }
        #expect(pairs.map { $0["first_feature"]?.integer } == [0, 1], "through the embedding, not of its directions")
        #expect(pairs.map { $0["second_feature"]?.integer } == [2, 1])
        #expect(pairs.map { $0["moved"] } == [.bool(true), .bool(false)])
    }

    @Test func insideALanguageModelNothingIsSaidToMove() throws {
        func model(_ module: String) throws -> PublishedWeights {
            let path = folder.path + "/\(module).safetensors"
            let square = SafeTensors.Array(shape: [2, 2], [1, 0, 0, 1] as [Float])
            try SafeTensors(arrays: [
                "model.\(module).weight": square, "components.\(module).V": square, "components.\(module).U": square,
            ]).write(to: path)
            return try PublishedWeights(path: path)
        }
        for (module, told) in [("mlp", nil), ("embed_tokens", "token read"), ("lm_head", "token written")] {
            let report = try JSONValue(parsing: WeightsReport.json(model(module), model(module)))
            let found = try #require(report["modules"]?.elements?.first)
            #expect(found["compared_by"]?.string == told)
            #expect(found["pairs"]?.elements?.first?["moved"] == .bool(false))
        }
    }

    @Test func decompositionsOfDifferentModulesAreRefused() throws {
        let (a, b) = (
            try weights("a.safetensors", scale: [1]), try weights("b.safetensors", scale: [1], module: "linear2")
        )
        #expect {
            try WeightsReport.json(a, b)
        } throws: { error in
            "\(error)".contains("no decomposed module in common (linear1; linear2)")
        }
    }

    @Test func weightsOfATargetAloneAreRefused() throws {
        let path = folder.path + "/target.safetensors"
        try SafeTensors(arrays: ["linear1.weight": .init(shape: [1, 1], [1] as [Float])]).write(to: path)
        #expect {
            try PublishedWeights(path: path)
        } throws: { error in
            "\(error)".contains("holds no decomposition")
        }
    }
}
