/// The rules by which extents follow from extents; the same for checking and for computing.
enum Shape {
    /// How many elements there are.
    static func count(_ shape: [Int]) -> Int { shape.reduce(1, *) }

    /// A shape as messages show it.
    static func words(_ shape: [Int]) -> String {
        shape.isEmpty ? "one number" : "(" + shape.map(String.init).joined(separator: ", ") + ")"
    }

    /// The shape that two shapes are stretched to, or nil if they do not fit.
    static func broadcast(_ a: [Int], _ b: [Int]) -> [Int]? {
        let count = max(a.count, b.count)
        var result: [Int] = []
        for place in 0..<count {
            let left = place < count - a.count ? 1 : a[place - (count - a.count)]
            let right = place < count - b.count ? 1 : b[place - (count - b.count)]
            guard left == right || left == 1 || right == 1 else { return nil }
            result.append(left == 1 ? right : left)
        }
        return result
    }

    /// The shape of a matrix product: the left side may have leading dimensions; a vector is a row or a column.
    static func product(_ a: [Int], _ b: [Int]) -> [Int]? {
        guard !a.isEmpty, (1...2).contains(b.count), a[a.count - 1] == b[0] else { return nil }
        return Array(a.dropLast()) + b.dropFirst()
    }

    /// The dimensions as places from 0, ordered; nil if one is not there or stands twice.
    static func places(_ dimensions: [Int]?, of shape: [Int]) -> [Int]? {
        guard let dimensions else { return Array(shape.indices) }
        let places = dimensions.map { $0 < 0 ? $0 + shape.count : $0 }
        guard Set(places).count == places.count, places.allSatisfy(shape.indices.contains) else { return nil }
        return places.sorted()
    }

    /// What is left of a shape when some dimensions are reduced.
    static func reduced(_ shape: [Int], _ places: [Int], keeps: Bool) -> [Int] {
        shape.indices.compactMap { places.contains($0) ? (keeps ? 1 : nil) : shape[$0] }
    }

    /// One dimension of an index: where it begins, how far apart its elements are, how many there are; nil for a new one.
    struct Cut: Equatable {
        let dimension: Int?
        let from: Int
        let by: Int
        let count: Int
        /// Whether the dimension is there afterwards.
        let stays: Bool
    }

    /// What an index takes of each dimension.
    ///
    /// - Throws: an index that is out of range.
    static func cuts(
        _ subscripts: [Expression.Subscript], of shape: [Int], at offset: Int
    ) throws(ExpressionError) -> [Cut] {
        let taken = subscripts.count { $0 != .newDimension && $0 != .rest }
        guard taken <= shape.count else {
            throw ExpressionError("has \(taken) indices for \(words(shape))", at: offset)
        }
        let rest = shape.count - taken
        var result: [Cut] = []
        var dimension = 0
        func whole(_ dimension: Int) -> Cut {
            Cut(dimension: dimension, from: 0, by: 1, count: shape[dimension], stays: true)
        }
        for place in subscripts {
            switch place {
            case .newDimension: result.append(Cut(dimension: nil, from: 0, by: 0, count: 1, stays: true))
            case .rest:
                result += (dimension..<dimension + rest).map(whole)
                dimension += rest
            case .at(let index):
                let extent = shape[dimension]
                guard (-extent..<extent).contains(index) else {
                    throw ExpressionError("index \(index) is out of range for \(words(shape))", at: offset)
                }
                result.append(
                    Cut(dimension: dimension, from: index < 0 ? index + extent : index, by: 1, count: 1, stays: false))
                dimension += 1
            case .slice(let from, let to, let by):
                let (start, count) = slice(from, to, by, extent: shape[dimension])
                guard count > 0 else { throw ExpressionError("a slice of \(words(shape)) is empty", at: offset) }
                result.append(Cut(dimension: dimension, from: start, by: by, count: count, stays: true))
                dimension += 1
            }
        }
        return result + (dimension..<shape.count).map(whole)
    }

    /// Python's slices.
    private static func slice(_ from: Int?, _ to: Int?, _ by: Int, extent: Int) -> (start: Int, count: Int) {
        func place(_ index: Int, _ low: Int, _ high: Int) -> Int {
            min(max(index < 0 ? index + extent : index, low), high)
        }
        if by > 0 {
            let start = from.map { place($0, 0, extent) } ?? 0
            let end = to.map { place($0, 0, extent) } ?? extent
            return (start, end > start ? (end - start + by - 1) / by : 0)
        }
        let start = from.map { place($0, -1, extent - 1) } ?? extent - 1
        let end = to.map { place($0, -1, extent - 1) } ?? -1
        return (start, start > end ? (start - end - by - 1) / -by : 0)
    }
}
