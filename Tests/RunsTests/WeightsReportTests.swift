import Artifacts
import Foundation
import JSON
import Runs
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
        #expect(report["tms"]?["mean_max_cosine"]?.double == 1)
        #expect(report["tms"]?["mean_l2_ratio"]?.double == 0.75)
        #expect(report["tms"]?["left_out"]?.elements == [2])
        #expect(report["tms"]?["mean_bias"]?.double == -0.25)
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
        #expect(module["second_left_out"]?.elements == [0])
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
