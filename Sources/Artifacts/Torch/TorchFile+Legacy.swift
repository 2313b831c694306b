extension TorchFile {
    /// The tensors of a state dict, and the bytes of the storages that they are views of, by their keys.
    struct Contents {
        var tensors: [String: TorchTensor]
        var storage: (String) throws(Fault) -> ArraySlice<UInt8>?
    }

    /// What `torch.save` wrote before PyTorch 1.6, and writes with `_use_new_zipfile_serialization=False`: five pickles
    /// in a row, and after them the storages, each after the number of its elements.
    ///
    /// The pickles are a magic number, a version, what machine it was, the state dict, and the storages' keys.
    static func legacy(_ bytes: [UInt8]) throws(Fault) -> Contents {
        guard bytes.count > 15, bytes[2..<15].elementsEqual(magic) else {
            throw .unsuitable("it is a pickle that torch.save did not write; it was not executed")
        }
        var rest = bytes[15...]
        let version = try StateDictPickle(runningThrough: &rest)
        guard case .integer(1001) = version.result else {
            throw .unsuitable("its format is not the version 1001 of PyTorch before 1.6; save it again in Python")
        }
        let machine = try StateDictPickle(runningThrough: &rest)
        guard case .bool(true)? = machine.member("little_endian") else {
            throw .unsuitable("it was saved on a big-endian machine; save it again on a little-endian one")
        }
        let state = try StateDictPickle(runningThrough: &rest)
        let keys = try StateDictPickle(runningThrough: &rest).texts()

        var storages: [String: ArraySlice<UInt8>] = [:]
        var cursor = ByteCursor(rest)
        for key in keys {
            let what = "the storage \(readable(key))"
            guard let type = state.storages[key] else { throw .damaged("\(what) belongs to no tensor") }
            guard let count = cursor.size(Int64.self),
                case let (size, isTooLarge) = count.multipliedReportingOverflow(by: type.bytesPerNumber), !isTooLarge,
                let storage = cursor.take(size)
            else { throw .damaged("it ends before \(what) does") }
            storages[key] = storage
        }
        guard cursor.isAtEnd else { throw .damaged("there are \(cursor.rest.count) bytes behind its storages") }
        return Contents(tensors: try state.tensors(of: state.result)) { storages[$0] }
    }

    /// What comes after the pickle's protocol: 0x1950a86a20f9469cfc6c, and the end.
    private static let magic: [UInt8] = [
        0x8A, 10, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19, 0x2E,
    ]
}

extension StateDictPickle {
    /// Runs the pickle that `bytes` begin with, and passes it.
    init(runningThrough bytes: inout ArraySlice<UInt8>) throws(TorchFile.Fault) {
        self.init(bytes)
        try run()
        bytes = rest
    }

    /// A dict's value of that key.
    func member(_ name: String) -> Value? {
        guard case .object(let index) = result, case .mapping = objects[index].kind else { return nil }
        let items = objects[index].items
        for place in stride(from: items.count - 2, through: 0, by: -2) {
            if case .text(name) = items[place] { return items[place + 1] }
        }
        return nil
    }

    /// A list's texts.
    func texts() throws(TorchFile.Fault) -> [String] {
        guard case .object(let index) = result, case .list = objects[index].kind else { throw Self.malformed }
        var texts: [String] = []
        for item in objects[index].items {
            guard case .text(let text) = item else { throw Self.malformed }
            texts.append(text)
        }
        return texts
    }
}
