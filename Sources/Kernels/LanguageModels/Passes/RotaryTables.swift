import Glibc

/// The cosines and sines of a model's rotary angles for rows of one length, one table per kind of layer.
final class RotaryTables {
    /// One rotation's tables (half, length).
    struct Table {
        let half: Int
        let cosine: Storage
        let sine: Storage
    }

    /// By layer; nil if nothing turns.
    let layers: [Table?]

    init(_ shape: TransformerShape, length: Int) {
        var known: [(rotary: TransformerShape.Rotary, table: Table)] = []
        layers = shape.layers.map { layer in
            guard let rotary = layer.attention.rotary else { return nil }
            if let same = known.first(where: { $0.rotary == rotary }) { return same.table }
            let half = rotary.dimensions / 2
            let table = Table(
                half: half, cosine: Storage(count: half * length), sine: Storage(count: half * length))
            for (k, frequency) in rotary.frequencies.enumerated() {
                for position in 0..<length {
                    // The published models round the angle, too.
                    let angle = Double(Float(position) * frequency)
                    table.cosine.pointer[k * length + position] = Float(cos(angle))
                    table.sine.pointer[k * length + position] = Float(sin(angle))
                }
            }
            known.append((rotary, table))
            return table
        }
    }
}
