extension StateDictPickle {
    /// The Python objects that a state dict's pickle may name.
    enum Global {
        case orderedDict
        case rebuildTensor
        case rebuildParameter
        case storage(TorchStorageType)

        init(module: String, name: String) throws(TorchFile.Fault) {
            switch (module, name) {
            case ("collections", "OrderedDict"): self = .orderedDict
            case ("torch._utils", "_rebuild_tensor_v2"): self = .rebuildTensor
            case ("torch._utils", "_rebuild_parameter"): self = .rebuildParameter
            default:
                guard module == "torch", let type = TorchStorageType(rawValue: name) else {
                    throw .foreign(readable("\(module).\(name)"))
                }
                self = .storage(type)
            }
        }
    }

    /// What PyTorch would get by calling `global`.
    func call(_ global: Global, _ arguments: [Value]) throws(TorchFile.Fault) -> Object {
        switch global {
        case .orderedDict:
            guard arguments.isEmpty else { throw Self.malformed }
            return Object(kind: .mapping)
        case .rebuildTensor:
            // storage, offset, shape, strides, requires_grad, hooks; and what is left to do to the numbers
            guard arguments.count != 7 else {
                throw .unsuitable(
                    "a tensor in it has a pending negation or conjugation; in Python, save its resolve_neg()")
            }
            guard arguments.count == 6, case .object(let index) = arguments[0],
                case .storage(let storage) = objects[index].kind, case .integer(let offset) = arguments[1],
                let shape = integers(arguments[2]), let strides = integers(arguments[3])
            else { throw Self.malformed }
            return Object(
                kind: .tensor(TorchTensor(storage: storage, offset: offset, shape: shape, strides: strides)))
        case .rebuildParameter:
            // tensor, requires_grad, hooks
            guard arguments.count == 3, case .object(let index) = arguments[0], case .tensor = objects[index].kind
            else { throw Self.malformed }
            return objects[index]
        case .storage: throw Self.malformed
        }
    }

    /// The storage that a persistent id names: ('storage', type, key, device, count), before PyTorch 1.6 with the part of
    /// another storage that it is, which state dicts have not needed since PyTorch 0.4.
    func storage(_ id: [Value]) throws(TorchFile.Fault) -> TorchStorage {
        if id.count == 6 {
            guard case .none = id[5] else {
                throw .unsuitable("it was saved by PyTorch before 0.4; load it in Python and save it again")
            }
        }
        guard 5...6 ~= id.count, case .text("storage") = id[0], case .global(.storage(let type)) = id[1],
            case .text(let key) = id[2], case .integer(let count) = id[4], count >= 0
        else { throw Self.malformed }
        return TorchStorage(type: type, key: key, count: count)
    }

    /// A tuple's items; nil for anything else.
    func tuple(_ value: Value) -> [Value]? {
        guard case .object(let index) = value, case .tuple = objects[index].kind else { return nil }
        return objects[index].items
    }

    /// A shape or strides.
    private func integers(_ value: Value) -> [Int]? {
        guard let items = tuple(value), items.count <= TorchTensor.mostDimensions else { return nil }
        var integers: [Int] = []
        for case .integer(let integer) in items { integers.append(integer) }
        return integers.count == items.count ? integers : nil
    }

    /// The tensors of a state dict by name.
    func tensors(of value: Value) throws(TorchFile.Fault) -> [String: TorchTensor] {
        let advice = "in Python, save the weights alone: torch.save(model.state_dict(), path)"
        guard case .object(let index) = value, case .mapping = objects[index].kind else {
            throw .unsuitable("it holds \(describe(value)), not a dict of tensors; \(advice)")
        }
        let items = objects[index].items
        var tensors: [String: TorchTensor] = [:]
        for place in stride(from: 0, to: items.count, by: 2) {
            guard case .text(let name) = items[place] else {
                throw .unsuitable("its dict has \(describe(items[place])) for a key, not a name; \(advice)")
            }
            guard case .object(let index) = items[place + 1], case .tensor(let tensor) = objects[index].kind else {
                throw .unsuitable("\(readable(name)) is \(describe(items[place + 1])), not a tensor; \(advice)")
            }
            tensors[name] = tensor
        }
        return tensors
    }

    private func describe(_ value: Value) -> String {
        switch value {
        case .none: "None"
        case .bool: "a bool"
        case .integer, .number: "a number"
        case .text: "a string"
        case .global: "a class"
        case .object(let index):
            switch objects[index].kind {
            case .tuple: "a tuple"
            case .list: "a list"
            case .mapping: "a dict"
            case .storage: "a storage"
            case .tensor: "a single tensor"
            }
        }
    }
}
