import Kernels

/// The end of a module at which its subcomponents can be told apart by features or tokens, and how strongly each is tied to
/// each.
struct FeatureEnd {
    /// What the numbers stand for: a feature that is read, one that is written, a token likewise.
    let name: String
    /// (features or tokens, C).
    private let strengths: Tensor

    /// Describes an end: `strengths` (features or tokens, C).
    init(_ name: String, _ strengths: Tensor) { (self.name, self.strengths) = (name, strengths) }

    /// The feature or token that a subcomponent is tied to most; of equal ones the first.
    func strongest(_ component: Int) -> Int {
        let (rows, c) = (strengths.shape[0], strengths.shape[1])
        return (0..<rows).reduce(0) { best, row in
            abs(strengths.values[row * c + component]) > abs(strengths.values[best * c + component]) ? row : best
        }
    }
}
