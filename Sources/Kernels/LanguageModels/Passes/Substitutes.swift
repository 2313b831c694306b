/// The replacements for some of a transformer's modules during a pass.
protocol Substitutes: AnyObject {
    /// Whether a module, by its index among all that can be decomposed, is replaced in this pass.
    func replaces(_ module: Int) -> Bool
    /// Sets output (outputs, places) to what stands in for a linear map makes of its input (inputs, places), bias included.
    func apply(_ module: Int, to input: Floats, output: Floats)
    /// Takes a gradient back: adds to the substitute's own, and sets dInput, if there is one, to `keep` of itself plus
    /// the input's.
    func applyBack(_ module: Int, input: Floats, dOutput: Floats, dInput: Floats?, keep: Float)
    /// Sets output (width, places) to what stands in for an embedding, or adds it.
    func embed(_ module: Int, output: Floats, adding: Bool)
    /// Takes the gradient of an embedding's output.
    func embedBack(_ module: Int, dOutput: Floats)
}
