/// The replacements for some of a transformer's modules during a pass.
///
/// What happens to a place does not depend on the others: threads work on some columns of the blocks each. Sums over all
/// places are asked for on their own.
protocol Substitutes: AnyObject {
    /// Whether a module, by its index among all that can be decomposed, is replaced in this pass.
    func replaces(_ module: Int) -> Bool
    /// Sets columns of output (outputs, places) to what stands in for a linear map makes of its input (inputs, places), bias
    /// included.
    func apply(_ module: Int, to input: Floats, output: Floats, columns: Range<Int>)
    /// Adds to the substitute's own gradients what follows from that of its output; called before `applyBack`.
    func addOutputSums(_ module: Int, dOutput: Floats)
    /// Takes columns of a gradient back: sets dInput, if there is one, to `keep` of itself plus the input's.
    func applyBack(_ module: Int, dOutput: Floats, dInput: Floats?, keep: Bool, columns: Range<Int>)
    /// Adds to the substitute's own gradients what follows from its input; called after `applyBack`.
    func addInputSums(_ module: Int, input: Floats)
    /// Sets output (width, places) to what stands in for an embedding, or adds it.
    func embed(_ module: Int, output: Floats, adding: Bool)
    /// Takes the gradient of an embedding's output.
    func embedBack(_ module: Int, dOutput: Floats)
}
