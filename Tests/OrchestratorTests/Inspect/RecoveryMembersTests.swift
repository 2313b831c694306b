import JSON
import Metrics
import Testing

@testable import Orchestration

/// What `show` says of the recovery of features, whatever the kind of target.
struct RecoveryMembersTests {
    private let recovery = RecoveryReport(
        numbers: [
            .init(key: "max_cosine", name: "largest cosine", mean: 0.5, deviation: 0.25),
            .init(key: "bias", name: "bias", mean: nil, deviation: nil),
        ], matched: 2, leftOut: [3], note: "all of them")

    @Test func itsNumbersComeInAListAndUnderTheKindsName() throws {
        #expect(
            try JSONText.line(RecoveryMembers(.success(recovery), of: "tms")) == """
                {"recovery":{"left_out":[3],"matched":2,"note":"all of them","numbers":[{"deviation":0.25,\
                "key":"max_cosine","mean":0.5,"name":"largest cosine"},{"key":"bias","name":"bias"}]},\
                "tms":{"left_out":[3],"matched":2,"mean_max_cosine":0.5,"std_max_cosine":0.25}}
                """)
        #expect(try JSONText.line(RecoveryMembers(.success(nil), of: "tms")) == "{}")
        #expect(
            try JSONText.line(RecoveryMembers(.failure(.failed("no worker")), of: "tms"))
                == #"{"tms_error":"no worker"}"#)
    }

    @Test func peopleReadMeansWithDeviations() {
        #expect(recovery.lines == ["  largest cosine: 0.5000 ± 0.2500", "  bias: not a number", "  (all of them)"])
    }
}
