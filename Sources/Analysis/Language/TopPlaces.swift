/// Where each subcomponent of a module is most active in a text.
public struct TopPlaces: Equatable, Sendable {
    /// A place of the text.
    public struct Place: Equatable, Sendable {
        /// Its row and its position in the row.
        public let row: Int, position: Int
        /// The causal importance there.
        public let value: Float
    }

    /// Of each subcomponent its best places, strongest first; of equal ones the first from its own row on.
    ///
    /// One a row at most,
    /// so that they differ.
    public let places: [[Place]]

    /// Looks for places.
    ///
    /// - Parameters:
    ///   - ci: The causal importances (rows, length, C), row after row.
    ///   - length: The tokens of a row.
    ///   - subcomponents: C.
    ///   - most: How many places a subcomponent gets.
    ///   - threshold: Smaller values are no place.
    public init(
        _ ci: [Float], length: Int, subcomponents: Int, most: Int, threshold: Float = Activity.threshold
    ) {
        let rows = subcomponents > 0 && length > 0 ? ci.count / (length * subcomponents) : 0
        places = (0..<subcomponents).map { component in
            var found: [Place] = []
            for row in 0..<rows {
                var best: Place?
                for position in 0..<length {
                    let value = ci[(row * length + position) * subcomponents + component]
                    if value > threshold, value > best?.value ?? 0 {
                        best = Place(row: row, position: position, value: value)
                    }
                }
                if let best { found.append(best) }
            }
            // Many are exactly 1: each subcomponent begins to look in its own row.
            func turn(_ place: Place) -> Int { (place.row + rows - component % rows) % rows }
            return Array(found.sorted { ($1.value, turn($0)) < ($0.value, turn($1)) }.prefix(most))
        }
    }
}
