import Experiments
import Testing

@testable import Runs

/// The list of kinds of target, which configs and runs know alike.
struct RunKindsTests {
    @Test func runsKnowEveryKindThatConfigsKnow() throws {
        #expect(RunKinds.all.map { $0.kind } == TargetKind.all)
        for kind in TargetKind.all { #expect(try RunKinds.of(kind).kind == kind) }
    }

    @Test func givenNumbersAreOfTheKindThatTheirClassSays() throws {
        for (name, kind) in [
            ("tms", "tms"), ("residual_mlp", "residual_mlp"), ("LlamaForCausalLM", "lm"),
            ("transformers.AutoModelForCausalLM", "lm"),
        ] {
            #expect(try RunKinds.of(targetClass: name).kind.name == kind)
        }
        #expect {
            try RunKinds.of(targetClass: "transformer")
        } throws: { error in
            "\(error)".hasPrefix("its target_class is 'transformer'; these are known: tms, residual_mlp, ")
        }
    }

    @Test func weightsThatNoKindKnowsAreOfNone() throws {
        let isKnown = try RunKinds.recognise([:]) != nil
        #expect(!isKnown)
    }
}
