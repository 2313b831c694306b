import Testing
import UserMetrics

/// A run of two modules with small tensors of known numbers.
private struct Sample: TensorSource {
    static let scope = Scope(
        modules: [
            .init(name: "linear1", rows: [3], subcomponents: 4, inputs: 2, outputs: 5, isEmbedding: false),
            .init(name: "linear2", rows: [3], subcomponents: 4, inputs: 5, outputs: 2, isEmbedding: false),
        ],
        quantities: [.batch: [3, 2]], refusals: [.targetOut: "is kept secret"], budget: 1e6)

    /// Counts up from a number, in steps of a quarter.
    private func counting(_ shape: [Int], from first: Float) -> Block {
        Block(shape: shape, (0..<shape.reduce(1, *)).map { first + Float($0) / 4 })
    }

    func value(of quantity: Quantity) -> Block? {
        switch quantity {
        case .step: Block(40)
        case .batch: counting([3, 2], from: 0)
        default: nil
        }
    }

    func value(of quantity: ModuleQuantity, in module: String) -> Block? {
        switch (quantity, module) {
        case (.ci, _): counting([3, 4], from: module == "linear1" ? 0 : -1)
        case (.V, "linear1"): counting([2, 4], from: -1)
        case (.U, "linear2"): counting([4, 2], from: 1)
        default: nil
        }
    }
}

@Suite("Expressions over a step's tensors")
struct ExpressionTests {
    private func value(_ text: String) throws -> Double {
        let metric = try UserMetric(name: "x", pattern: nil, text: text)
        var failure: ExpressionError?
        let program = MetricProgram([metric], scope: Sample.scope) { failure = $1 }
        if let failure { throw failure }
        guard case .number(let number)? = try program.values(of: Sample()).first?.value else { return .nan }
        return number
    }

    private func mistake(_ text: String) -> String {
        do {
            return "\(try value(text))"
        } catch {
            return "\(error)"
        }
    }

    @Test(
        "computes what numpy does",
        arguments: [
            // As numpy gives them, with ci1 = np.arange(12).reshape(3, 4) / 4 and the like.
            ("1 + 2 * 3 ** 2", 19), ("-2 ** 2", -4), ("2 ** -1", 0.5), ("2 ** 3 ** 2", 512), ("7 / 2 - 1", 2.5),
            ("step / 10", 4), ("sum(ci['linear1'])", 16.5), ("mean(ci['linear1'][1, 2:])", 1.625),
            ("sum(any(ci['linear1'] > 2.3, dim=0))", 2), ("sum(all(ci['linear1'] > 0.1, dim=0))", 3),
            ("max(sum(ci['linear1'], dim=1))", 9.5), ("min(ci['linear2'].max(dim=1))", -0.25),
            ("argmax(ci['linear1'])", 11), ("sum(argmax(ci['linear1'], dim=1))", 9),
            ("std(ci['linear1'])", 0.8630131323913745), ("norm(ci['linear1'][0])", 0.9354143466934853),
            ("quantile(ci['linear1'], 0.3)", 0.825), ("sort(ci['linear1'], dim=0)[-1, 0]", 2),
            ("sum(ci['linear1'][::-1][0])", 9.5), ("sum(V['linear1'] @ U['linear2'])", -1.25),
            ("norm(V['linear1'] - U['linear2'].T)", 5.809475019311125),
            ("sum(ci['linear1'] * ci['linear1'].mean(dim=0, keepdim=True))", 23.625),
            ("sum(ci['linear1'][:, None, :] * batch[:, :, None])", 28.625),
            ("sum(not (ci['linear2'] > 0 or ci['linear2'] < -0.5))", 3), ("exp(log(sqrt(abs(-16))))", 4),
            ("sum(histogram(ci['linear1'], bins=3, range=(0, 1.5)))", 7), ("sum(batch[..., 0])", 1.5),
            ("mean(max(ci['linear1'], dim=1) / (sum(ci['linear1'], dim=1) + 1e-9))", 0.3692185006568964),
        ])
    func agreesWithNumpy(text: String, expected: Double) throws {
        let found = try value(text)
        #expect(abs(found - expected) < 1e-6, "\(text) gives \(found)")
    }

    @Test(
        "says what is wrong and where",
        arguments: [
            ("mean(cii['linear1'])", "unknown name 'cii' (at character 6)"),
            ("meen(ci['linear1'])", "unknown function 'meen' (at character 1)"),
            ("ci['linear3']", "no decomposed module 'linear3' (at character 4)"),
            ("sum(ci)", "ci is kept per module; write ci['linear1'] (at character 7)"),
            ("sum(ci[linear1])", "a module's name needs quotes: 'linear1' (at character 8)"),
            ("ci['linear1']", "gives (3, 4), expected one number, as of mean(…), or histogram(…) (at character 1)"),
            ("sum(V['linear1'] @ ci['linear1'])", "@ does not fit (2, 4) and (3, 4) (at character 18)"),
            ("sum(V['linear1'] + ci['linear1'])", "+ does not fit (2, 4) and (3, 4) (at character 18)"),
            ("sum(target_out)", "target_out is kept secret (at character 5)"),
            ("0 < step < 3", "comparisons do not chain; write 'a < x and x < b' (at character 10)"),
            ("step && 1", "'&&' means nothing here; write 'and' (at character 6)"),
            ("step = 1", "found '=', expected an operator or the end; equality is == (at character 6)"),
            ("(step", "found the end, expected ')' (at character 6)"), ("", "is empty (at character 1)"),
            ("sum(ci['linear1'], dim=2)", "(3, 4) has no dim 2 (at character 1)"),
            ("sum(ci['linear1'], dims=1)", "sum has no 'dims'; it takes dim, keepdim (at character 20)"),
            ("ci['linear1'][3, 0]", "index 3 is out of range for (3, 4) (at character 14)"),
            ("sum(ci['linear1'][2:1])", "a slice of (3, 4) is empty (at character 18)"),
            ("ci['linear1", "a text that begins here has no closing ' (at character 4)"),
            ("quantile(ci['linear1'])", "quantile needs q, as in quantile(x, 0.9) (at character 1)"),
            ("import os", "unknown name 'import' (at character 1)"),
            ("1e999", "'1e999' is not a number (at character 1)"),
        ])
    func tellsMistakes(text: String, expected: String) {
        #expect(mistake(text) == expected)
    }

    @Test("hostile texts end in a message: deep ones, long ones, large values, dear ones")
    func survivesHostileTexts() {
        #expect(mistake(String(repeating: "(", count: 1500) + "1").contains("nested more than"))
        #expect(mistake(String(repeating: "-", count: 1500) + "1").contains("nested more than"))
        #expect(mistake(String(repeating: "not ", count: 400) + "1").contains("nested more than"))
        #expect(mistake("1" + String(repeating: "**1", count: 500)).contains("nested more than"))
        #expect(mistake("1" + String(repeating: "+1", count: 500)).contains("operands in a row"))
        #expect(mistake("batch" + String(repeating: ".T", count: 500)).contains("indices in a row"))
        #expect(mistake(String(repeating: "1", count: 3000)).contains("is longer than"))
        // Each factor stretches the product by two more dimensions of four.
        let gram = "(ci['linear1'].T @ ci['linear1'])"
        let huge = (0..<7).map { "\(gram)[\(Array(repeating: "None", count: 2 * $0).joined(separator: ", "))" }
            .enumerated().map {
                $1 + ($0 > 0 ? ", " : "") + "..." + String(repeating: ", None", count: 12 - 2 * $0) + "]"
            }
        #expect(mistake("sum(\(huge.joined(separator: " * ")))").contains("has more than"))
        #expect(mistake("sum(\(huge.prefix(5).joined(separator: " * ")))").contains("operations a row"))
    }

    @Test("a pattern over modules gives one number each, and names must not clash")
    func expandsPatterns() throws {
        let each = try UserMetric(name: "alive/{m}", pattern: "linear*", text: "sum(any(ci[m] > 0.1, dim=0))")
        let program = MetricProgram([each], scope: Sample.scope) { Issue.record("\($0): \($1)") }
        #expect(program.names == ["alive/linear1", "alive/linear2"])
        #expect(program.needs == [.ofModule(.ci, "linear1"), .ofModule(.ci, "linear2")])
        #expect(try program.values(of: Sample()).map(\.value) == [.number(4), .number(4)])
        var reasons: [String] = []
        let clash = try UserMetric(name: "alive/linear1", pattern: nil, text: "step")
        let none = try UserMetric(name: "x/{m}", pattern: "conv*", text: "sum(ci[m])")
        _ = MetricProgram([each, clash, none], scope: Sample.scope) { reasons.append("\($0): \($1.reason)") }
        #expect(
            reasons == [
                "alive/linear1: gives alive/linear1, and so does alive/{m}",
                "x/{m}: for: 'conv*' matches no decomposed module; there are linear1, linear2",
            ])
    }

    @Test("a value that is not finite comes through as such, and histograms keep their edges")
    func keepsWhatIsNotFinite() throws {
        #expect(try value("1 / (step - 40)") == .infinity)
        #expect(try value("log(step - 41)").isNaN)
        #expect(try value("max(log(ci['linear2']))").isNaN)
        let metric = try UserMetric(name: "h", pattern: nil, text: "histogram(ci['linear1'], bins=2, range=(0, 2))")
        let program = MetricProgram([metric], scope: Sample.scope) { Issue.record("\($0): \($1)") }
        #expect(try program.values(of: Sample()).map(\.value) == [.histogram(edges: [0, 1, 2], counts: [4, 5])])
    }
}
