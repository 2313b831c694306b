/// Generated data: rows of features of which few are active.
public struct SparseFeaturesConfig: Sendable, Equatable {
    /// The probability that a feature is active, from 0 to 1.
    public internal(set) var featureProbability = 0.0
    /// Which features are active in a row.
    public internal(set) var dataGenerationType = DataGeneration.atLeastZeroActive
    /// Disjoint groups of features that are active together.
    public internal(set) var syncedInputs: [[Int]]?
}

extension SparseFeaturesConfig {
    static let fields: [Field<SparseFeaturesConfig>] = [
        Field("feature_probability", \.featureProbability, .probability, isRequired: true),
        Field("data_generation_type", \.dataGenerationType, .word()),
        // The published task configs may lack this key, so it is written only when it says something.
        Field("synced_inputs", \.syncedInputs, .indexGroups, isLeftOutIfNull: true),
    ]

    /// What is wrong with this data for a model of this many features.
    func conflicts(features: Int) -> [Conflict] {
        var conflicts: [Conflict] = []
        if let active = dataGenerationType.activeFeatures, active > features {
            let reason = "\(dataGenerationType.rawValue) needs \(active) features; the target has \(features)"
            conflicts.append(Conflict(key: "data_generation_type", reason: reason))
        }
        if let index = syncedInputs?.joined().max(), index >= features {
            let reason = "feature \(index) does not exist; the target's are 0 to \(features - 1)"
            conflicts.append(Conflict(key: "synced_inputs", reason: reason))
        }
        return conflicts
    }
}
