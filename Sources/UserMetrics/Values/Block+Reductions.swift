import Glibc

extension Block {
    /// The block as (outer, reduced, inner), with the dimensions to reduce next to each other.
    private struct Lanes {
        let outer: Int
        let reduced: Int
        let inner: Int
        let elements: [Float]
    }

    private func lanes(_ places: [Int]) -> Lanes {
        guard let first = places.first, let last = places.last else {
            return Lanes(outer: elements.count, reduced: 1, inner: 1, elements: elements)
        }
        guard last - first + 1 == places.count else {
            // Dimensions that lie apart are brought together at the end.
            let order = shape.indices.filter { !places.contains($0) } + places
            let together = permuted(order)
            let reduced = places.reduce(1) { $0 * shape[$1] }
            return Lanes(
                outer: elements.count / max(reduced, 1), reduced: reduced, inner: 1, elements: together.elements)
        }
        return Lanes(
            outer: Shape.count(Array(shape[..<first])), reduced: Shape.count(Array(shape[first...last])),
            inner: Shape.count(Array(shape[(last + 1)...])), elements: elements)
    }

    /// Reduces some dimensions.
    ///
    /// - Precondition: `places` are dimensions of this block, ordered.
    func reduced(_ function: Expression.Function, _ places: [Int], _ options: Expression.Options) -> Block {
        guard !shape.isEmpty else { return reducedNumber(function) }
        let result = Shape.reduced(shape, places, keeps: options.keepsDimensions)
        let lanes = lanes(places)
        let values: [Double] =
            switch function {
            case .sum: Self.fold(lanes, from: 0) { $0 + Double($1) }
            case .mean: Self.means(lanes)
            case .std: Self.deviations(lanes)
            case .norm: Self.fold(lanes, from: 0) { $0 + Double($1) * Double($1) }.map { $0.squareRoot() }
            // A value that is not a number stays one, as in numpy.
            case .max: Self.fold(lanes, from: -.infinity) { $0 > Double($1) || $0.isNaN ? $0 : Double($1) }
            case .min: Self.fold(lanes, from: .infinity) { $0 < Double($1) || $0.isNaN ? $0 : Double($1) }
            case .any: Self.fold(lanes, from: 0) { $0 != 0 || $1 != 0 ? 1 : 0 }
            case .all: Self.fold(lanes, from: 1) { $0 != 0 && $1 != 0 ? 1 : 0 }
            case .argmax: Self.eachLane(lanes, Self.placeOfLargest)
            default: Self.eachLane(lanes) { Self.quantile(options.quantile, of: $0) }
            }
        return result.isEmpty ? Block(values[0]) : Block(shape: result, values.map { Float($0) })
    }

    private func reducedNumber(_ function: Expression.Function) -> Block {
        switch function {
        case .any, .all: Block(number != 0 ? 1 : 0)
        case .norm: Block(Swift.abs(number))
        case .std, .argmax: Block(number.isFinite ? 0 : .nan)
        default: self
        }
    }

    /// Sums in one order, whatever the machine: rows from first to last, or four interleaved lanes of a long row.
    @inline(__always)
    private static func fold(_ lanes: Lanes, from start: Double, _ step: (Double, Float) -> Double) -> [Double] {
        var result = [Double](repeating: start, count: lanes.outer * lanes.inner)
        lanes.elements.withUnsafeBufferPointer { elements in
            result.withUnsafeMutableBufferPointer { result in
                for outer in 0..<lanes.outer {
                    for row in 0..<lanes.reduced {
                        let source = (outer * lanes.reduced + row) * lanes.inner
                        for column in 0..<lanes.inner {
                            let target = outer * lanes.inner + column
                            result[target] = step(result[target], elements[source + column])
                        }
                    }
                }
            }
        }
        return result
    }

    private static func means(_ lanes: Lanes) -> [Double] {
        fold(lanes, from: 0) { $0 + Double($1) }.map { $0 / Double(lanes.reduced) }
    }

    /// The standard deviation of the whole population, as numpy's.
    private static func deviations(_ lanes: Lanes) -> [Double] {
        let means = means(lanes)
        var sums = [Double](repeating: 0, count: means.count)
        for outer in 0..<lanes.outer {
            for row in 0..<lanes.reduced {
                for column in 0..<lanes.inner {
                    let lane = outer * lanes.inner + column
                    let value = lanes.elements[(outer * lanes.reduced + row) * lanes.inner + column]
                    sums[lane] += (Double(value) - means[lane]) * (Double(value) - means[lane])
                }
            }
        }
        return sums.map { ($0 / Double(lanes.reduced)).squareRoot() }
    }

    private static func eachLane(_ lanes: Lanes, _ body: ([Float]) -> Double) -> [Double] {
        (0..<lanes.outer * lanes.inner).map { lane in
            let first = lane / lanes.inner * lanes.reduced * lanes.inner + lane % lanes.inner
            return body((0..<lanes.reduced).map { lanes.elements[first + $0 * lanes.inner] })
        }
    }

    private static func placeOfLargest(_ values: [Float]) -> Double {
        var best = 0
        for place in values.indices where values[place] > values[best] || values[place].isNaN && !values[best].isNaN {
            best = place
        }
        return Double(best)
    }

    /// A quantile between neighbours, as numpy's.
    private static func quantile(_ q: Double, of values: [Float]) -> Double {
        guard !values.contains(where: \.isNaN) else { return .nan }
        let sorted = values.sorted()
        let place = q * Double(sorted.count - 1)
        let (low, share) = (Int(place.rounded(.down)), place - place.rounded(.down))
        let high = Swift.min(low + 1, sorted.count - 1)
        return share == 0
            ? Double(sorted[low]) : Double(sorted[low]) + share * (Double(sorted[high]) - Double(sorted[low]))
    }

    /// The elements of each lane in rising order, those that are not numbers last.
    func sorted(along place: Int) -> Block {
        guard !shape.isEmpty else { return self }
        let lanes = lanes([place])
        var result = elements
        for lane in 0..<lanes.outer * lanes.inner {
            let first = lane / lanes.inner * lanes.reduced * lanes.inner + lane % lanes.inner
            let values = (0..<lanes.reduced).map { elements[first + $0 * lanes.inner] }
                .sorted { $0 < $1 || !$0.isNaN && $1.isNaN }
            for (row, value) in values.enumerated() { result[first + row * lanes.inner] = value }
        }
        return Block(shape: shape, result)
    }

    /// How many elements are in each bar; the last one holds its upper edge too, and what lies outside is left out.
    func histogram(_ options: Expression.Options) -> (edges: [Double], counts: [Double]) {
        let finite = values.filter(\.isFinite)
        var (low, high) = (Double(finite.min() ?? 0), Double(finite.max() ?? 1))
        if let range = options.range { (low, high) = (range.lowerBound, range.upperBound) }
        // As numpy does where all values are the same.
        if low == high { (low, high) = (low - 0.5, high + 0.5) }
        let width = (high - low) / Double(options.bins)
        var counts = [Double](repeating: 0, count: options.bins)
        for value in finite where Double(value) >= low && Double(value) <= high {
            counts[Swift.min(Int((Double(value) - low) / width), options.bins - 1)] += 1
        }
        return ((0...options.bins).map { low + width * Double($0) }, counts)
    }

    /// The block with its dimensions in another order.
    func permuted(_ order: [Int]) -> Block {
        let cuts = order.map { Shape.Cut(dimension: $0, from: 0, by: 1, count: shape[$0], stays: true) }
        return taking(cuts)
    }

    /// What cuts take of the block.
    func taking(_ cuts: [Shape.Cut]) -> Block {
        var strides = [Int](repeating: 1, count: shape.count)
        for place in shape.indices.dropLast().reversed() { strides[place] = strides[place + 1] * shape[place + 1] }
        var start = 0
        for cut in cuts { if let dimension = cut.dimension { start += cut.from * strides[dimension] } }
        let steps = cuts.map { cut in cut.dimension.map { cut.by * strides[$0] } ?? 0 }
        let counts = cuts.map(\.count)
        guard let width = counts.last, let step = steps.last else { return self }
        let elements = [Float](unsafeUninitializedCapacity: Shape.count(counts)) { buffer, count in
            Block.forEachRow(of: counts) { row, index in
                let first = zip(steps, index).reduce(start) { $0 + $1.0 * $1.1 }
                for column in 0..<width { buffer[row * width + column] = self.elements[first + column * step] }
            }
            count = Shape.count(counts)
        }
        return Block(shape: cuts.filter(\.stays).map(\.count), elements)
    }
}
