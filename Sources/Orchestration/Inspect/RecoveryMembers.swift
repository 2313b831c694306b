import Metrics

/// How well a run's features were recovered, as members of a report for programs: `recovery` for all kinds of target alike,
/// and under the kind's name the same by its numbers' names; or why it is not known.
struct RecoveryMembers: Encodable {
    private let told: Result<RecoveryReport?, Failure>
    private let kind: String

    /// Reports what was told of a run of some kind of target.
    init(_ told: Result<RecoveryReport?, Failure>, of kind: String) { (self.told, self.kind) = (told, kind) }

    private struct Key: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }

        init(_ name: String) { stringValue = name }
        init?(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    func encode(to encoder: any Encoder) throws {
        var members = encoder.container(keyedBy: Key.self)
        switch told {
        case .success(nil): break
        case .failure(let failure): try members.encode(failure.message, forKey: Key(kind + "_error"))
        case .success(let recovery?):
            try members.encode(recovery, forKey: Key("recovery"))
            var named = members.nestedContainer(keyedBy: Key.self, forKey: Key(kind))
            for number in recovery.numbers {
                try named.encodeIfPresent(number.mean, forKey: Key("mean_" + number.key))
                try named.encodeIfPresent(number.deviation, forKey: Key("std_" + number.key))
            }
            try named.encode(recovery.matched, forKey: Key("matched"))
            try named.encode(recovery.leftOut, forKey: Key("left_out"))
        }
    }
}
