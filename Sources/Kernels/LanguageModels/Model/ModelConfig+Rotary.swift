import Glibc

extension ModelConfig {
    /// The rotation that old files describe by `rope_theta` and `rope_scaling`, new ones by `rope_parameters`.
    ///
    /// `share` is the part of a head that turns where `partial_rotary_factor` does not say so, `thetaKey` the key of θ in
    /// old files.
    func rotary(
        headSize: Int, share: Double = 1, thetaKey: String = "rope_theta"
    ) throws(ModelConfigError) -> TransformerShape.Rotary? {
        let parameters = try map("rope_parameters")
        let (oldScaling, oldTheta) = try (map("rope_scaling"), number(thetaKey))
        let scaling = parameters ?? oldScaling
        if let kind = scaling?.values.filter({ if case .map = $0.value { true } else { false } }).keys.min() {
            throw ModelConfigError("a rotation for some layers alone ('\(kind)') is not supported; one for all is")
        }
        let theta = try parameters?.number("rope_theta") ?? oldTheta ?? 10000
        guard theta > 0 else { throw ModelConfigError("\(thetaKey) \(theta) is not positive") }
        let part = try parameters?.number("partial_rotary_factor") ?? share
        let dimensions = Int(Double(headSize) * part)
        guard part > 0, dimensions % 2 == 0, dimensions <= headSize else {
            throw ModelConfigError("a head of \(headSize) elements cannot turn \(dimensions) of them in pairs")
        }
        guard dimensions > 0 else { return nil }
        var frequencies = (0..<dimensions / 2).map { pow(theta, -2 * Double($0) / Double(dimensions)) }
        let (type, oldType) = try (scaling?.text("rope_type"), scaling?.text("type"))
        switch type ?? oldType ?? "default" {
        case "default": break
        case "linear":
            guard let factor = try scaling?.factor("factor") else { break }
            frequencies = frequencies.map { $0 / factor }
        case "llama3":
            guard let scaling else { break }
            frequencies = try scaling.llama3(frequencies)
        case let other:
            throw ModelConfigError(
                "rope type '\(other)' is not supported; default, linear and llama3 are")
        }
        return TransformerShape.Rotary(dimensions: dimensions, frequencies: frequencies.map { Float($0) })
    }

    private func factor(_ key: String) throws(ModelConfigError) -> Double {
        guard let factor = try number(key), factor > 0 else {
            throw ModelConfigError("the rope scaling's \(key) is missing or not positive")
        }
        return factor
    }

    /// Slow rotations are slowed down further, fast ones stay, those between are interpolated.
    private func llama3(_ frequencies: [Double]) throws(ModelConfigError) -> [Double] {
        let factor = try factor("factor")
        let (low, high) = try (self.factor("low_freq_factor"), self.factor("high_freq_factor"))
        let original = try self.factor("original_max_position_embeddings")
        return frequencies.map { frequency in
            let wavelength = 2 * Double.pi / frequency
            if wavelength > original / low { return frequency / factor }
            if wavelength < original / high { return frequency }
            let smooth = (original / wavelength - low) / (high - low)
            return (1 - smooth) * frequency / factor + smooth * frequency
        }
    }
}
