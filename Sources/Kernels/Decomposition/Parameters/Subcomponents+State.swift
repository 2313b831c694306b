extension Subcomponents {
    /// V, U and the gates by their names in a replay: `components.<module>.V`, `gates.<module>.mlp_in`.
    func named(_ storage: Storage) -> StateDict {
        Dictionary(uniqueKeysWithValues: tensorPlaces(separator: ".").map { ($0.name, tensor($0, in: storage)) })
    }

    /// The published state dict: the target under `model.`, and dots inside module names written as dashes.
    ///
    /// A decomposed module's bias is the target's, frozen.
    func publishedStateDict(target: StateDict) -> StateDict {
        var result: StateDict = [:]
        for (name, tensor) in target { result["model." + name] = tensor }
        for weight in weights {
            guard let bias = target[weight.name + ".bias"] else { continue }
            result["components.\(published(weight.name, "-")).bias"] = bias
        }
        for place in tensorPlaces(separator: "-") { result[place.name] = tensor(place, in: parameters) }
        return result
    }

    /// Replaces the subcomponents and gates by given ones, named as in `named`.
    ///
    /// - Throws: a tensor that is missing, superfluous, of another shape or not finite.
    func setTrainedTensors(_ tensors: StateDict) throws(KernelError) {
        let places = tensorPlaces(separator: ".")
        try tensors.expectOnly(places.map(\.name))
        let found = try places.map { place throws(KernelError) in try tensors.tensor(place.name, place.shape) }
        for (place, tensor) in zip(places, found) {
            (parameters.pointer + place.offset).update(from: tensor.values, count: tensor.values.count)
        }
    }

    /// Parameters, Adam's moments and the peaks since the last report, by name.
    var state: StateDict {
        var tensors: StateDict = [:]
        for (name, storage) in stateBlocks {
            tensors[name] = Tensor(shape: [storage.count], values: storage.values(0, storage.count))
        }
        return tensors
    }

    /// Goes on from a saved state.
    ///
    /// - Throws: a tensor that is missing, superfluous, of another shape or not finite.
    func restore(_ tensors: StateDict) throws(KernelError) {
        try tensors.expectOnly(stateBlocks.map(\.name))
        let found = try stateBlocks.map { block throws(KernelError) in
            try tensors.tensor(block.name, [block.storage.count])
        }
        for (block, tensor) in zip(stateBlocks, found) {
            block.storage.pointer.update(from: tensor.values, count: tensor.values.count)
        }
    }

    private var stateBlocks: [(name: String, storage: Storage)] {
        [
            ("parameters", parameters), ("adam.m", firstMoments), ("adam.v", secondMoments), ("peaks", peaks),
        ]
    }

    private typealias Place = (name: String, offset: Int, shape: [Int])

    private func tensor(_ place: Place, in storage: Storage) -> Tensor {
        Tensor(shape: place.shape, values: storage.values(place.offset, place.shape.reduce(1, *)))
    }

    private func published(_ name: String, _ separator: Character) -> String {
        String(name.map { $0 == "." ? separator : $0 })
    }

    private func tensorPlaces(separator: Character) -> [Place] {
        layout.modules.indices.flatMap { index -> [Place] in
            let (place, c) = (layout.modules[index], layout.subcomponents)
            let name = published(weights[index].name, separator)
            return [
                ("components.\(name).V", place.v, [place.inputs, c]),
                ("components.\(name).U", place.u, [c, place.outputs]),
            ] + layout.gateTensors(index).map { ("gates.\(name).\($0.name)", $0.offset, $0.shape) }
        }
    }
}
