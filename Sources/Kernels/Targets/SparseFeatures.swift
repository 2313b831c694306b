internal import CKernels
import Glibc

/// Batches of sparse features: most entries are zero, the others uniform in a range.
public struct SparseFeatures: Equatable, Sendable {
    /// Which entries of a row are active.
    public enum Activity: Equatable, Sendable {
        /// Each feature on its own with this probability (`at_least_zero_active`).
        case independent(probability: Float)
        /// This many distinct features in each row (`exactly_n_active`).
        case exactly(Int)
    }

    /// f, the entries of a row.
    public var features: Int
    /// Which entries are active.
    public var activity: Activity
    /// The lower end of the range that active entries are uniform in.
    public var lowest: Float
    /// The upper end of that range.
    public var highest: Float
    /// Disjoint groups of features: where one member is active in a row, each gets a fresh value.
    public var syncedGroups: [[Int]]

    /// Creates a description of batches.
    public init(
        features: Int, activity: Activity, lowest: Float, highest: Float = 1, syncedGroups: [[Int]] = []
    ) {
        self.features = features
        self.activity = activity
        self.lowest = lowest
        self.highest = highest
        self.syncedGroups = syncedGroups
    }

    /// The share of rows that hold anything but zeros, on average.
    var activeRows: Double {
        switch activity {
        case .independent(let probability):
            // The decimal number that the config has, not what a float makes of it.
            1 - pow(1 - (Double("\(probability)") ?? Double(probability)), Double(features))
        case .exactly(let count): count > 0 ? 1 : 0
        }
    }

    /// The streams that a batch is drawn from.
    struct Streams {
        let active: RandomStream
        let value: RandomStream
        let order: RandomStream

        /// The streams of a decomposition's batch at `step`.
        static func decomposition(seed: Int, step: Int) -> Streams {
            Streams(
                active: RandomStream(seed: seed, .batchActive, step),
                value: RandomStream(seed: seed, .batchValue, step),
                order: RandomStream(seed: seed, .batchOrder, step))
        }

        /// The streams of one of the batches that a decomposition is looked at with at `step`.
        static func evaluation(seed: Int, step: Int, batch: Int) -> Streams {
            Streams(
                active: RandomStream(seed: seed, .evaluationActive, step, batch),
                value: RandomStream(seed: seed, .evaluationValue, step, batch),
                order: RandomStream(seed: seed, .evaluationOrder, step, batch))
        }

        /// The streams of a target's training batch at `step`.
        static func target(seed: Int, step: Int) -> Streams {
            Streams(
                active: RandomStream(seed: seed, .targetBatchActive, step),
                value: RandomStream(seed: seed, .targetBatchValue, step),
                order: RandomStream(seed: seed, .targetBatchOrder, step))
        }
    }

    /// Writes `count` rows of a batch, from `firstRow` on, to `rows` (count, features).
    ///
    /// `scratch` holds 2 · count · features numbers.
    func fill(_ rows: Floats, firstRow: Int, count: Int, streams: Streams, scratch: Floats) {
        let entries = count * features
        let first = UInt32(firstRow * features)
        let (active, values) = (scratch, scratch + entries)
        ck_uniform(values, entries, streams.value.key, first)
        ck_uniform(active, entries, streams.active.key, first)
        switch activity {
        case .independent(let probability):
            ck_sparse(rows, active, values, probability, lowest, highest - lowest, entries)
        case .exactly(let wanted):
            for row in 0..<count {
                let start = row * features
                chooseSmallest(wanted, of: active + start, values: values + start, into: rows + start)
            }
        }
        guard !syncedGroups.isEmpty else { return }
        ck_uniform(values, entries, streams.order.key, first)
        for row in 0..<count {
            synchronise(rows + row * features, fresh: values + row * features)
        }
    }

    /// The `wanted` features with the smallest keys are active: each set of features is equally likely.
    private func chooseSmallest(_ wanted: Int, of keys: Floats, values: Floats, into row: Floats) {
        for feature in 0..<features { row[feature] = 0 }
        for _ in 0..<wanted {
            var best = 0
            for feature in 1..<features where keys[feature] < keys[best] { best = feature }
            keys[best] = 2
            row[best] = lowest + (highest - lowest) * values[best]
        }
    }

    private func synchronise(_ row: Floats, fresh: Floats) {
        for group in syncedGroups where group.contains(where: { row[$0] != 0 }) {
            for feature in group { row[feature] = lowest + (highest - lowest) * fresh[feature] }
        }
    }
}
