/// The tensors of a PyTorch state dict: what `torch.save(model.state_dict(), path)` writes.
///
/// Such a file is a zip archive of `<name>/data.pkl`, a pickle that names the tensors, and of `<name>/data/<key>`, the
/// storages that the tensors are views of; before PyTorch 1.6 it was a row of pickles and storages. Nothing in a pickle
/// is ever executed: see `StateDictPickle`.
public struct TorchFile: Equatable, Sendable {
    /// The tensors by name, in single precision and row-major order whatever they are in the file.
    public let arrays: [String: SafeTensors.Array]
    /// The types of tensors whose numbers are not read, by the tensors' names; only where a reader tolerates them.
    public let unread: [String: String]

    /// Why bytes are no usable state dict.
    public enum Fault: Error, Equatable, CustomStringConvertible {
        /// The file contradicts itself or its format.
        case damaged(String)
        /// The file is well-formed, but holds something else.
        case unsuitable(String)
        /// The pickle wants a Python object by this name that state dicts have no use for.
        case foreign(String)

        /// The reason, to follow the file's name and a colon.
        public var description: String {
            switch self {
            case .damaged(let reason): "it is damaged: \(reason)"
            case .unsuitable(let reason): reason
            case .foreign(let name):
                "its pickle asks for \(name), which no state dict of float tensors needs; it was not executed; "
                    + "in Python, save the weights alone: torch.save(model.state_dict(), path)"
            }
        }
    }

    /// Reads a file of at most `limit` bytes.
    ///
    /// - Parameters:
    ///   - path: the file.
    ///   - limit: how many bytes it may have.
    ///   - skips: which tensors, by their names, are left out whatever their type.
    ///   - toleratesOtherTypes: whether tensors of types that are not read are named in ``unread``, not refused.
    /// - Throws: `TorchFileError` for anything that is not a well-formed state dict of floating-point tensors.
    public init(
        contentsOf path: String, limit: Int = 4 << 30, skipping skips: (String) -> Bool = { _ in false },
        toleratingOtherTypes toleratesOtherTypes: Bool = false
    ) throws(TorchFileError) {
        let bytes: [UInt8]
        do {
            bytes = try DurableFile.read(path, limit: limit)
        } catch {
            throw .unreadable(error)
        }
        do {
            try self.init(decoding: bytes, skipping: skips, toleratingOtherTypes: toleratesOtherTypes)
        } catch {
            throw .unusable(path: path, error)
        }
    }

    init(
        decoding bytes: [UInt8], skipping skips: (String) -> Bool = { _ in false },
        toleratingOtherTypes toleratesOtherTypes: Bool = false
    ) throws(Fault) {
        let contents = bytes.first == 0x80 ? try Self.legacy(bytes) : try Self.archived(bytes)
        try Self.checkSize(of: contents.tensors, fileSize: bytes.count)

        var storages: [String: ArraySlice<UInt8>] = [:]
        var arrays: [String: SafeTensors.Array] = [:]
        var unread: [String: String] = [:]
        for (name, tensor) in contents.tensors where !skips(name) {
            if toleratesOtherTypes, !tensor.storage.type.isFloat {
                unread[name] = "torch.\(tensor.storage.type)"
                continue
            }
            let key = tensor.storage.key
            if storages[key] == nil { storages[key] = try contents.storage(key) }
            guard let storage = storages[key] else {
                throw .damaged("the storage \(readable(key)) of \(readable(name)) is missing")
            }
            arrays[name] = SafeTensors.Array(shape: tensor.shape, try tensor.values(in: storage, name: name))
        }
        self.arrays = arrays
        self.unread = unread
    }

    /// What `torch.save` writes since PyTorch 1.6.
    private static func archived(_ bytes: [UInt8]) throws(Fault) -> Contents {
        let archive = try ZipArchive(bytes)
        let folder = try folder(of: archive)
        if let order = try archive.contents(of: folder + "byteorder"), !order.elementsEqual("little".utf8) {
            throw .unsuitable("it was saved on a big-endian machine; save it again on a little-endian one")
        }
        guard let pickle = try archive.contents(of: folder + "data.pkl") else {
            throw .damaged("data.pkl is missing")
        }
        return Contents(tensors: try StateDictPickle.tensors(in: pickle)) { key throws(Fault) in
            try archive.contents(of: folder + "data/" + key)
        }
    }

    /// The folder in the archive that holds everything; it is named after the file as it was saved.
    private static func folder(of archive: ZipArchive) throws(Fault) -> String {
        let pickles = archive.names.filter { $0.hasSuffix("/data.pkl") && $0.count { $0 == "/" } == 1 }
        guard let pickle = pickles.first, pickles.count == 1 else {
            throw .unsuitable("it is a zip archive without a data.pkl, so torch.save did not write it")
        }
        let folder = String(pickle.dropLast("data.pkl".count))
        guard !archive.names.contains(folder + "constants.pkl") else {
            throw .unsuitable(
                "it is a TorchScript module; in Python, save the weights alone: torch.save(model.state_dict(), path)")
        }
        return folder
    }

    /// Refuses tensors that repeat their storages' numbers so often that a small file would fill the memory.
    private static func checkSize(of tensors: [String: TorchTensor], fileSize: Int) throws(Fault) {
        let limit = max(1 << 20, 2 * fileSize)
        var total = 0
        for (name, tensor) in tensors {
            total += try tensor.count(name: name, limit: limit)
            guard total <= limit else {
                throw .unsuitable("its tensors have over \(limit) numbers, far more than its \(fileSize) bytes hold")
            }
        }
    }
}

/// Why a `.pth` file is refused.
public enum TorchFileError: Error, Equatable, CustomStringConvertible {
    case unreadable(FileError)
    case unusable(path: String, TorchFile.Fault)

    /// One readable line.
    public var description: String {
        switch self {
        case .unreadable(let error): error.description
        case .unusable(let path, let fault): "\(path) is not a usable PyTorch state dict: \(fault)"
        }
    }
}

/// Text out of a file in quotes, fit for one line of a terminal.
func readable(_ text: String) -> String {
    let printable = text.unicodeScalars.prefix(80).map { 0x20..<0x7F ~= $0.value ? Character($0) : "?" }
    return "'" + String(printable) + (text.unicodeScalars.count > 80 ? "…'" : "'")
}
