extension ResidualMLPTarget {
    /// f features, d embedding, m neurons; module 2l is mlp_in of layer l, 2l + 1 its mlp_out.
    ///
    /// h[k] below is the height of what layer k hands on: C masked inner activations where it is replaced, else its
    /// neurons.
    func products(_ settings: DecompositionSettings) -> StepProducts {
        var products = StepProducts()
        let c = settings.subcomponents
        let (f, d) = (embedding.shape[0], embedding.shape[1])
        let m = self.layers.first?.input.shape[0] ?? 0
        let layers = self.layers.indices
        for l in layers {
            // W_E V and U W_U, and V's and U's gradients through them; U_k V, U_k W_in, W_out_k V of every earlier k.
            products.perStep += 4 * f * c * d + l * (3 * c * c * d + 4 * c * m * d)
            // The unmodified target; x V of both modules and the gradients of V through it.
            products.perRow += 2 * f * m + l * m * m + 2 * (f * c + l * m * c + m * c)
        }
        for replaces in StepProducts.runs(settings, modules: 2 * layers.count) {
            guard let first = layers.first(where: { replaces(2 * $0) || replaces(2 * $0 + 1) }) else { continue }
            let h = layers.map { $0 >= first && replaces(2 * $0 + 1) ? c : m }
            products.perRow += h.reduce(0, +) * f  // the output
            for l in layers where l >= first {
                let (inIsReplaced, outIsReplaced) = (replaces(2 * l), replaces(2 * l + 1))
                let stream = h[..<l].reduce(0, +)  // all that reaches this layer from earlier ones
                let isClean = l == first && !inIsReplaced
                // Forward.
                if inIsReplaced { products.perRow += c * m + (l > first ? stream * c : 0) }
                if !inIsReplaced, l > first { products.perRow += stream * m }
                if outIsReplaced, !isClean { products.perRow += m * c }
                // Backward: from the output and from each later reader; weights where they are trained.
                products.perRow += h[l] * f * (outIsReplaced ? 2 : 1)
                for reader in layers where reader > l {
                    products.perRow += replaces(2 * reader) ? 2 * h[l] * c : h[l] * m * (outIsReplaced ? 2 : 1)
                }
                if outIsReplaced, !isClean { products.perRow += 2 * m * c }
                if inIsReplaced { products.perRow += 2 * c * m + (l > first ? first * m * c : 0) }
            }
        }
        return products
    }
}
